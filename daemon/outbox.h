/* outbox.h - brings committed events from the store to the broker, oldest first, each until it is acknowledged.
 * What was queued while a connection stood goes before what was waiting for it: live data before backfill.
 * A row that the broker refuses for its own sake is parked after some attempts and never blocks the others. Brokers are
 * tried in order. The bureau may ask for messages again (resend.h). */
#ifndef EMIS_DAEMON_OUTBOX_H
#define EMIS_DAEMON_OUTBOX_H

#include "daemon/loop.h"
#include "daemon/message.h"
#include "daemon/store.h"

struct outbox;

struct outbox_status {
	const char *broker; /* the one in use, or tried next; "" when nothing is published */
	const char *state;  /* connected, connecting, waiting, off */
	struct outbox_counts counts;
	const char *error; /* why the last connection ended; "" */
};

struct outbox_handler {
	/* A connection stands: the time to publish what is retained. */
	void (*connected)(void *context);
	/* The broker will not have a message: it is kept aside, and the rest flows. */
	void (*parked)(void *context, int64_t id, const char *reason);
	void *context;
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

/* Publishes a retained state; false when there is no connection now (on_connected will come). */
bool outbox_publish_state(struct outbox *outbox, const char *topic, const char *payload);

void outbox_get_status(struct outbox *outbox, struct outbox_status *ret_status);

/* Says goodbye to the broker, within timeout_ms (real), and frees what can be freed; as mqtt_destroy(). */
bool outbox_finish(struct outbox *outbox, int timeout_ms);

#endif
