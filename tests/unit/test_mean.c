/* test_mean.c - validity and flags of periods: X14 to X19, X22, X25. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/array.h"
#include "core/series.h"

struct group {
	unsigned n;
	enum flag flag;
	bool counts;
};

static void add(struct mean_acc *acc, double value, enum flag flag, bool counts, double weight)
{
	const struct sub_value sub = { exact_decimal(value), flag, counts, weight, 1 };

	mean_add(acc, &sub);
}

static struct mean close_of(enum medium medium, enum period period, const struct group *groups, size_t n)
{
	struct mean_acc acc;
	struct mean mean;

	mean_open(&acc, mean_rule_of(medium, period), (struct utc){ 0 }, 0);
	for (size_t g = 0; g < n; g++) {
		for (unsigned i = 0; i < groups[g].n; i++) {
			add(&acc, 10.0, groups[g].flag, groups[g].counts, 1.0);
		}
	}
	mean_close(&acc, &mean);
	return mean;
}

static void test_validity_and_flag(void **state)
{
	/* clang-format off */
	static const struct {
		const char *rule;
		enum medium medium;
		enum period period;
		struct group groups[3];
		bool valid;
		char flag;
	} rows[] = {
		{ "X14 12 readings make a minute", MEDIUM_GAS, PERIOD_MINUTE, { { 12, FLAG_NORMAL, true } }, true, 'N' },
		{ "X14 11 readings do not make a minute", MEDIUM_GAS, PERIOD_MINUTE, { { 11, FLAG_NORMAL, true } }, false, 'B' },
		{ "12 of 30 readings do not make a minute", MEDIUM_GAS, PERIOD_MINUTE, { { 12, FLAG_NORMAL, true }, { 18, FLAG_CALIBRATION, false } }, false, 'C' },
		{ "23 of 30 readings make a minute", MEDIUM_GAS, PERIOD_MINUTE, { { 23, FLAG_NORMAL, true }, { 7, FLAG_CALIBRATION, false } }, true, 'N' },
		{ "a minute without readings gets the flag B", MEDIUM_GAS, PERIOD_MINUTE, { { 0, FLAG_NORMAL, true } }, false, 'B' },
		{ "X15 45 minutes make an hour", MEDIUM_GAS, PERIOD_HOUR, { { 45, FLAG_NORMAL, true } }, true, 'N' },
		{ "X15 44 minutes do not make an hour", MEDIUM_GAS, PERIOD_HOUR, { { 44, FLAG_NORMAL, true } }, false, 'D' },
		{ "X16 20 hours make a day", MEDIUM_GAS, PERIOD_DAY, { { 20, FLAG_NORMAL, true }, { 4, FLAG_FAULT, false } }, true, 'N' },
		{ "X16 19 hours do not make a day, flag N", MEDIUM_GAS, PERIOD_DAY, { { 19, FLAG_NORMAL, true }, { 5, FLAG_FAULT, false } }, false, 'N' },
		{ "X16 18 hours do not make a day, flag N", MEDIUM_GAS, PERIOD_DAY, { { 18, FLAG_NORMAL, true }, { 6, FLAG_FAULT, false } }, false, 'N' },
		{ "X16 17 hours do not make a day, flag D", MEDIUM_GAS, PERIOD_DAY, { { 17, FLAG_NORMAL, true }, { 7, FLAG_FAULT, false } }, false, 'D' },
		{ "X17 one abnormal value makes a water hour abnormal", MEDIUM_WATER, PERIOD_HOUR, { { 5, FLAG_NORMAL, true }, { 1, FLAG_MAINTENANCE, false } }, true, 'M' },
		{ "X18 45 N and 15 C", MEDIUM_GAS, PERIOD_HOUR, { { 45, FLAG_NORMAL, true }, { 15, FLAG_CALIBRATION, false } }, true, 'N' },
		{ "X18 44 N and 16 C", MEDIUM_GAS, PERIOD_HOUR, { { 44, FLAG_NORMAL, true }, { 16, FLAG_CALIBRATION, false } }, false, 'D' },
		{ "X25 18 water hours make a day", MEDIUM_WATER, PERIOD_DAY, { { 18, FLAG_NORMAL, true }, { 6, FLAG_NO_COMM, false } }, true, 'B' },
		{ "X25 17 water hours do not make a day", MEDIUM_WATER, PERIOD_DAY, { { 17, FLAG_NORMAL, true }, { 7, FLAG_NO_COMM, false } }, false, 'B' },
		{ "the most frequent abnormal flag is used", MEDIUM_WATER, PERIOD_HOUR, { { 2, FLAG_FAULT, false }, { 4, FLAG_CALIBRATION, false } }, false, 'C' },
		{ "of equally frequent flags the most severe is used", MEDIUM_WATER, PERIOD_HOUR, { { 3, FLAG_MAINTENANCE, false }, { 3, FLAG_NO_COMM, false } }, false, 'B' },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mean m = close_of(rows[i].medium, rows[i].period, rows[i].groups, ARRAY_SIZE(rows[i].groups));
		if (m.valid != rows[i].valid || flag_letter(m.flag) != rows[i].flag || isnan(m.value) == m.valid) {
			fail_msg("%s: found valid %d flag %c value %g", rows[i].rule, m.valid, flag_letter(m.flag),
				m.value);
		}
	}
}

static void test_weights(void **state)
{
	static const double c[] = { 50.0, 40.0, 60.0 }, volume[] = { 100.0, 300.0, 50.0 };
	struct mean_acc acc;

	(void)state;
	mean_open(&acc, mean_rule_of(MEDIUM_WATER, PERIOD_HOUR), (struct utc){ 0 }, 0);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		add(&acc, c[i], FLAG_NORMAL, true, volume[i]);
	}
	assert_true(fabs(mean_so_far(&acc) - 44.4444) < 5e-5); /* X22 */
	add(&acc, 1000.0, FLAG_NORMAL, true, NAN);
	assert_true(fabs(mean_so_far(&acc) - 44.4444) < 5e-5); /* a value without a weight does not count */
}

/* Water that flows backwards: a negative weight would move the mean out of the range of the values. */
static void test_a_weight_below_zero_is_none(void **state)
{
	struct mean_acc acc;
	struct mean m;

	(void)state;
	mean_open(&acc, mean_rule_of(MEDIUM_WATER, PERIOD_HOUR), (struct utc){ 0 }, 0);
	for (int i = 0; i < 5; i++) {
		add(&acc, 20.0, FLAG_NORMAL, true, 100.0);
	}
	add(&acc, 80.0, FLAG_NORMAL, true, -5.0);
	mean_close(&acc, &m);
	assert_true(m.value == 20.0);
	assert_int_equal(m.n_valid, 5);
	assert_int_equal(m.counts[FLAG_FAULT], 1); /* the flag gives the reason */
	assert_int_equal(m.flag, FLAG_FAULT);
}

/* A mean is the double nearest to the exact mean, and lies between the smallest and the largest of its values. */
static void test_every_mean_lies_within_its_inputs(void **state)
{
	unsigned seed = 8170;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		struct mean_acc acc;
		int decimals = rand() % 5, scale = 1;
		for (int i = 0; i < decimals; i++) {
			scale *= 10;
		}
		double low = INFINITY, high = -INFINITY;
		mean_open(&acc, mean_rule_of(MEDIUM_WATER, PERIOD_DAY), (struct utc){ 0 }, 0);
		int spread = 1 + rand() % 4000;
		for (int i = 0; i < 24; i++) {
			int third = spread / 3; /* for values below zero */
			double value = (double)(rand() % spread - third) / scale;
			double weight = rand() % 8 == 0 ? -1.0 - rand() % 10 : (double)(rand() % 1000000) / 1000.0;
			bool counts = rand() % 10 != 0;
			if (counts && weight > 0.0) {
				low = fmin(low, value);
				high = fmax(high, value);
			}
			add(&acc, value, FLAG_NORMAL, counts, weight);
		}
		double mean = mean_so_far(&acc);
		assert_true(isnan(mean) || (mean >= low && mean <= high));
	}
}

/* Thousandths, summed as integers: the mean is the double nearest to the true mean, to the last bit. */
static void test_a_mean_is_the_nearest_double(void **state)
{
	unsigned seed = 60;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		struct mean_acc acc;
		long sum = 0;
		mean_open(&acc, mean_rule_of(MEDIUM_GAS, PERIOD_HOUR), (struct utc){ 0 }, 0);
		for (int i = 0; i < 60; i++) {
			long thousandths = rand() % 200000 - 50000;
			sum += thousandths;
			add(&acc, (double)thousandths / 1000.0, FLAG_NORMAL, true, 1.0);
		}
		assert_true(mean_so_far(&acc) == (double)sum / 60000.0);
	}
}

static void test_water_that_does_not_flow_has_no_mean(void **state)
{
	struct mean_acc acc;
	struct mean m;

	(void)state;
	mean_open(&acc, mean_rule_of(MEDIUM_WATER, PERIOD_HOUR), (struct utc){ 0 }, 0);
	for (int i = 0; i < 6; i++) {
		add(&acc, 50.0, FLAG_NORMAL, true, 0.0);
	}
	mean_close(&acc, &m);
	assert_false(m.valid);
	assert_true(isnan(m.value));
	assert_int_equal(m.flag, FLAG_STOPPED);
}

static void test_properties(void **state)
{
	unsigned seed = 20190612;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 500; round++) {
		struct mean_acc forward, backward, with_invalid;
		double values[60];
		const struct mean_rule *rule = mean_rule_of(MEDIUM_GAS, PERIOD_HOUR);
		mean_open(&forward, rule, (struct utc){ 0 }, 0);
		backward = with_invalid = forward;
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			values[i] = rand() % 100000 / 100.0;
			add(&forward, values[i], FLAG_NORMAL, true, 1.0);
			add(&with_invalid, values[i], FLAG_NORMAL, true, 1.0);
			add(&with_invalid, 1e6, (enum flag)(1 + rand() % (FLAG_COUNT - 1)), false, 1.0);
		}
		for (size_t i = ARRAY_SIZE(values); i > 0; i--) {
			add(&backward, values[i - 1], FLAG_NORMAL, true, 1.0);
		}
		/* Neither a permutation nor an invalid value changes the mean. */
		assert_true(mean_so_far(&forward) == mean_so_far(&backward));
		assert_true(mean_so_far(&forward) == mean_so_far(&with_invalid));
	}
}

static void test_names_of_periods(void **state)
{
	static const char *const names[] = { "minute", "hour", "day", "month" };
	enum period period;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_string_equal(period_name((enum period)i), names[i]);
		assert_true(period_from_name(names[i], &period) && period == (enum period)i);
	}
	assert_false(period_from_name("hours", &period));
}

static void test_a_sub_value_without_a_number_does_not_count(void **state)
{
	struct mean_acc acc;

	(void)state;
	mean_open(&acc, mean_rule_of(MEDIUM_GAS, PERIOD_HOUR), (struct utc){ 0 }, 0);
	add(&acc, 20.0, FLAG_NORMAL, true, 1.0);
	add(&acc, NAN, FLAG_NORMAL, true, 1.0);
	assert_true(mean_so_far(&acc) == 20.0 && acc.n_valid == 1 && acc.n_seen == 2);
}

static void test_only_normal_numbers_count(void **state)
{
	static const struct {
		struct reading reading;
		bool counts;
	} rows[] = {
		{ { { 0 }, 20.0, FLAG_NORMAL }, true },
		{ { { 0 }, 20.0, FLAG_CALIBRATION }, false },
		{ { { 0 }, NAN, FLAG_NORMAL }, false },
		{ { { 0 }, INFINITY, FLAG_NORMAL }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(reading_counts(&rows[i].reading), rows[i].counts);
	}
}

/* ---- series ---- */

static void test_kinds_of_series(void **state)
{
	static const char *const names[] = { "measured", "dry", "converted" };
	const struct series_conf at_six = { .kind = SERIES_CONVERTED, .o2_ref = 6.0 };
	const struct series_conf dry = { .kind = SERIES_DRY, .o2_ref = NAN };
	enum series_kind kind;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_string_equal(series_kind_name((enum series_kind)i), names[i]);
		assert_true(series_kind_from_name(names[i], &kind) && kind == (enum series_kind)i);
	}
	assert_false(series_kind_from_name("wet", &kind));
	assert_true(series_conf_is(&at_six, SERIES_CONVERTED, 6.0));
	assert_false(series_conf_is(&at_six, SERIES_CONVERTED, 9.0));
	assert_false(series_conf_is(&at_six, SERIES_CONVERTED, NAN));
	assert_false(series_conf_is(&at_six, SERIES_MEASURED, 6.0));
	assert_true(series_conf_is(&dry, SERIES_DRY, NAN));
	assert_false(series_conf_is(&dry, SERIES_DRY, 6.0));
}

static void test_only_open_minutes_take_readings(void **state)
{
	const struct series_conf conf = { .kind = SERIES_MEASURED, .o2_ref = NAN, .medium = MEDIUM_GAS, .n_open = 2 };
	static const struct {
		int64_t at;
		bool taken;
	} rows[] = { { -1, false }, { 0, true }, { 2 * MINUTE_MS - 1, true }, { 2 * MINUTE_MS, false } };
	struct series series;

	(void)state;
	assert_true(series_init(&series, &conf, (struct utc){ 30 * SECOND_MS }));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reading reading = { { rows[i].at }, 20.0, FLAG_NORMAL };
		assert_int_equal(series_add(&series, &reading, 1), rows[i].taken);
	}
	assert_int_equal(series_minute(&series)->n_seen, 1);
	series_finish(&series);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_validity_and_flag),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_a_weight_below_zero_is_none),
		cmocka_unit_test(test_every_mean_lies_within_its_inputs),
		cmocka_unit_test(test_a_mean_is_the_nearest_double),
		cmocka_unit_test(test_water_that_does_not_flow_has_no_mean),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_names_of_periods),
		cmocka_unit_test(test_a_sub_value_without_a_number_does_not_count),
		cmocka_unit_test(test_only_normal_numbers_count),
		cmocka_unit_test(test_kinds_of_series),
		cmocka_unit_test(test_only_open_minutes_take_readings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
