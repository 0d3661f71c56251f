/* fuzz_wire.c - messages from a broker: requests to send messages again, with any bytes as payload, response topic
 * and correlation data. In every case the reply is JSON and goes to our own topic or below it, and the store is only
 * asked for numbers that the request names and that are within the bounds. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mend.h"
#include "daemon/mqtt/resend.h"
#include "daemon/store/outbox.h"

#define START_MS 100000000

/* Replaces the store: checks that the requested numbers are within the contract. */
int64_t store_outbox_again(struct store *store, const char *stream, int64_t from, int64_t to)
{
	(void)store;
	if (!stream || from < 1 || to < from || to - from >= RESEND_MOST) {
		abort();
	}
	return to - from + 1;
}

int64_t store_outbox_newest_seq(struct store *store, const char *stream)
{
	(void)store;
	(void)stream;
	return 7;
}

static void check_reply(const struct resend_answer *answer)
{
	static const char ours[] = "emis/1/site/resend/reply";
	json_t *reply = json_loads(answer->payload, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(reply) || strncmp(answer->topic, ours, sizeof(ours) - 1) != 0 ||
		strpbrk(answer->topic, "#+") || strlen(answer->topic) >= MQTT_TOPIC_SIZE) {
		abort();
	}
	for (const char *at = answer->topic; *at; at += mend_character(at)) {
		if (mend_character(at) == 0 || (unsigned char)*at < 0x20) {
			abort(); /* paho would refuse this topic, or a broker would end the connection */
		}
	}
	json_decref(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct site site = { .id = "site" };
	struct clock clock;
	struct message_context context = { &site, &clock };
	struct mqtt_request request = { .size = 0 };
	struct resend resend;
	size_t topic = size > 0 ? data[0] % MQTT_TOPIC_SIZE : 0;

	if (size < 1 + topic) {
		return 0;
	}
	clock_init(&clock);
	memcpy(request.response_topic, data + 1, topic);
	data += 1 + topic;
	size -= 1 + topic;
	request.too_long = size > MQTT_REQUEST_SIZE;
	request.size = request.too_long ? MQTT_REQUEST_SIZE : size;
	memcpy(request.payload, data, request.size);
	resend_init(&resend, &context, NULL);
	struct resend_answer answer = resend_handle_request(&resend, &request, START_MS);
	if (!answer.payload) {
		abort(); /* the first request always gets a reply */
	}
	check_reply(&answer);
	free(answer.payload);
	return 0;
}
