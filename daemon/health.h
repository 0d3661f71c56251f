/* health.h - composes the health message: the state of the box, for the bureau (docs/mqtt/health.schema.json). Main
 * loop only. */
#ifndef EMIS_DAEMON_HEALTH_H
#define EMIS_DAEMON_HEALTH_H

#include "daemon/modbus/link.h"
#include "daemon/mqtt/message.h"
#include "daemon/mqtt/outbox.h"

/* The sources of the figures in the message; all borrowed. */
struct health_sources {
	const struct message_context *context;
	struct store *store;
	struct outbox *outbox;
	struct link *const *links;
	size_t n_links;
	const char *clock_state; /* timekeeper_clock_state() */
	struct mono started;     /* of this run */
};

/* Returns the retained health message; the caller frees it. Writes its topic into `topic` (TOPIC_SIZE bytes). NULL when
 * out of memory. */
char *health_compose(const struct health_sources *from, char *topic);

#endif
