/* test_message.c - a message is whole or not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/message.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_out_of_memory_leaves_no_half_message) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
