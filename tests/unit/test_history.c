/* test_history.c - the words of `emisctl history`: numbers and times by hand, as the library would write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "daemon/tools/history_print.h"

#define EIGHT 1772409600000LL /* 2026-03-02T08:00:00+08:00 */

static void numbers(void **state)
{
	static const struct {
		const char *rule;
		double value;
		const char *text;
	} cases[] = {
		{ "zero", 0.0, "0" },
		{ "zero has no sign", -0.0, "0" },
		{ "whole numbers have no point", 35.0, "35" },
		{ "zeros at the end of whole numbers stay", 1200.0, "1200" },
		{ "a decimal stays as it is", 80.4, "80.4" },
		{ "six decimals from 1 on", 2.0 / 3.0 + 1.0, "1.666667" },
		{ "rounding carries", 9.9999999, "10" },
		{ "nine decimals below 1", 1.0 / 3.0, "0.333333333" },
		{ "small ones keep their zeros", 0.00012, "0.00012" },
		{ "below zero", -0.5, "-0.5" },
		{ "below zero and large", -123456.789, "-123456.789" },
		{ "what rounds to zero has no sign", -0.9999e-5, "-9.999e-06" },
		{ "very small", 1.5e-7, "1.5e-07" },
		{ "large", 123456789.125, "123456789.125" },
		{ "very large", 1.25e12, "1.25e+12" },
		{ "the largest", 1.7976931348623157e308, "1.797693135e+308" },
	};
	char text[HISTORY_NUMBER_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = history_number(cases[i].value, text);
		if (n != strlen(cases[i].text) || memcmp(text, cases[i].text, n) != 0) {
			fail_msg("%s: %.*s instead of %s", cases[i].rule, (int)n, text, cases[i].text);
		}
	}
}

static void any_number_comes_back_near(void **state)
{
	unsigned seed = 42;
	char text[HISTORY_NUMBER_SIZE + 1];

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 1664525U + 1013904223U;
		double value = ldexp((double)(seed >> 4) - (1 << 27), (int)(seed % 60) - 50);
		size_t n = history_number(value, text);
		assert_true(n < HISTORY_NUMBER_SIZE);
		text[n] = '\0';
		char *end = NULL;
		double back = strtod(text, &end);
		assert_ptr_equal(end, text + n);
		assert_true(fabs(back - value) <= fmax(fabs(value) * 1e-9, fabs(value) < 1.0 ? 6e-10 : 6e-7));
	}
}

/* The print of some minutes; the caller frees it. */
static char *print(enum history_format format, bool raw, int64_t first_ms, int64_t step_ms, size_t n)
{
	struct history_out *out = calloc(1, sizeof(*out));
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(out);
	assert_non_null(file);
	history_begin(out, file, format, raw, 480);
	for (size_t i = 0; i < n; i++) {
		struct mean mean = { .start = { first_ms + (int64_t)i * step_ms },
			.value = 20.5,
			.min = 20.0,
			.max = 21.0,
			.valid = true,
			.n_valid = 29,
			.n_due = 30 };
		struct reading reading = { mean.start, i == 1 ? NAN : 20.5, i == 1 ? FLAG_NO_COMM : FLAG_NORMAL };
		if (i == 1) {
			mean.value = mean.min = mean.max = NAN;
			mean.valid = false;
			mean.flag = FLAG_NO_COMM;
			mean.n_valid = 0;
		}
		if (raw) {
			history_reading(out, &reading, i == 0);
		} else {
			history_mean(out, &mean, i == 0 ? 1.25 : NAN);
		}
	}
	assert_true(history_end(out));
	fclose(file);
	free(out);
	return text;
}

static void each_format_says_the_same(void **state)
{
	static const struct {
		enum history_format format;
		bool raw;
		const char *text;
	} cases[] = {
		{ HISTORY_CSV, false,
			"start,value,min,max,flag,valid,n_valid,n_due,amount\n"
			"2026-03-02T08:00:00+08:00,20.5,20,21,N,1,29,30,1.25\n"
			"2026-03-02T08:01:00+08:00,,,,B,0,0,30,\n" },
		{ HISTORY_JSON, false,
			"[\n{\"start\":\"2026-03-02T08:00:00+08:00\",\"value\":20.5,\"min\":20,\"max\":21,\"flag\":"
			"\"N\","
			"\"valid\":true,\"n_valid\":29,\"n_due\":30,\"amount\":1.25},\n"
			"{\"start\":\"2026-03-02T08:01:00+08:00\",\"value\":null,\"min\":null,\"max\":null,\"flag\":"
			"\"B\","
			"\"valid\":false,\"n_valid\":0,\"n_due\":30,\"amount\":null}\n]\n" },
		{ HISTORY_TABLE, false,
			"                    start          value            min            max flag valid n_valid "
			"n_due         amount\n"
			"2026-03-02T08:00:00+08:00           20.5             20             21    N     1      29    "
			"30           1.25\n"
			"2026-03-02T08:01:00+08:00              -              -              -    B     0       0    "
			"30              -\n" },
		{ HISTORY_CSV, true,
			"at,value,flag,late\n"
			"2026-03-02T08:00:00.000+08:00,20.5,N,1\n"
			"2026-03-02T08:01:00.000+08:00,,B,0\n" },
		{ HISTORY_JSON, true,
			"[\n{\"at\":\"2026-03-02T08:00:00.000+08:00\",\"value\":20.5,\"flag\":\"N\",\"late\":true},\n"
			"{\"at\":\"2026-03-02T08:01:00.000+08:00\",\"value\":null,\"flag\":\"B\",\"late\":false}\n]"
			"\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = print(cases[i].format, cases[i].raw, EIGHT, MINUTE_MS, 2);
		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

static void nothing_is_still_a_document(void **state)
{
	char *json = print(HISTORY_JSON, false, EIGHT, 1, 0), *csv = print(HISTORY_CSV, true, EIGHT, 1, 0);

	(void)state;
	assert_string_equal(json, "[]\n");
	assert_string_equal(csv, "at,value,flag,late\n");
	free(json);
	free(csv);
}

/* Over midnight, the end of February and back, and in rows enough to fill the buffer often. */
static void times_are_those_of_the_calendar(void **state)
{
	static const int64_t steps[] = { MINUTE_MS, 7 * HOUR_MS + 123, DAY_MS, -13 * HOUR_MS - 1 };

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
		char *text = print(HISTORY_CSV, true, EIGHT - 50 * DAY_MS, steps[s], 3000);
		const char *line = strchr(text, '\n') + 1;
		for (size_t i = 0; i < 3000; i++) {
			struct utc at = { EIGHT - 50 * DAY_MS + (int64_t)i * steps[s] };
			char expected[2 * TIME_TEXT_SIZE], whole[TIME_TEXT_SIZE];
			time_format(at, 480, whole);
			snprintf(expected, sizeof(expected), "%.19s.%03d%s,", whole, (int)(at.ms % 1000), whole + 19);
			assert_memory_equal(line, expected, strlen(expected));
			line = strchr(line, '\n') + 1;
		}
		assert_int_equal(*line, '\0');
		free(text);
	}
}

static void a_full_disk_is_told(void **state)
{
	struct history_out *out = calloc(1, sizeof(*out));
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	assert_non_null(full);
	history_begin(out, full, HISTORY_CSV, false, 480);
	assert_false(history_end(out));
	fclose(full);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(any_number_comes_back_near),
		cmocka_unit_test(each_format_says_the_same),
		cmocka_unit_test(nothing_is_still_a_document),
		cmocka_unit_test(times_are_those_of_the_calendar),
		cmocka_unit_test(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
