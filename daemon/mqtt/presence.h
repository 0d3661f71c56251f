/* presence.h - the retained message that says whether this gateway is connected, and how it tells this run of the
 * gateway from another gateway that uses the same site id. Main loop only. */
#ifndef EMIS_DAEMON_MQTT_PRESENCE_H
#define EMIS_DAEMON_MQTT_PRESENCE_H

#include "daemon/mqtt/message.h"
#include "daemon/mqtt/mqtt.h"
#include "daemon/store/store.h"

struct presence {
	const struct message_context *context;
	struct store *store;
	char run[RUN_SIZE]; /* names this process in presence messages */
};

/* Both are borrowed. */
void presence_init(struct presence *presence, const struct message_context *context, struct store *store);

/* The message and, in TOPIC_SIZE bytes, its topic. To be freed by the caller; NULL when out of memory. */
char *presence_message(const struct presence *presence, bool online, char *topic);

/* True when the presence message in `request` was published by another run. */
bool presence_is_of_other_run(const struct presence *presence, const struct mqtt_request *request);

#endif
