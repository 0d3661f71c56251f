#include "daemon/mqtt/resend.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/mend.h"
#include "daemon/store/outbox.h"

#define BURST 5.0
#define EVERY_MS 10000.0 /* one more request */
#define ID_SIZE 65

static const char *const streams[] = { "alarm", "checkpoint" };

struct wish {
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

static void __attribute__((format(printf, 2, 3))) refuse(struct wish *wish, const char *format, ...)
{
	va_list arguments;

	if (wish->error[0] == '\0') {
		va_start(arguments, format);
		vsnprintf(wish->error, sizeof(wish->error), format, arguments);
		va_end(arguments);
	}
}

/* It comes back in the reply, so it is of harmless characters only. */
static bool is_id(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

	return text[0] && strlen(text) < ID_SIZE && strspn(text, allowed) == strlen(text);
}

static int64_t number_of(struct wish *wish, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 1) {
		refuse(wish, "\"%s\" must be an integer from 1", key);
		return 0;
	}
	return json_integer_value(value);
}

static void read_fields(const json_t *object, struct wish *wish)
{
	const json_t *id = json_object_get(object, "id"), *stream = json_object_get(object, "stream");
	const char *name = json_is_string(stream) ? json_string_value(stream) : stream ? "" : streams[0];

	if (json_is_string(id) && is_id(json_string_value(id))) {
		snprintf(wish->id, sizeof(wish->id), "%s", json_string_value(id));
	} else if (id) {
		refuse(wish, "\"id\" must be 1 to 64 letters, digits, '_', '.' or '-'");
	}
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		wish->stream = strcmp(name, streams[i]) == 0 ? streams[i] : wish->stream;
	}
	if (!wish->stream) {
		refuse(wish, "\"stream\" must be \"alarm\" or \"checkpoint\"");
	}
	wish->from = number_of(wish, object, "from");
	wish->to = number_of(wish, object, "to");
	if (wish->error[0] == '\0' && (wish->to < wish->from || wish->to - wish->from >= RESEND_MOST)) {
		refuse(wish, "\"to\" must be \"from\" or up to %d more", RESEND_MOST - 1);
	}
}

static void read_wish(const struct mqtt_request *request, struct wish *wish)
{
	json_error_t why;

	memset(wish, 0, sizeof(*wish));
	if (request->too_long) {
		refuse(wish, "the request is longer than %d bytes", MQTT_REQUEST_SIZE);
		return;
	}
	json_t *object = json_loadb(request->payload, request->size, JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(object)) {
		read_fields(object, wish);
	} else {
		refuse(wish, "the request is not a JSON object");
	}
	json_decref(object);
}

/* ---- answering ---- */

/* What a topic may hold anywhere: the library sends no text that is not UTF-8, and some brokers end the connection for
 * a control character (MQTT 5.0, 1.5.4). C1 controls are C2 80 to C2 9F. */
static bool is_clean(const char *topic)
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

/* A response topic of the request is honoured where replies belong, and nowhere else: no request makes the box publish
 * to another place. */
static void reply_topic(const struct resend *resend, const struct mqtt_request *request, char *topic)
{
	message_resend_reply_topic(resend->context, topic);
	size_t n = strlen(topic);
	const char *wanted = request->response_topic;

	if (strncmp(wanted, topic, n) == 0 && wanted[n] == '/' && strpbrk(wanted, "#+") == NULL && is_clean(wanted)) {
		snprintf(topic, MQTT_TOPIC_SIZE, "%s", wanted);
	}
}

/* False when there have been too many. *ret_complain: they may be told so, once in a while. */
static bool may_ask(struct resend *resend, int64_t now_ms, bool *ret_complain)
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

struct resend_answer resend_take(struct resend *resend, const struct mqtt_request *request, int64_t now_ms)
{
	struct resend_answer answer = { .payload = NULL };
	struct wish wish = { .stream = NULL };
	bool complain = false;

	if (may_ask(resend, now_ms, &complain)) {
		read_wish(request, &wish);
	} else if (complain) {
		refuse(&wish, "too many requests: %d at once, then one in %d s", (int)BURST, (int)(EVERY_MS / 1000.0));
	} else {
		return answer;
	}
	if (wish.error[0] == '\0') {
		answer.again = store_outbox_again(resend->store, wish.stream, wish.from, wish.to);
		if (answer.again < 0) {
			answer.again = 0;
			refuse(&wish, "the store cannot be read now");
		} else if (answer.again == 0) {
			refuse(&wish, "there are no messages with these numbers");
		}
	}
	struct resend_reply reply = { wish.id, wish.stream, wish.from, wish.to, answer.again,
		wish.stream ? store_outbox_newest_seq(resend->store, wish.stream) : 0, wish.error };
	reply_topic(resend, request, answer.topic);
	answer.payload = message_resend_reply(resend->context, &reply);
	return answer;
}
