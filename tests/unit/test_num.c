/* test_num.c - numbers as text, and decimal numbers in doubles. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "common/exact.h"
#include "common/num.h"
#include "common/time.h"

static void test_the_shortest_form(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0.05, "0.05" },
		{ 35.0, "35" },
		{ 100.0, "100" },
		{ -0.5, "-0.5" },
		{ 0.0, "0" },
		{ 101.325, "101.325" },
		{ 1e6, "1000000" },
		{ 123456.789, "123456.789" },
		{ 1e20, "1e+20" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1.0 / 3.0, "0.3333333333333333" },
		{ 0.00001, "0.00001" },
		{ 1e-7, "1e-07" },
		{ NAN, "nan" },
		{ -INFINITY, "-inf" },
	};
	unsigned seed = 7;
	char buf[NUM_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(num_format(rows[i].value, buf), rows[i].text);
	}
	print_message("seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 100000; i++) {
		double value = ldexp((double)rand() / RAND_MAX - 0.5, rand() % 120 - 60);
		assert_true(strtod(num_format(value, buf), NULL) == value);
	}
}

static void test_sizes_and_durations(void **state)
{
	char size[NUM_TEXT_SIZE], duration[TIME_TEXT_SIZE];
	int64_t bytes, ms;

	(void)state;
	assert_string_equal(num_format_size((int64_t)2 << 30, size), "2GiB");
	assert_string_equal(num_format_size((int64_t)1536 << 20, size), "1536MiB");
	assert_string_equal(num_format_size(77, size), "77");
	assert_true(num_parse_size("1536MiB", &bytes) && bytes == (int64_t)1536 << 20);
	assert_string_equal(time_format_duration(MINUTE_MS, duration), "1min");
	assert_string_equal(time_format_duration(DAY_MS, duration), "24h");
	assert_string_equal(time_format_duration(90 * SECOND_MS, duration), "90s");
	assert_string_equal(time_format_duration(1500, duration), "1500ms");
	assert_string_equal(time_format_duration(0, duration), "0s");
	assert_true(time_parse_duration("90s", &ms) && ms == 90 * SECOND_MS);
}

static void test_decimals_in_doubles(void **state)
{
	(void)state;
	assert_true(num_significant(34.99999999999999, 12) == 35.0);
	assert_true(num_significant(35.0000000001, 12) == 35.0000000001);
	assert_true(num_significant(0.1 + 0.2, 12) == 0.3);
	assert_true(num_significant(-1e-30 / 3.0, 3) == -3.33e-31);
	assert_true(num_significant(6.02214076e23, 3) == 6.02e23);
	assert_true(num_significant(0.0, 12) == 0.0 && isnan(num_significant(NAN, 12)));
	assert_true(num_of_float(0.05F) == 0.05 && num_of_float(20.3F) == 20.3 && num_of_float(-1234.5F) == -1234.5);
	assert_true(num_of_float(16777216.0F) == 16777216.0 && isinf(num_of_float(INFINITY)));
	assert_int_equal(num_decimals(35.0), 0);
	assert_int_equal(num_decimals(0.05), 2);
	assert_int_equal(num_decimals(0.0012), 4);
	assert_int_equal(num_decimals(1.0 / 3.0), 9);
}

/* Every float becomes a decimal number that gives the same float. */
static void test_floats_stay_what_they_are(void **state)
{
	unsigned seed = 32;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 200000; i++) {
		uint32_t bits = (uint32_t)rand() << 16 ^ (uint32_t)rand();
		float value;
		memcpy(&value, &bits, sizeof(value));
		if (isfinite(value)) {
			assert_true((float)num_of_float(value) == value);
		}
	}
}

/* The sum of three times 0.1 is 0.3, and of a thousand times 0.001 is 1, whatever other values are added between. */
static void test_exact_sums(void **state)
{
	struct exact sum = exact_of(0.0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		sum = exact_sum(sum, exact_decimal(0.1));
	}
	assert_true(sum.value == 0.3);
	sum = exact_sum(exact_of(0.0), exact_decimal(1e9));
	for (int i = 0; i < 1000; i++) {
		sum = exact_sum(sum, exact_decimal(0.001));
	}
	sum = exact_difference(sum, exact_decimal(1e9));
	assert_true(sum.value == 1.0);
	assert_true(exact_quotient(exact_product(exact_decimal(4.9), exact_of(5.0)),
			    exact_difference(exact_of(21.0), exact_decimal(20.3)))
			    .value == 35.0);
	assert_true(isnan(exact_sum(exact_of(INFINITY), exact_of(1.0)).value));
	assert_true(isnan(exact_quotient(exact_of(1.0), exact_of(0.0)).value));
	assert_true(isnan(exact_decimal(NAN).value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_shortest_form),
		cmocka_unit_test(test_sizes_and_durations),
		cmocka_unit_test(test_decimals_in_doubles),
		cmocka_unit_test(test_floats_stay_what_they_are),
		cmocka_unit_test(test_exact_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
