/* fuzz_message.c - random alarm states with random texts and numbers: a message can be written for each of them, and
 * the message is a complete JSON object that follows docs/mqtt. */
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/mqtt/message.h"

static const uint8_t *input;
static size_t left;

static uint8_t byte(void)
{
	if (left == 0) {
		return 0;
	}
	left--;
	return *input++;
}

/* A double of any bit pattern: NaN, infinities and subnormals, too. */
static double number(void)
{
	uint64_t bits = 0;
	double value;

	for (int i = 0; i < 8; i++) {
		bits = bits << 8 | byte();
	}
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static struct utc moment(void)
{
	double value = number();

	return (struct utc){ value > -1e15 && value < 1e15 ? (int64_t)value : byte() };
}

/* A text of any bytes but zero, at most as long as the field allows. */
static void text(char *field, size_t size)
{
	size_t n = byte() % size;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = byte();
		field[i] = (char)(c ? c : 0xFF);
	}
	field[n] = '\0';
}

#define TEXT(field) text(field, sizeof(field))

struct scene {
	struct legal_document document;
	struct limit limit;
	struct factor factor;
	struct point point;
	struct outlet outlet;
	struct site site;
	struct clock clock;
	struct message_context context;
};

static void random_scene(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->context = (struct message_context){ &s->site, &s->clock };
	clock_init_simulated(&s->clock, 1.0, (struct utc){ 1772409600000 }, NAN);
	s->site.judging.offset_min = (int)byte() * 12 - 840;
	TEXT(s->site.id);
	TEXT(s->document.number);
	TEXT(s->document.title);
	TEXT(s->limit.key);
	TEXT(s->limit.tier);
	TEXT(s->limit.clause);
	TEXT(s->limit.confidence);
	TEXT(s->limit.confirmed_by);
	s->limit.document = &s->document;
	s->limit.min = number();
	s->limit.max = number();
	s->limit.o2_ref = number();
	s->limit.share_of_month = number();
	s->limit.period = (enum limit_period)(byte() % (LIMIT_MONTH + 1));
	s->limit.verified = byte() & 1;
	TEXT(s->factor.key);
	TEXT(s->factor.code);
	TEXT(s->factor.name);
	TEXT(s->factor.name_zh);
	TEXT(s->factor.unit);
	s->point.factor = &s->factor;
	s->point.wet = byte() & 1;
	TEXT(s->outlet.id);
	TEXT(s->outlet.name);
}

static void random_mean(struct mean *mean)
{
	mean->rule = mean_rule_of(byte() & 1 ? MEDIUM_GAS : MEDIUM_WATER, byte() & 1 ? PERIOD_HOUR : PERIOD_DAY);
	mean->start = moment();
	mean->end = moment();
	mean->value = number();
	mean->min = number();
	mean->max = number();
	mean->valid = byte() & 1;
	mean->flag = (enum flag)(byte() % FLAG_COUNT);
	mean->n_valid = byte();
	mean->n_due = byte();
	for (int i = 0; i < FLAG_COUNT; i++) {
		mean->counts[i] = byte();
	}
}

/* Parses the text and frees it; the caller frees the object. */
static json_t *parsed(char *payload)
{
	json_t *m = payload ? json_loads(payload, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (!json_is_object(m)) {
		abort(); /* no message can be written for this state */
	}
	free(payload);
	return m;
}

static void must_have(const json_t *m, const char *key, bool (*is)(const json_t *value))
{
	const json_t *value = json_object_get(m, key);

	if (!value || !is(value)) {
		abort();
	}
}

static bool is_text(const json_t *v)
{
	return json_is_string(v);
}

static bool is_text_or_null(const json_t *v)
{
	return json_is_string(v) || json_is_null(v);
}

static bool is_number_or_null(const json_t *v)
{
	return json_is_null(v) || (json_is_number(v) && isfinite(json_number_value(v)));
}

static bool is_integer(const json_t *v)
{
	return json_is_integer(v);
}

static bool is_object(const json_t *v)
{
	return json_is_object(v);
}

static bool is_object_or_null(const json_t *v)
{
	return json_is_object(v) || json_is_null(v);
}

static void check_head(const json_t *m)
{
	static const char *const texts[] = { "site", "outlet", "outlet_name", "factor", "name_en", "name_zh", "unit" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		must_have(m, texts[i], is_text);
	}
	must_have(m, "code", is_text_or_null);
	must_have(m, "limit", is_object_or_null);
	must_have(m, "at", is_text);
}

static void check_alarm(const json_t *m)
{
	static const char *const texts[] = { "alarm_id", "event", "class", "rule", "since", "basis" };

	check_head(m);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		must_have(m, texts[i], is_text);
	}
	must_have(m, "seq", is_integer);
	must_have(m, "period", is_object);
	must_have(m, "value", is_number_or_null);
	must_have(m, "worst", is_number_or_null);
	must_have(m, "valid", is_integer);
	must_have(m, "due", is_integer);
	must_have(m, "counts", is_object);
	must_have(m, "budget", is_object_or_null);
	must_have(m, "acknowledged", is_object_or_null);
}

static void alarm_and_acknowledgement(struct scene *s)
{
	struct event event = { .change = (enum alarm_change)(ALARM_RAISED + byte() % ALARM_CLEARED),
		.rule = (enum alarm_rule)(byte() % RULE_COUNT),
		.outlet = &s->outlet,
		.point = &s->point };
	char id[ALARM_ID_SIZE], who[48], remark[256];

	event.limit = event.rule < RULES_BY_LIMIT ? &s->limit : NULL;
	event.at = moment();
	event.since = moment();
	event.value = number();
	event.worst = number();
	event.share = (struct month_share_view){ byte(), byte(), byte(), number(), number(), number() };
	random_mean(&event.mean);
	TEXT(who);
	TEXT(remark);
	alarm_id(id, sizeof(id), s->site.id, &event);
	char *payload = message_alarm(&s->context, &event, id, 1 + byte());
	char *acknowledged = payload ? message_acknowledged(&s->context, payload, 2, who, remark) : NULL;
	json_t *m = parsed(payload);
	check_alarm(m);
	json_decref(m);
	m = parsed(acknowledged);
	check_alarm(m);
	must_have(m, "acknowledged", is_object);
	json_decref(m);
}

static void condition_of_the_box(struct scene *s)
{
	struct store_alarm alarm = { .since = moment(), .last = moment(), .value = number() };
	char words[400];

	TEXT(alarm.id);
	TEXT(alarm.rule);
	TEXT(alarm.alarm_class);
	TEXT(words);
	json_t *m = parsed(message_gateway(&s->context, &alarm, "raised", 1, words));
	must_have(m, "words", is_text);
	must_have(m, "times", is_integer);
	must_have(m, "alarm_id", is_text);
	json_decref(m);
}

static void state_and_mean(struct scene *s)
{
	struct point_view view = { .raw = { moment(), number(), (enum flag)(byte() % FLAG_COUNT) },
		.converted = number(),
		.hour_mean = number(),
		.limit_ratio = number(),
		.limit = byte() & 1 ? &s->limit : NULL };
	struct stored_mean mean = { .kind = (enum series_kind)(byte() % 2), .o2_ref = number(), .amount = number() };

	random_mean(&view.last_hour);
	random_mean(&mean.mean);
	TEXT(mean.outlet);
	TEXT(mean.factor);
	json_t *m = parsed(message_state(&s->context, &s->outlet, &s->point, &view));
	check_head(m);
	must_have(m, "raw", is_number_or_null);
	must_have(m, "hour_mean", is_number_or_null);
	json_decref(m);
	m = parsed(message_mean(&s->context, &mean, 1, PERIOD_HOUR));
	must_have(m, "outlet", is_text);
	json_decref(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene scene;

	input = data;
	left = size;
	random_scene(&scene);
	alarm_and_acknowledgement(&scene);
	condition_of_the_box(&scene);
	state_and_mean(&scene);
	return 0;
}
