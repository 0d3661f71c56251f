/* test_time.c - times, time zones, durations and numbers as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/array.h"
#include "common/num.h"
#include "common/text.h"
#include "common/time.h"
#include "core/flag.h"

static void test_parse_and_format(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t ms;
	} rows[] = {
		{ "2026-03-02T08:00:00+08:00", true, 1772409600000 },
		{ "2026-03-02T00:00:00Z", true, 1772409600000 },
		{ "2026-03-02", true, 1772380800000 }, /* midnight in the given time zone, +08:00 */
		{ "1970-01-01T00:00:00Z", true, 0 },
		{ "2024-02-29T00:00:00Z", true, 1709164800000 },
		{ "2023-02-29T00:00:00Z", false, 0 },
		{ "2026-13-01", false, 0 },
		{ "2026-03-02T24:00:00Z", false, 0 },
		{ "2026-03-02 08:00:00", false, 0 },
		{ "2026-03-02T08:00:00", false, 0 },
		{ "2026-03-02T08:00:00+8", false, 0 },
		{ "2026-3-2", false, 0 },
		{ "2026-03-02T8:00:00Z", false, 0 },
		{ "2026-03-02T08:00:00+08:00 ", false, 0 },
		{ "yesterday", false, 0 },
		{ "", false, 0 },
	};
	char text[TIME_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct utc at = { -1 };
		if (time_parse(rows[i].text, 480, &at) != rows[i].good || at.ms != (rows[i].good ? rows[i].ms : -1)) {
			fail_msg("%s: found %lld", rows[i].text, (long long)at.ms);
		}
	}
	assert_string_equal(time_format((struct utc){ 1772409600999 }, 480, text), "2026-03-02T08:00:00+08:00");
	assert_string_equal(time_format((struct utc){ 1772409600000 }, -90, text), "2026-03-01T22:30:00-01:30");
	assert_string_equal(time_format(TIME_NEVER, 0, text), "292278994-08-17T07:12:55+00:00");
	assert_string_equal(time_format_compact((struct utc){ 1772409600000 }, 0, text), "20260302T000000");
}

static void test_what_no_calendar_or_clock_shows(void **state)
{
	static const struct {
		struct time_parts parts;
		bool good;
	} rows[] = {
		{ { 1970, 1, 1, 0, 0, 0 }, true },
		{ { 1969, 12, 31, 23, 59, 59 }, false },
		{ { 9999, 12, 31, 23, 59, 59 }, true },
		{ { 10000, 1, 1, 0, 0, 0 }, false },
		{ { 2026, 0, 1, 0, 0, 0 }, false },
		{ { 2026, 13, 1, 0, 0, 0 }, false },
		{ { 2026, 4, 0, 0, 0, 0 }, false },
		{ { 2026, 4, 30, 0, 0, 0 }, true },
		{ { 2026, 4, 31, 0, 0, 0 }, false },
		{ { 2026, 2, 28, 0, 0, 0 }, true },
		{ { 2026, 2, 29, 0, 0, 0 }, false },
		{ { 2028, 2, 29, 0, 0, 0 }, true },
		{ { 2000, 2, 29, 0, 0, 0 }, true },
		{ { 2100, 2, 29, 0, 0, 0 }, false },
		{ { 2026, 4, 1, -1, 0, 0 }, false },
		{ { 2026, 4, 1, 24, 0, 0 }, false },
		{ { 2026, 4, 1, 0, -1, 0 }, false },
		{ { 2026, 4, 1, 0, 60, 0 }, false },
		{ { 2026, 4, 1, 0, 0, -1 }, false },
		{ { 2026, 4, 1, 0, 0, 60 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct time_parts *p = &rows[i].parts;
		struct utc at = { -1 };
		if (time_from_parts(p, 480, &at) != rows[i].good || (at.ms == -1) == rows[i].good) {
			fail_msg("%d-%d-%d %d:%d:%d", p->year, p->month, p->day, p->hour, p->minute, p->second);
		}
	}
}

static void test_offsets(void **state)
{
	static const char *const bad[] = { "Z", "+8:00", "08:00", "x08:00", "+08:00x", "+15:00", "+-1:30", "+08:60",
		"+08:-1", "+08" };
	int offset = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (time_parse_zone(bad[i], &offset) || offset != 7) {
			fail_msg("%s", bad[i]);
		}
	}
	assert_true(time_parse_zone("UTC", &offset) && offset == 0);
	assert_true(time_parse_zone("+14:00", &offset) && offset == 840);
}

static void test_periods_follow_the_offset(void **state)
{
	const struct utc at = { 1772409600000 + 5 * MINUTE_MS }; /* 08:05 in China */

	(void)state;
	assert_int_equal(time_floor(at, HOUR_MS, 480).ms, 1772409600000);
	assert_int_equal(time_floor(at, DAY_MS, 480).ms, 1772409600000 - 8 * HOUR_MS);
	assert_int_equal(time_floor(at, DAY_MS, 0).ms, 1772409600000);
	assert_int_equal(time_floor((struct utc){ -1 }, MINUTE_MS, 0).ms, -MINUTE_MS);
	char text[TIME_TEXT_SIZE];
	assert_string_equal(time_format(time_month(at, 480), 480, text), "2026-03-01T00:00:00+08:00");
	assert_string_equal(time_format(time_next_month(at, 480), 480, text), "2026-04-01T00:00:00+08:00");
	assert_string_equal(time_format(time_quarter(at, 480), 480, text), "2026-01-01T00:00:00+08:00");
	assert_string_equal(time_format(time_next_quarter(at, 480), 480, text), "2026-04-01T00:00:00+08:00");
}

static void test_parts_of_a_wall_clock(void **state)
{
	static const struct {
		const char *text;
		struct time_parts parts;
	} cases[] = {
		{ "2026-03-02T08:00:00+08:00", { 2026, 3, 2, 8, 0, 0 } },
		{ "2026-12-31T16:00:00Z", { 2027, 1, 1, 0, 0, 0 } },
		{ "2024-02-29T23:59:59+08:00", { 2024, 2, 29, 23, 59, 59 } },
		{ "2000-02-29T00:00:00+08:00", { 2000, 2, 29, 0, 0, 0 } },
		{ "1970-01-01T00:00:00Z", { 1970, 1, 1, 8, 0, 0 } },
		{ "9999-12-31T23:59:59+08:00", { 9999, 12, 31, 23, 59, 59 } },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct utc at, back;
		assert_true(time_parse(cases[i].text, 0, &at));
		struct time_parts parts = time_to_parts(at, CHINA_OFFSET_MIN);
		assert_memory_equal(&parts, &cases[i].parts, sizeof(parts));
		assert_true(time_from_parts(&parts, CHINA_OFFSET_MIN, &back));
		assert_int_equal(back.ms, at.ms);
	}
	assert_int_equal(time_to_parts((struct utc){ -1 }, 0).year, 1969);
}

static void test_zones_durations_and_sizes(void **state)
{
	int offset;
	int64_t n;

	(void)state;
	assert_true(time_parse_zone("Asia/Shanghai", &offset) && offset == 480);
	assert_true(time_parse_zone("-03:30", &offset) && offset == -210);
	assert_false(time_parse_zone("Europe/Berlin", &offset));
	assert_true(time_parse_duration("500ms", &n) && n == 500);
	assert_true(time_parse_duration("10min", &n) && n == 600000);
	assert_false(time_parse_duration("10", &n));
	assert_false(time_parse_duration("-1s", &n));
	assert_false(time_parse_duration("1 s", &n));
	assert_false(time_parse_duration("min", &n));
	assert_true(num_parse_size("2GiB", &n) && n == (int64_t)2 << 30);
	assert_false(num_parse_size("2GB", &n));
	assert_false(num_parse_size("99999999999GiB", &n));
	assert_false(num_parse_size("GiB", &n));
	assert_false(num_parse_size("1234567890123456", &n)); /* a digit more than any size has */
	assert_true(num_parse_size("123456789012345", &n) && n == 123456789012345);
}

static void test_numbers_are_whole_and_finite(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "1x", "nan", "inf", "1e999", "0x10", "--1", "-", "1e",
		"1-" };
	static const char *const no_integers[] = { "", " 1", "1x", "1.0", "-", "1-" };
	double d = 7.0;
	int64_t n = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(num_parse_double(bad[i], &d));
	}
	assert_true(d == 7.0);
	assert_true(num_parse_double("-1.5e2", &d) && d == -150.0);
	for (size_t i = 0; i < ARRAY_SIZE(no_integers); i++) {
		assert_false(num_parse_int(no_integers[i], INT64_MIN, INT64_MAX, &n));
	}
	assert_false(num_parse_int("-1", 0, 10, &n));
	assert_false(num_parse_int("9999999999999999999", INT64_MIN, INT64_MAX, &n));
	assert_false(num_parse_int("11", 0, 10, &n));
	assert_true(n == 7 && num_parse_int("10", 0, 10, &n) && n == 10);
}

static void test_names_and_flags(void **state)
{
	char buf[4];
	enum flag flag = FLAG_NORMAL;

	(void)state;
	assert_true(text_copy(buf, sizeof(buf), "abc"));
	assert_false(text_copy(buf, sizeof(buf), "abcd"));
	assert_string_equal(buf, "abc");
	assert_true(text_is_name("DA001.so2-x_y", 20));
	assert_false(text_is_name("a/b", 20)); /* a slash would make a further topic level */
	assert_false(text_is_name("#", 20));
	assert_false(text_is_name("", 20));
	for (int i = 0; i < FLAG_COUNT; i++) {
		assert_true(flag_from_letter(flag_letter((enum flag)i), &flag) && flag == (enum flag)i);
	}
	assert_false(flag_from_letter('X', &flag));
	assert_int_equal(flag_worse(FLAG_FAULT, FLAG_NO_COMM), FLAG_FAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_what_no_calendar_or_clock_shows),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_periods_follow_the_offset),
		cmocka_unit_test(test_parts_of_a_wall_clock),
		cmocka_unit_test(test_zones_durations_and_sizes),
		cmocka_unit_test(test_numbers_are_whole_and_finite),
		cmocka_unit_test(test_names_and_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
