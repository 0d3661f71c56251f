/* delivery.h - sends committed rows of the outbox over a connection, each until the broker acknowledged it, and behind
 * them what may wait (optional.h). window.h decides which rows go next, hold.h which of them wait after a refusal,
 * poison.h whether they go one by one; here they meet the store and the connection. Main loop only. */
#ifndef EMIS_DAEMON_MQTT_DELIVERY_H
#define EMIS_DAEMON_MQTT_DELIVERY_H

#include "daemon/base/loop.h"
#include "daemon/mqtt/connection.h"
#include "daemon/mqtt/message.h"
#include "daemon/mqtt/optional.h"
#include "daemon/store/store.h"

struct delivery;

struct delivery_handler {
	/* The broker will never take the row: it is kept aside, and the rest flows. */
	void (*parked)(void *context, int64_t id, const char *reason);
	/* Rows wait since a while because the broker refuses them for a reason that passes; NULL: no longer. */
	void (*waiting)(void *context, const char *reason);
	void *context;
};

/* All is borrowed; the handler is copied. */
struct delivery_setup {
	const struct message_context *context;
	struct store *store;
	struct loop *loop;
	struct connection *connection;
	struct optional *optional;
	struct delivery_handler handler;
};

/* NULL when out of memory. */
struct delivery *delivery_create(const struct delivery_setup *setup);
void delivery_destroy(struct delivery *delivery);

/* Sends what is due and has room. */
void delivery_send(struct delivery *delivery);
/* Rows may have been committed: the same, with those. */
void delivery_send_new(struct delivery *delivery);
/* Rows that were sent or parked before may be pending again: the same, with those. */
void delivery_send_again(struct delivery *delivery);
/* Tells the store which rows were acknowledged. */
void delivery_record(struct delivery *delivery);
/* Makes parked rows pending again, because the broker may take them now; `why` ends a line of the log. */
void delivery_release_parked(struct delivery *delivery, const char *why);

/* Events of the connection, as in connection.h. */
void delivery_connection_up(struct delivery *delivery, enum connection_news news);
void delivery_connection_down(struct delivery *delivery, bool suspicious);
void delivery_acknowledged(struct delivery *delivery, int64_t token, bool no_subscriber);
void delivery_refused(struct delivery *delivery, int64_t token, int code, const char *reason);

#endif
