/* test_clock.c - when the wall clock is trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/array.h"
#include "daemon/base/clock_watch.h"

#define NOW 1790000000000LL /* 2026-09 */
#define WAIT (10 * MINUTE_MS)

/* One look: the wall clock, the monotonic clock, and the stamp of the last synchronisation. */
struct look {
	const char *rule;
	int64_t now_ms;
	int64_t mono_ms;
	int64_t stamp;
	enum clock_change change;
	bool set;
};

static void check(const struct look *looks, size_t n, int64_t newest_ms)
{
	struct clock_watch w;

	clock_watch_init(&w, WAIT, (struct utc){ newest_ms });
	for (size_t i = 0; i < n; i++) {
		const struct look *l = &looks[i];
		enum clock_change change =
			clock_watch_update(&w, (struct utc){ l->now_ms }, (struct mono){ l->mono_ms }, l->stamp);
		if (change != l->change || w.set != l->set) {
			fail_msg("%s: change %d, set %d", l->rule, (int)change, (int)w.set);
		}
	}
}

static void test_a_box_that_boots_in_1970_waits_until_it_is_synchronised(void **state)
{
	static const struct look looks[] = {
		{ "1970 is not trusted", 5000, 5000, 0, CLOCK_SAME, false },
		{ "1970 is not trusted after any wait", 2 * WAIT, 2 * WAIT, 0, CLOCK_SAME, false },
		{ "a jump to the present is not trusted by itself", NOW, 2 * WAIT + 1000, 0, CLOCK_SAME, false },
		{ "the synchroniser confirms the clock", NOW + 1000, 2 * WAIT + 2000, 7, CLOCK_SET, true },
		{ "slewing does not count as a jump", NOW + 3400, 2 * WAIT + 3000, 7, CLOCK_SAME, true },
	};

	(void)state;
	check(looks, ARRAY_SIZE(looks), INT64_MIN);
}

static void test_without_a_synchroniser_a_plausible_clock_is_believed_after_the_wait(void **state)
{
	static const struct look looks[] = {
		{ "just booted: not trusted", NOW, 1000, 0, CLOCK_SAME, false },
		{ "a moment before the end of the wait", NOW + WAIT - 2000, WAIT - 1000, 0, CLOCK_SAME, false },
		{ "nobody set the clock for the wait", NOW + WAIT - 1000, WAIT, 0, CLOCK_SET, true },
		{ "a jump forward is not trusted", NOW + DAY_MS + WAIT, WAIT + 1000, 0, CLOCK_LOST, false },
		{ "trusted after another wait", NOW + DAY_MS + 2 * WAIT, 2 * WAIT + 1000, 0, CLOCK_SET, true },
	};

	(void)state;
	check(looks, ARRAY_SIZE(looks), INT64_MIN);
}

static void test_a_program_that_starts_on_a_box_that_has_run_long_does_not_wait(void **state)
{
	static const struct look looks[] = { { "up for a day", NOW, DAY_MS, 0, CLOCK_SET, true } };

	(void)state;
	check(looks, ARRAY_SIZE(looks), NOW - HOUR_MS);
}

static void test_a_time_before_the_newest_data_is_believed_of_the_synchroniser_only(void **state)
{
	static const struct look looks[] = {
		{ "earlier than the newest stored data: not trusted", NOW, DAY_MS, 0, CLOCK_SAME, false },
		{ "the synchroniser confirms an earlier time", NOW + 1000, DAY_MS + 1000, 1, CLOCK_SET, true },
	};
	static const struct look back[] = {
		{ "good", NOW, DAY_MS, 0, CLOCK_SET, true },
		{ "a jump one hour back: not trusted", NOW - HOUR_MS, DAY_MS + 1000, 0, CLOCK_LOST, false },
		{ "not trusted after the wait", NOW - HOUR_MS + WAIT, DAY_MS + WAIT + 1000, 0, CLOCK_SAME, false },
		{ "back at the time before the jump", NOW + 1000, DAY_MS + HOUR_MS + 2000, 0, CLOCK_SET, true },
	};

	(void)state;
	check(looks, ARRAY_SIZE(looks), NOW + HOUR_MS);
	check(back, ARRAY_SIZE(back), INT64_MIN);
}

static void test_a_jump_by_the_synchroniser_is_believed_at_once(void **state)
{
	static const struct look looks[] = {
		{ "good", NOW, DAY_MS, 5, CLOCK_SET, true },
		{ "set back and confirmed by the synchroniser", NOW - HOUR_MS, DAY_MS + 1000, 6, CLOCK_STEPPED, true },
		{ "set by hand: not trusted any more", NOW + HOUR_MS, DAY_MS + 2000, 6, CLOCK_LOST, false },
		{ "corrected by the synchroniser", NOW, DAY_MS + 3000, 7, CLOCK_SET, true },
	};

	(void)state;
	check(looks, ARRAY_SIZE(looks), INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_box_that_boots_in_1970_waits_until_it_is_synchronised),
		cmocka_unit_test(test_without_a_synchroniser_a_plausible_clock_is_believed_after_the_wait),
		cmocka_unit_test(test_a_program_that_starts_on_a_box_that_has_run_long_does_not_wait),
		cmocka_unit_test(test_a_time_before_the_newest_data_is_believed_of_the_synchroniser_only),
		cmocka_unit_test(test_a_jump_by_the_synchroniser_is_believed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
