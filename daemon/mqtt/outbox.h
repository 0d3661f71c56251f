/* outbox.h - brings committed events from the store to the broker, oldest first, each until it is acknowledged.
 * What was queued while a connection stood goes before what was waiting for it: live data before backfill.
 * What the broker refuses for now waits, and what is behind it (hold.h); what it will never take is parked and blocks
 * nothing. Alarms go before means, and means before states, which never take the room that an alarm needs. Brokers are
 * tried in order (outbox_connect.c). The bureau may ask for messages again (resend.h). */
#ifndef EMIS_DAEMON_MQTT_OUTBOX_H
#define EMIS_DAEMON_MQTT_OUTBOX_H

#include "daemon/base/loop.h"
#include "daemon/mqtt/message.h"
#include "daemon/store/outbox.h"
#include "daemon/store/store.h"

struct outbox;

struct outbox_status {
	const char *broker; /* the one in use, or tried next; "" when nothing is published */
	const char *state;  /* connected, connecting, waiting, off */
	struct outbox_counts counts;
	const char *error; /* why the last connection ended; "" */
};

struct outbox_handler {
	/* The text of a retained state, to be freed by the outbox, and its topic (TOPIC_SIZE): index counts from 0 to
	 * n_states - 1, and n_states is the gateway's health. NULL when out of memory. */
	char *(*state)(void *context, size_t index, char *topic);
	/* The broker will never take a message: it is kept aside, and the rest flows. */
	void (*parked)(void *context, int64_t id, const char *reason);
	/* Messages wait since a while because the broker refuses them for a reason that passes; NULL: no longer. */
	void (*waiting)(void *context, const char *reason);
	/* Another gateway uses the site's id. */
	void (*rival)(void *context, const char *words);
	void *context;
	size_t n_states;
};

/* Everything is borrowed; the handler is copied. NULL with a sentence in `error`. */
struct outbox *outbox_create(const struct message_context *context, struct store *store, struct loop *loop,
	const struct outbox_handler *handler, char *error, size_t size);

/* Sends what is pending and fits the window. Call after each commit. */
void outbox_wake(struct outbox *outbox);

/* The same once periods were closed and stored: their means are published. */
void outbox_periods_closed(struct outbox *outbox);

/* Sends again what is pending again: rows that were parked or sent before. */
void outbox_again(struct outbox *outbox);

/* Publishes all states, or the health, as they are when there is room for them behind alarms; at each connection they
 * are by themselves. */
void outbox_publish_states(struct outbox *outbox);
void outbox_publish_health(struct outbox *outbox);

void outbox_get_status(struct outbox *outbox, struct outbox_status *ret_status);

/* Says goodbye to the broker, within timeout_ms (real), and frees what can be freed; as mqtt_destroy(). */
bool outbox_finish(struct outbox *outbox, int timeout_ms);

#endif
