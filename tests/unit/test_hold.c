/* test_hold.c - which messages are held back after a refusal, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/mqtt/hold.h"

static void test_what_a_reason_code_says(void **state)
{
	static const struct {
		int code;
		enum refusal refusal;
	} cases[] = {
		{ 0x80, REFUSAL_OF_CLIENT }, { 0x83, REFUSAL_OF_CLIENT }, { 0x87, REFUSAL_OF_TOPIC },
		{ 0x90, REFUSAL_FOR_GOOD }, { 0x91, REFUSAL_OF_CLIENT }, { 0x97, REFUSAL_OF_CLIENT },
		{ 0x99, REFUSAL_FOR_GOOD },
		{ 0xFF, REFUSAL_OF_CLIENT }, /* unknown to MQTT 5.0: passes, so that no message is lost for it */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hold_refusal_of(cases[i].code), cases[i].refusal);
	}
}

static bool refuse(struct hold *hold, const char *topic, int64_t id, enum refusal refusal, int64_t now_ms)
{
	const struct refused refused = { topic, id, refusal, "why" };

	return hold_add_refusal(hold, &refused, now_ms);
}

static void test_a_quota_holds_everything_and_one_is_tried(void **state)
{
	struct hold hold = { 0 };

	(void)state;
	assert_true(hold_admits(&hold, "a", 1, 0));
	assert_true(refuse(&hold, "a", 1, REFUSAL_OF_CLIENT, 0));
	assert_false(refuse(&hold, "a", 2, REFUSAL_OF_CLIENT, 1)); /* was in flight with the first */
	assert_false(hold_admits(&hold, "a", 1, 999));
	assert_false(hold_admits(&hold, "b", 3, 999));
	assert_int_equal(hold_next_try_ms(&hold), 1000);
	assert_true(hold_admits(&hold, "a", 1, 1000));
	assert_false(hold_admits(&hold, "a", 2, 1000)); /* one at a time */
	assert_int_equal(hold_next_try_ms(&hold), INT64_MAX);
	assert_false(hold_settle(&hold, 2));
	assert_true(hold_settle(&hold, 1));
	assert_true(hold_is_empty(&hold));
	assert_true(hold_admits(&hold, "b", 3, 1001));
}

static void test_the_pause_grows_up_to_a_minute(void **state)
{
	struct hold hold = { 0 };
	int64_t now = 0, before = 0;

	(void)state;
	assert_true(refuse(&hold, "a", 1, REFUSAL_OF_TOPIC, now));
	for (int i = 0; i < 40; i++) {
		int64_t pause = hold_next_try_ms(&hold) - now;
		assert_true(pause >= before && pause <= 60000);
		before = pause;
		now += pause;
		assert_true(hold_admits(&hold, "a", 1, now));
		assert_true(refuse(&hold, "a", 1, REFUSAL_OF_TOPIC, now));
	}
	assert_int_equal(before, 60000);
}

/* A message that a broker refuses again and again may be at fault itself: the others must not wait for it for ever. */
static void test_one_message_does_not_hold_all_for_ever(void **state)
{
	struct hold hold = { 0 };
	int64_t now = 0;
	int tries = 0;

	(void)state;
	assert_true(refuse(&hold, "a", 1, REFUSAL_OF_CLIENT, now));
	while (!hold_admits(&hold, "b", 2, now)) {
		now = hold_next_try_ms(&hold);
		assert_true(hold_admits(&hold, "a", 1, now));
		assert_true(refuse(&hold, "a", 1, REFUSAL_OF_CLIENT, now));
		assert_true(++tries < 20);
	}
	assert_true(now < 60000);
	assert_false(hold_admits(&hold, "a", 3, now)); /* what is behind it in its topic still waits */
}

static void test_no_right_to_a_topic_holds_that_topic(void **state)
{
	struct hold hold = { 0 };

	(void)state;
	assert_true(refuse(&hold, "a", 1, REFUSAL_OF_TOPIC, 0));
	assert_true(hold_admits(&hold, "b", 2, 1));
	assert_false(hold_admits(&hold, "a", 3, 1));
	assert_true(hold_admits(&hold, "a", 1, 1000));
	hold_withdraw(&hold, 1); /* it could not be handed over */
	assert_true(hold_admits(&hold, "a", 1, 1001));
	assert_true(hold_settle(&hold, 1));
	assert_true(hold_is_empty(&hold));
}

/* Rights that nobody is changing: after 20 s the topic is set aside, and its oldest message still tried. */
static void test_a_right_that_is_missing_for_long(void **state)
{
	struct hold hold = { 0 };
	int64_t now = 0;

	(void)state;
	assert_true(refuse(&hold, "a", 1, REFUSAL_OF_TOPIC, now));
	while (!hold_aside_reason(&hold, "a")) {
		now = hold_next_try_ms(&hold);
		assert_null(hold_due_topic(&hold, now));
		assert_true(hold_admits(&hold, "a", 1, now));
		assert_true(refuse(&hold, "a", 1, REFUSAL_OF_TOPIC, now));
	}
	assert_true(now > 15000 && now < 30000);
	assert_string_equal(hold_aside_reason(&hold, "a"), "why");
	assert_null(hold_aside_reason(&hold, "b"));
	assert_null(hold_due_topic(&hold, now));
	now = hold_next_try_ms(&hold);
	assert_string_equal(hold_due_topic(&hold, now), "a");
	hold_start_try(&hold, "a", 1);
	assert_null(hold_due_topic(&hold, now));
	assert_true(hold_settle(&hold, 1));
	assert_null(hold_aside_reason(&hold, "a"));
}

static void test_more_topics_than_there_is_room_for(void **state)
{
	struct hold hold = { 0 };
	char topic[2] = "!";

	(void)state;
	for (int i = 0; i <= HOLD_TOPICS; i++, topic[0]++) {
		assert_true(refuse(&hold, topic, i + 1, REFUSAL_OF_TOPIC, 0));
	}
	assert_false(hold_admits(&hold, "another", 1000, 1)); /* then all waits: in order, and nothing is lost */
	hold_reset(&hold);
	assert_true(hold_admits(&hold, "another", 1000, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_reason_code_says),
		cmocka_unit_test(test_a_quota_holds_everything_and_one_is_tried),
		cmocka_unit_test(test_the_pause_grows_up_to_a_minute),
		cmocka_unit_test(test_one_message_does_not_hold_all_for_ever),
		cmocka_unit_test(test_no_right_to_a_topic_holds_that_topic),
		cmocka_unit_test(test_a_right_that_is_missing_for_long),
		cmocka_unit_test(test_more_topics_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
