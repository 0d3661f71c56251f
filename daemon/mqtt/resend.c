#include "daemon/mqtt/resend.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/mend.h"
#include "daemon/store/outbox.h"

#define BURST 5.0
#define EVERY_MS 10000.0 /* then one request is allowed in this time */
#define ID_SIZE 65

static const char *const streams[] = { "alarm", "checkpoint" };

struct order {
	char id[ID_SIZE]; /* "" = none */
	const char *stream;
	int64_t from;
	int64_t to;
	char error[160]; /* "" = good */
};

void resend_init(struct resend *resend, const struct message_context *context, struct store *store)
{
	*resend =
		(struct resend){ .context = context, .store = store, .tokens = BURST, .complained_ms = INT64_MIN / 2 };
}

/* ---- reading ---- */

static void __attribute__((format(printf, 2, 3))) set_error(struct order *order, const char *format, ...)
{
	va_list arguments;

	if (order->error[0] == '\0') {
		va_start(arguments, format);
		vsnprintf(order->error, sizeof(order->error), format, arguments);
		va_end(arguments);
	}
}

/* An id comes back in the reply, so only harmless characters are allowed. */
static bool is_valid_id(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

	return text[0] && strlen(text) < ID_SIZE && strspn(text, allowed) == strlen(text);
}

static int64_t read_number(struct order *order, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 1) {
		set_error(order, "\"%s\" must be an integer from 1", key);
		return 0;
	}
	return json_integer_value(value);
}

static void read_fields(const json_t *object, struct order *order)
{
	const json_t *id = json_object_get(object, "id"), *stream = json_object_get(object, "stream");
	const char *name = json_is_string(stream) ? json_string_value(stream) : stream ? "" : streams[0];

	if (json_is_string(id) && is_valid_id(json_string_value(id))) {
		snprintf(order->id, sizeof(order->id), "%s", json_string_value(id));
	} else if (id) {
		set_error(order, "\"id\" must be 1 to 64 letters, digits, '_', '.' or '-'");
	}
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		order->stream = strcmp(name, streams[i]) == 0 ? streams[i] : order->stream;
	}
	if (!order->stream) {
		set_error(order, "\"stream\" must be \"alarm\" or \"checkpoint\"");
	}
	order->from = read_number(order, object, "from");
	order->to = read_number(order, object, "to");
	if (order->error[0] == '\0' && (order->to < order->from || order->to - order->from >= RESEND_MOST)) {
		set_error(order, "\"to\" must be \"from\" or up to %d more", RESEND_MOST - 1);
	}
}

static void read_order(const struct mqtt_request *request, struct order *order)
{
	json_error_t why;

	memset(order, 0, sizeof(*order));
	if (request->too_long) {
		set_error(order, "the request is longer than %d bytes", MQTT_REQUEST_SIZE);
		return;
	}
	json_t *object = json_loadb(request->payload, request->size, JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(object)) {
		read_fields(object, order);
	} else {
		set_error(order, "the request is not a JSON object");
	}
	json_decref(object);
}

/* ---- answering ---- */

/* False for text that is not UTF-8, which the library does not send, and for control characters, for which some brokers
 * end the connection (MQTT 5.0, 1.5.4). C1 controls are C2 80 to C2 9F. */
static bool is_safe_topic(const char *topic)
{
	while (*topic) {
		size_t n = mend_character(topic);
		unsigned char first = (unsigned char)topic[0];
		if (n == 0 || first < 0x20 || first == 0x7F || (first == 0xC2 && (unsigned char)topic[1] < 0xA0)) {
			return false;
		}
		topic += n;
	}
	return true;
}

/* The request's response topic is used only at or below our reply topic: no request makes the box publish anywhere
 * else. */
static void choose_reply_topic(const struct resend *resend, const struct mqtt_request *request, char *topic)
{
	message_resend_reply_topic(resend->context, topic);
	size_t n = strlen(topic);
	const char *wanted = request->response_topic;

	if (strncmp(wanted, topic, n) == 0 && wanted[n] == '/' && strpbrk(wanted, "#+") == NULL &&
		is_safe_topic(wanted)) {
		snprintf(topic, MQTT_TOPIC_SIZE, "%s", wanted);
	}
}

/* False when requests come too fast. *ret_complain: answer this one with an error; most get no reply. */
static bool take_token(struct resend *resend, int64_t now_ms, bool *ret_complain)
{
	resend->tokens += (double)(now_ms - resend->counted_ms) / EVERY_MS;
	resend->tokens = resend->tokens > BURST ? BURST : resend->tokens;
	resend->counted_ms = now_ms;
	if (resend->tokens >= 1.0) {
		resend->tokens -= 1.0;
		return true;
	}
	resend->dropped++;
	*ret_complain = now_ms - resend->complained_ms >= (int64_t)EVERY_MS;
	resend->complained_ms = *ret_complain ? now_ms : resend->complained_ms;
	return false;
}

struct resend_answer resend_handle_request(struct resend *resend, const struct mqtt_request *request, int64_t now_ms)
{
	struct resend_answer answer = { .payload = NULL };
	struct order order = { .stream = NULL };
	bool complain = false;

	if (take_token(resend, now_ms, &complain)) {
		read_order(request, &order);
	} else if (complain) {
		set_error(&order, "too many requests: %d at once, then one in %d s", (int)BURST,
			(int)(EVERY_MS / 1000.0));
	} else {
		return answer;
	}
	if (order.error[0] == '\0') {
		answer.again = store_outbox_again(resend->store, order.stream, order.from, order.to);
		if (answer.again < 0) {
			answer.again = 0;
			set_error(&order, "the store cannot be read now");
		} else if (answer.again == 0) {
			set_error(&order, "there are no messages with these numbers");
		}
	}
	struct resend_reply reply = { order.id, order.stream, order.from, order.to, answer.again,
		order.stream ? store_outbox_newest_seq(resend->store, order.stream) : 0, order.error };
	choose_reply_topic(resend, request, answer.topic);
	answer.payload = message_resend_reply(resend->context, &reply);
	return answer;
}
