/* test_message.c - a message is whole or not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "common/mend.h"
#include "daemon/mqtt/message.h"

#define FFFD "\xEF\xBF\xBD" /* U+FFFD */

static long left; /* allocations until the one that fails */

static void *allocate(size_t size)
{
	return --left == 0 ? NULL : malloc(size);
}

static void test_out_of_memory_leaves_no_half_message(void **state)
{
	struct legal_document document = { .number = "TEST-1", .title = "A document" };
	struct limit limit = { .document = &document,
		.key = "test.so2",
		.tier = "own",
		.min = NAN,
		.max = 35.0,
		.o2_ref = 16.0,
		.share_of_month = NAN };
	struct factor factor = { .key = "so2", .name = "Sulfur dioxide", .name_zh = "二氧化硫", .unit = "mg/m3" };
	struct point point = { .factor = &factor };
	struct outlet outlet = { .id = "DA001", .name = "烧结机头" };
	struct site site = { .id = "test", .judging.offset_min = 480 };
	struct clock clock;
	struct message_context context = { &site, &clock };
	struct event event = {
		.change = ALARM_RAISED, .outlet = &outlet, .point = &point, .limit = &limit, .value = 50.0
	};
	int n = 1;

	(void)state;
	clock_init(&clock);
	event.mean.rule = mean_rule_of(MEDIUM_GAS, PERIOD_HOUR);
	event.mean.counts[FLAG_NORMAL] = 58;
	event.mean.counts[FLAG_CALIBRATION] = 2;
	char *whole = message_alarm(&context, &event, "test/DA001/so2", 1);
	assert_non_null(whole);
	json_set_alloc_funcs(allocate, free);
	for (bool failed = true; failed; n++) {
		left = n;
		char *text = message_alarm(&context, &event, "test/DA001/so2", 1);
		failed = left <= 0;
		assert_true(text || failed);
		if (text) {
			assert_string_equal(text, whole);
		}
		free(text);
	}
	json_set_alloc_funcs(malloc, free);
	assert_true(n > 50);
	free(whole);
}

/* What may stand in a configuration, in a catalogue, in a broker's words, and what the bureau gets. */
static const struct {
	const char *rule;
	const char *given;
	const char *sent;
} texts[] = {
	{ "UTF-8 stays", "\xE7\x83\xA7\xE7\xBB\x93", "\xE7\x83\xA7\xE7\xBB\x93" },
	{ "GBK: a case from the field", "\311\325\275\341", FFFD "\325\275" FFFD },
	{ "a character that a buffer cut in two", "a\xE7\x83", "a" FFFD FFFD },
	{ "half of a surrogate pair", "\xED\xA0\x80.", FFFD FFFD FFFD "." },
	{ "an overlong zero", "\xC0\x80", FFFD FFFD },
	{ "beyond U+10FFFF", "\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD },
	{ "Latin-1",
		"Gr\xFC\xDF"
		"e",
		"Gr" FFFD FFFD "e" },
	{ "control characters are escaped and come back", "a\x1B[31m\n\x01", "a\x1B[31m\n\x01" },
	{ "the last characters of each length", "\x7F\xDF\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF",
		"\x7F\xDF\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF" },
	{ "nothing", "", "" },
};

static void assert_field(const char *rule, char *payload, const char *key, const char *sent)
{
	json_t *m = payload ? json_loads(payload, 0, NULL) : NULL;
	const char *found = json_string_value(json_object_get(m, key));

	if (!found || strcmp(found, sent) != 0) {
		fail_msg("%s: %s is %s", rule, key, found ? found : "not there");
	}
	json_decref(m);
	free(payload);
}

static void test_no_text_keeps_an_alarm_from_being_written(void **state)
{
	struct factor factor = { .key = "so2", .unit = "mg/m3" };
	struct point point = { .factor = &factor };
	struct outlet outlet = { .id = "DA001" };
	struct site site = { .id = "test", .judging.offset_min = 480 };
	struct clock clock;
	struct message_context context = { &site, &clock };
	struct event event = { .change = ALARM_RAISED, .rule = RULE_NO_DATA, .outlet = &outlet, .point = &point };
	struct store_alarm alarm = { .id = "id", .rule = "message-parked", .value = NAN };

	(void)state;
	clock_init(&clock);
	event.value = INFINITY;
	event.worst = -NAN;
	event.mean.rule = mean_rule_of(MEDIUM_GAS, PERIOD_HOUR);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *rule = texts[i].rule, *given = texts[i].given, *sent = texts[i].sent;
		snprintf(outlet.name, sizeof(outlet.name), "%s", given);
		snprintf(factor.name_zh, sizeof(factor.name_zh), "%s", given);
		assert_field(rule, message_alarm(&context, &event, "id", 1), "outlet_name", sent);
		assert_field(rule, message_alarm(&context, &event, given, 1), "alarm_id", sent);
		assert_field(rule, message_alarm(&context, &event, "id", 1), "name_zh", sent);
		assert_field(rule, message_gateway(&context, &alarm, "raised", 1, given), "words", sent);
		struct resend_reply reply = { .id = "", .error = given };
		if (given[0]) {
			assert_field(rule, message_resend_reply(&context, &reply), "error", sent);
		}
		char *last = message_alarm(&context, &event, "id", 1);
		assert_non_null(last);
		assert_field(rule, message_acknowledged(&context, last, 2, "desk", given), "outlet_name", sent);
		free(last);
	}
}

static void test_numbers_that_are_none_are_null(void **state)
{
	static const double values[] = { NAN, -NAN, INFINITY, -INFINITY, DBL_MAX, -DBL_MAX };
	struct factor factor = { .key = "so2" };
	struct point point = { .factor = &factor };
	struct outlet outlet = { .id = "DA001" };
	struct site site = { .id = "test" };
	struct clock clock;
	struct message_context context = { &site, &clock };

	(void)state;
	clock_init(&clock);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct event event = { .change = ALARM_RAISED,
			.rule = RULE_MONTH_SHARE,
			.outlet = &outlet,
			.point = &point,
			.value = values[i],
			.worst = values[i],
			.share = { .met = values[i], .used = values[i], .projected = values[i] } };
		event.mean.rule = mean_rule_of(MEDIUM_GAS, PERIOD_HOUR);
		char *payload = message_alarm(&context, &event, "id", 1);
		json_t *m = payload ? json_loads(payload, 0, NULL) : NULL;
		assert_true(json_is_null(json_object_get(m, "value")));
		assert_true(json_is_null(json_object_get(m, "worst")));
		assert_true(json_is_null(json_object_get(json_object_get(m, "budget"), "met")));
		json_decref(m);
		free(payload);
		struct store_alarm alarm = { .id = "id",
			.value = values[i] }; /* times: a count that makes no sense is 1 */
		payload = message_gateway(&context, &alarm, "raised", 1, "words");
		m = payload ? json_loads(payload, 0, NULL) : NULL;
		assert_int_equal(json_integer_value(json_object_get(m, "times")), 1);
		json_decref(m);
		free(payload);
	}
}

/* The longest parts that a configuration takes: no id is cut, or two alarms would share one. */
static void test_the_longest_names_fit(void **state)
{
	struct factor factor = { 0 };
	struct point point = { .factor = &factor };
	struct limit limit = { 0 };
	struct outlet outlet = { 0 };
	struct site site = { 0 };
	struct message_context context = { &site, NULL };
	struct event event = { .outlet = &outlet, .point = &point, .limit = &limit };
	char id[ALARM_ID_SIZE], topic[TOPIC_SIZE];

	(void)state;
	memset(factor.key, 'f', sizeof(factor.key) - 1);
	memset(limit.key, 'l', sizeof(limit.key) - 1);
	memset(outlet.id, 'o', sizeof(outlet.id) - 1);
	memset(site.id, 's', sizeof(site.id) - 1);
	for (int rule = 0; rule < RULE_COUNT; rule++) {
		event.rule = (enum alarm_rule)rule;
		alarm_id(id, sizeof(id), site.id, &event);
		assert_int_equal(id[strlen(id) - 1], 'Z');
	}
	message_state_topic(&context, &outlet, &point, topic);
	assert_string_equal(topic + strlen(topic) - 6, "/state");
}

/* What a log line shows of a text that would change the terminal or forge a line of the journal. */
static void test_a_log_line_stays_one_line(void **state)
{
	static const struct {
		const char *given;
		const char *shown;
	} cases[] = {
		{ "\xE7\x83\xA7\xE7\xBB\x93 35.0", "\xE7\x83\xA7\xE7\xBB\x93 35.0" },
		{ "x\x1B]0;t\x07\n<0>emisd: forged", "x\\x1b]0;t\\x07\\x0a<0>emisd: forged" },
		{ "a\xE2\x80\xAE"
		  "b\xE2\x81\xA9",
			"a\\u202eb\\u2069" },
		{ "\xC2\x9B"
		  "31m\xC2\xA0",
			"\\u009b31m\xC2\xA0" },
		{ "\311\325", "\\xc9\\xd5" },
	};
	char shown[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(mend_visible(cases[i].given, shown, sizeof(shown)), strlen(cases[i].shown));
		assert_string_equal(shown, cases[i].shown);
	}
	assert_int_equal(mend_visible("12345678\x1B", shown, 10), 8); /* no half of an escape */
	assert_string_equal(shown, "12345678");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out_of_memory_leaves_no_half_message),
		cmocka_unit_test(test_no_text_keeps_an_alarm_from_being_written),
		cmocka_unit_test(test_numbers_that_are_none_are_null),
		cmocka_unit_test(test_the_longest_names_fit),
		cmocka_unit_test(test_a_log_line_stays_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
