/* outbox_internal.h - what outbox.c, outbox_connect.c (the connection) and outbox_send.c (what goes when) share. */
#ifndef EMIS_DAEMON_MQTT_OUTBOX_INTERNAL_H
#define EMIS_DAEMON_MQTT_OUTBOX_INTERNAL_H

#include "daemon/base/backoff.h"
#include "daemon/mqtt/hold.h"
#include "daemon/mqtt/mean_feed.h"
#include "daemon/mqtt/mqtt.h"
#include "daemon/mqtt/outbox.h"
#include "daemon/mqtt/peers.h"
#include "daemon/mqtt/poison.h"
#include "daemon/mqtt/resend.h"
#include "daemon/mqtt/state_feed.h"

#define MAX_WINDOW 100
#define STATE_WINDOW 8 /* states on their way at once: each is answered before the next goes, and alarms find room */
/* Of the word that we are here; rows have ids from 1, means are below 0, states are above all rows. */
#define ONLINE_TOKEN 0
#define STATE_TOKEN (INT64_MAX / 2)

/* Pending rows that lie together. */
struct region {
	int64_t last;   /* highest id of those handed to this connection */
	bool exhausted; /* nothing is behind it */
};

/* A row on its way. */
struct flight {
	int64_t id;
	char topic[HOLD_TOPIC_SIZE];
};

struct outbox {
	const struct message_context *context;
	struct store *store;
	struct loop *loop;
	struct mqtt *mqtt; /* NULL when no broker is configured */
	struct loop_io *io;
	struct loop_timer *retry;
	struct loop_timer *patience;
	struct loop_timer *marking;
	struct loop_timer *later; /* the next try of what is held back */
	struct loop_timer *daily;
	struct mean_feed *means;
	struct state_feed *states; /* the handler's, and behind them the health */
	struct outbox_handler handler;
	struct resend resend;
	struct poison poison;
	char run[RUN_SIZE]; /* names this process in presence messages */

	/* The connection. */
	struct peer peers[MQTT_BROKERS];
	struct mqtt_manner manner; /* of the connection, or of the attempt */
	struct mqtt_terms terms;   /* of the connection */
	struct mqtt_terms known;   /* of the one before: parked messages are tried when they differ */
	struct backoff backoff;
	struct backoff rivalry; /* of losses to another gateway with our name */
	size_t broker;          /* of the configuration's: in use, or tried next */
	char error[200];        /* why the last connection ended */
	const char *verdict;    /* why we end the connection; NULL when we do not */
	bool connected;
	bool served; /* the connection: the broker took a message */
	bool rival;  /* another gateway showed itself on it */
	bool anew;   /* we end it only to connect in another manner */
	bool finishing;
	int64_t connected_ms;

	/* Rows. */
	struct flight flights[MAX_WINDOW];
	size_t in_flight;
	int64_t live_from; /* what was queued after the connection was made goes first: ids from here on */
	struct region live;
	struct region backlog; /* the older ones */
	struct hold hold;
	size_t n_passed_over; /* rows held back since start_over() */
	bool told_waiting;
	size_t n_done;
	int64_t done[MAX_WINDOW]; /* acknowledged and not marked so yet */
	struct backoff unmarkable;
	bool unmarked; /* more than fit could not be: they go again once the store takes a mark */
	bool again;    /* there are pending rows behind live and backlog: to be handed over from the start */
	bool warned_no_subscriber;

	/* What may wait: presence, means and states. */
	bool online_wanted;
	bool online_in_flight;
	int64_t optional_ms; /* before then none of it goes: the broker refused some for a reason that passes */
	int64_t optional_delay_ms;
	size_t states_refused; /* that never go, since the last round */
	char states_reason[160];
};

/* ---- outbox_flight.c ---- */

const char *outbox_broker_name(const struct outbox *outbox);
/* Rows, means, states and the presence that are not acknowledged. */
size_t outbox_all_in_flight(const struct outbox *outbox);
void outbox_restart_patience(struct outbox *outbox);
/* Rows that are acknowledged and not marked so: the store is told. */
void outbox_mark_done(struct outbox *outbox);

/* ---- outbox_connect.c ---- */

/* The handler's functions for mqtt.h, and the timer's. */
void outbox_on_connected(void *context, const struct mqtt_terms *terms);
void outbox_on_lost(void *context, const struct mqtt_loss *loss);
void outbox_on_retry(void *context);
/* Somebody published to the topic of our presence. */
void outbox_take_presence(struct outbox *outbox, const struct mqtt_request *request);
/* Once a day: what waited for better days is tried again. */
void outbox_on_daily(void *context);

/* ---- outbox_send.c ---- */

/* Hands over what there is room for. */
void outbox_go_on(struct outbox *outbox);
/* Hands everything over that is pending, from the start. */
void outbox_start_over(struct outbox *outbox, int64_t live_from);
/* The broker refused a row, for good or for now; or it ended the connection once more for it. */
void outbox_park(struct outbox *outbox, int64_t id, const char *reason);
void outbox_count_refusal(struct outbox *outbox, int64_t id, const char *reason);
void outbox_row_refused(struct outbox *outbox, const struct flight *flight, int code, const char *reason);
/* The broker refused something that may wait, for a reason that passes: it goes again after a growing pause. */
void outbox_delay_optional(struct outbox *outbox);
void outbox_state_refused(struct outbox *outbox, size_t index, int code, const char *reason);
void outbox_on_later(void *context);

#endif
