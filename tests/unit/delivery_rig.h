/* delivery_rig.h - a delivery out of a real store, over a connection, timers and a clock that the test holds in its
 * hands; what fails ends the test. */
#ifndef EMIS_TESTS_UNIT_DELIVERY_RIG_H
#define EMIS_TESTS_UNIT_DELIVERY_RIG_H

#include "daemon/mqtt/delivery.h"
#include "daemon/store/outbox.h"
#include "tests/unit/store_rig.h"

#define MOST 2000
#define RIG_START_MS 1000000 /* of the clock */
#define STATES 30
#define NOT_NOW 0x97   /* quota exceeded */
#define NO_RIGHT 0x87  /* not authorized */
#define BAD_TOPIC 0x90 /* topic name invalid */

struct sqlite3;

struct connection {
	struct mqtt_terms terms;
	bool up;
	enum mqtt_handed answer; /* of the library to the next messages */
	size_t in_flight;
	int64_t sent[MOST]; /* tokens, since the last clear_sent() */
	size_t n_sent;
};

struct rig {
	struct store_rig on;
	struct message_context context;
	struct presence presence;
	struct connection connection;
	struct optional *optional;
	struct delivery *delivery;
	size_t n_rows;
	size_t n_parked; /* reports */
	bool waiting;    /* reported */
};

/* For cmocka: *state is a rig without a connection. */
int rig_set_up(void **state);
int rig_tear_down(void **state);

/* Commits a row, or n rows; rows have ids from 1. */
void rig_commit_long(struct rig *rig, const char *topic, const char *payload);
void rig_commit(struct rig *rig, const char *topic);
void rig_commit_many(struct rig *rig, size_t n);
struct outbox_counts rig_count(struct rig *rig);

/* A connection is made; the broker answers presence and states at once. */
void rig_connect_with(struct rig *rig, enum connection_news news);
void rig_connect_again(struct rig *rig);
void rig_disconnect(struct rig *rig, bool suspicious);

/* The broker answers one message, or presence, states and means. */
void rig_acknowledge(struct rig *rig, int64_t token);
void rig_refuse(struct rig *rig, int64_t token, int code);
void rig_answer_optional(struct rig *rig);

/* These messages were sent since the last call, in this order; 0 ends the list. */
void rig_expect_sent(struct rig *rig, ...);

int64_t rig_now_ms(void);
/* Time passes; timers fire. */
void rig_wait_ms(struct rig *rig, int64_t ms);
/* Time passes while the main loop is busy: no timer fires. */
void rig_keep_busy(int64_t ms);

/* Another program holds state.db; each look at the clock takes 50 ms then. */
struct sqlite3 *rig_lock(struct rig *rig);
void rig_unlock(struct sqlite3 *db);

#endif
