/* health.h - composes the health message: how the box is, for the bureau (docs/mqtt/health.schema.json). Main loop. */
#ifndef EMIS_DAEMON_HEALTH_H
#define EMIS_DAEMON_HEALTH_H

#include "daemon/modbus/link.h"
#include "daemon/mqtt/message.h"
#include "daemon/mqtt/outbox.h"

/* Where the figures of the message come from; all borrowed. */
struct health_sources {
	const struct message_context *context;
	struct store *store;
	struct outbox *outbox;
	struct link *const *links;
	size_t n_links;
	const char *clock_state; /* timekeeper_clock_state() */
	struct mono started;
};

/* The retained health message; the caller frees it. Writes its topic (TOPIC_SIZE). NULL when out of memory. */
char *health_compose(const struct health_sources *from, char *topic);

#endif
