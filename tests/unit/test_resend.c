/* test_resend.c - what may be asked for, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/array.h"
#include "daemon/mqtt/resend.h"
#include "daemon/store/alarm.h"
#include "daemon/store/outbox.h"
#include "tests/unit/store_rig.h"

struct rig {
	struct store_rig on;
	struct message_context context;
	struct resend resend;
	int64_t now_ms;
};

/* A store with three messages, of which the broker took all. */
static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	store_rig_set_up(&rig->on);
	rig->context = (struct message_context){ &rig->on.site, &rig->on.clock };
	store_rig_open(&rig->on);
	for (int64_t seq = 1; seq <= 3; seq++) {
		struct store_alarm alarm = { .raised = true, .rule = "disk-low", .outlet = GATEWAY };
		snprintf(alarm.id, sizeof(alarm.id), "alarm %d", (int)seq);
		assert_int_equal(store_commit_alarm(rig->on.store, &alarm, "raised", "topic", "{}"), 0);
	}
	static const int64_t ids[] = { 1, 2, 3 };
	assert_int_equal(store_outbox_done(rig->on.store, ids, 3, clock_utc(&rig->on.clock)), 0);
	resend_init(&rig->resend, &rig->context, rig->on.store);
	rig->now_ms = 1000000;
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	store_rig_tear_down(&rig->on);
	free(rig);
	return 0;
}

/* The reply, to be freed; NULL when there is none. */
static json_t *ask(struct rig *rig, const char *payload, size_t size)
{
	struct mqtt_request request = { .size = size, .too_long = size > MQTT_REQUEST_SIZE };

	memcpy(request.payload, payload, request.too_long ? MQTT_REQUEST_SIZE : size);
	struct resend_answer answer = resend_handle_request(&rig->resend, &request, rig->now_ms);
	json_t *reply = answer.payload ? json_loads(answer.payload, 0, NULL) : NULL;
	free(answer.payload);
	return reply;
}

static const char *text(const json_t *reply, const char *key)
{
	const char *value = json_string_value(json_object_get(reply, key));

	return value ? value : "";
}

static int64_t pending(struct rig *rig)
{
	struct outbox_counts counts;

	assert_int_equal(store_outbox_count(rig->on.store, &counts), 0);
	return counts.pending;
}

static void test_what_is_asked_for_is_pending_again(void **state)
{
	struct rig *rig = *state;
	static const char wish[] = "{\"from\":2,\"to\":900,\"id\":\"desk-7\"}";

	assert_int_equal(pending(rig), 0);
	json_t *reply = ask(rig, wish, strlen(wish));
	assert_true(json_is_true(json_object_get(reply, "ok")));
	assert_int_equal(json_integer_value(json_object_get(reply, "count")), 2);
	assert_int_equal(json_integer_value(json_object_get(reply, "newest")), 3);
	assert_string_equal(text(reply, "id"), "desk-7");
	json_decref(reply);
	assert_int_equal(pending(rig), 2);
}

static void test_nonsense_is_answered_with_a_sentence(void **state)
{
	static const struct {
		const char *payload;
		const char *words;
	} cases[] = {
		{ "", "not a JSON object" },
		{ "not json", "not a JSON object" },
		{ "[1, 2]", "not a JSON object" },
		{ "{\"from\": 1}", "\"to\" must be an integer" },
		{ "{\"from\": 0, \"to\": 3}", "\"from\" must be an integer" },
		{ "{\"from\": 1.5, \"to\": 3}", "\"from\" must be an integer" },
		{ "{\"from\": \"1\", \"to\": 3}", "\"from\" must be an integer" },
		{ "{\"from\": 3, \"to\": 1}", "\"to\" must be" },
		{ "{\"from\": 1, \"to\": 1001}", "\"to\" must be" },
		{ "{\"from\": 1, \"to\": 9223372036854775807}", "\"to\" must be" },
		{ "{\"from\": 1, \"to\": 9223372036854775808}", "not a JSON object" },
		{ "{\"from\": 100000, \"to\": 100001}", "no messages" },
		{ "{\"from\": 1, \"to\": 2, \"stream\": \"secrets\"}", "\"stream\" must be" },
		{ "{\"from\": 1, \"to\": 2, \"stream\": 7}", "\"stream\" must be" },
		{ "{\"from\": 1, \"to\": 2, \"id\": \"a/b\"}", "\"id\" must be" },
		{ "{\"from\": 1, \"to\": 2, \"id\": \"\"}", "\"id\" must be" },
		{ "{\"from\": 1, \"from\": 2, \"to\": 2}", "not a JSON object" },
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig->now_ms += 10000;
		json_t *reply = ask(rig, cases[i].payload, strlen(cases[i].payload));
		if (json_is_true(json_object_get(reply, "ok")) || !strstr(text(reply, "error"), cases[i].words)) {
			fail_msg(
				"%s: \"%s\" instead of \"%s\"", cases[i].payload, text(reply, "error"), cases[i].words);
		}
		json_decref(reply);
	}
	assert_int_equal(pending(rig), 0);
}

static void test_what_is_too_long_or_holds_a_zero_byte_is_refused(void **state)
{
	struct rig *rig = *state;
	char longer[MQTT_REQUEST_SIZE + 100];
	static const char zero[] = "{\"from\":1,\"to\":2}\0";

	int n = snprintf(longer, sizeof(longer), "{\"from\":1,\"to\":2}");
	memset(longer + n, ' ', sizeof(longer) - (size_t)n);
	json_t *reply = ask(rig, longer, sizeof(longer));
	assert_non_null(strstr(text(reply, "error"), "longer than"));
	json_decref(reply);
	reply = ask(rig, zero, sizeof(zero));
	assert_non_null(strstr(text(reply, "error"), "not a JSON object"));
	json_decref(reply);
}

static void test_five_at_once_then_one_in_ten_seconds(void **state)
{
	struct rig *rig = *state;
	static const char wish[] = "{\"from\":1,\"to\":1}";
	unsigned good = 0, told = 0, silent = 0;

	/* A hundred seconds, twenty requests in each. */
	for (int i = 0; i < 2000; i++) {
		rig->now_ms += 50;
		json_t *reply = ask(rig, wish, strlen(wish));
		good += json_is_true(json_object_get(reply, "ok"));
		told += reply && !json_is_true(json_object_get(reply, "ok"));
		silent += !reply;
		json_decref(reply);
	}
	assert_in_range(good, 14, 15);
	assert_in_range(told, 9, 11);
	assert_int_equal(good + told + silent, 2000);
	assert_int_equal(rig->resend.dropped, 2000 - good);
}

static void test_a_reply_goes_where_replies_belong(void **state)
{
	static const struct {
		const char *wanted;
		const char *topic;
	} cases[] = {
		{ "", "emis/1/test/resend/reply" },
		{ "emis/1/test/resend/reply/desk", "emis/1/test/resend/reply/desk" },
		{ "emis/1/test/resend/replydesk", "emis/1/test/resend/reply" },
		{ "emis/1/test/resend/reply/#", "emis/1/test/resend/reply" },
		{ "emis/1/test/DA001/alarm", "emis/1/test/resend/reply" },
		{ "elsewhere", "emis/1/test/resend/reply" },
		{ "emis/1/test/resend/reply/+", "emis/1/test/resend/reply" },
		{ "emis/1/test/resend/reply/\xE5\x8F\xB0", "emis/1/test/resend/reply/\xE5\x8F\xB0" },
		{ "emis/1/test/resend/reply/\x07", "emis/1/test/resend/reply" },
		{ "emis/1/test/resend/reply/\x7F", "emis/1/test/resend/reply" },
		{ "emis/1/test/resend/reply/\xC2\x85", "emis/1/test/resend/reply" }, /* a C1 control */
		{ "emis/1/test/resend/reply/\xFF", "emis/1/test/resend/reply" },
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mqtt_request request = { .size = 0 };
		snprintf(request.response_topic, sizeof(request.response_topic), "%s", cases[i].wanted);
		rig->now_ms += 10000;
		struct resend_answer answer = resend_handle_request(&rig->resend, &request, rig->now_ms);
		assert_string_equal(answer.topic, cases[i].topic);
		free(answer.payload);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_asked_for_is_pending_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nonsense_is_answered_with_a_sentence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_is_too_long_or_holds_a_zero_byte_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_five_at_once_then_one_in_ten_seconds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_reply_goes_where_replies_belong, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
