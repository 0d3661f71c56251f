/* outbox.h - the door of this folder: brings committed events from the store to the broker, each until the broker
 * acknowledged it. It joins the connection (connection.h), the delivery of rows (delivery.h), what may wait
 * (optional.h) and the bureau's requests to send again (resend.h). Main loop only.
 *
 * Rows that were committed since the connection was made go before older ones: live data before backfill. A row
 * that the broker refuses for now waits, and the rows behind it; a row that it will never take is parked and blocks no
 * other row. Alarms go before means, and means before states. */
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

/* All is borrowed; the handler is copied. */
struct outbox_setup {
	const struct message_context *context;
	struct store *store;
	struct loop *loop;
	struct outbox_handler handler;
};

/* NULL with a sentence in `error`. */
struct outbox *outbox_create(const struct outbox_setup *setup, char *error, size_t size);

/* Sends rows that were committed. Call after each commit. */
void outbox_send_new(struct outbox *outbox);

/* Periods were closed and stored: their means are published. */
void outbox_periods_closed(struct outbox *outbox);

/* Sends rows that were sent or parked before and are pending again. */
void outbox_send_again(struct outbox *outbox);

/* Publishes all states, or the health, as they are when there is room for them behind alarms. Not needed after a
 * connection was made: then all of them are published. */
void outbox_publish_states(struct outbox *outbox);
void outbox_publish_health(struct outbox *outbox);

void outbox_get_status(struct outbox *outbox, struct outbox_status *ret_status);

/* Says goodbye to the broker, within timeout_ms (real), and frees what can be freed; as mqtt_destroy(). Accepts NULL.
 */
bool outbox_finish(struct outbox *outbox, int timeout_ms);

#endif
