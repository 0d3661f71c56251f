#include "daemon/mqtt/presence.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void presence_init(struct presence *presence, const struct message_context *context, struct store *store)
{
	uint64_t random = 0;

	presence->context = context;
	presence->store = store;
	(void)!getrandom(&random, sizeof(random), 0); /* never gives fewer than such a few bytes */
	snprintf(presence->run, RUN_SIZE, "%016llx", (unsigned long long)random);
}

char *presence_message(const struct presence *presence, bool online, char *topic)
{
	message_online_topic(presence->context, topic);
	return message_online(presence->context, online, store_next_seq(presence->store) - 1, presence->run);
}

bool presence_is_of_other_run(const struct presence *presence, const struct mqtt_request *request)
{
	char run[RUN_SIZE];

	return !request->too_long && message_online_run(request->payload, request->size, run) &&
		strcmp(run, presence->run) != 0;
}
