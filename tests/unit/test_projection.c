/* test_projection.c - projections of an hour: the lower bound is checked by brute force over random hours. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/judge.h"
#include "core/projection.h"

enum { MINUTES = 60, NEEDED = 45 };

/* The number of random hours; EMISD_HOURS sets more for a long search. */
static int hours(void)
{
	const char *text = getenv("EMISD_HOURS");

	return text ? atoi(text) : 20000;
}

struct minute {
	int hundredths; /* hundredths of a mg/m3: integers, so that the sums of the test are exact */
	bool valid;
};

/* An open hour and the values that it has so far. */
struct so_far {
	struct projection projection;
	struct mean_acc acc;
};

static void open_hour(struct so_far *hour, unsigned passed)
{
	projection_open(&hour->projection, MINUTES, passed);
	mean_open(&hour->acc, mean_rule_of(MEDIUM_GAS, PERIOD_HOUR), (struct utc){ 0 }, 0);
}

static void pass(struct so_far *hour, double value, bool valid)
{
	const struct sub_value sub = { exact_decimal(value), valid ? FLAG_NORMAL : FLAG_FAULT, valid, 1.0, 1 };

	projection_add(&hour->projection, value, valid);
	mean_add(&hour->acc, &sub);
}

static double lowest(const struct so_far *hour, double least)
{
	return projection_lowest(&hour->projection, &hour->acc, least);
}

/* Values of a plant at a steady level that sometimes fails; some values are far above the level or below zero. */
static void random_minutes(struct minute *minutes, size_t from, int least)
{
	int level = rand() % 10000;
	bool coarse = rand() % 2; /* many equal values, and many hours whose mean is exactly the limit */

	for (size_t i = from; i < MINUTES; i++) {
		if (rand() % 15 == 0) {
			level = rand() % 10000;
		}
		int value = rand() % 10 == 0 ? least : level + rand() % 1000 - 500;
		value = coarse ? value / 100 * 100 : value;
		minutes[i] = (struct minute){ value < least ? least : value, rand() % 8 != 0 };
	}
}

static void complete(struct minute *minutes, size_t from, int how, int least)
{
	for (size_t i = from; i < MINUTES; i++) {
		minutes[i] = (struct minute){ least, true };
		if (how == 1) {
			minutes[i].valid = rand() % 2 == 0;
		}
	}
	if (how == 2) {
		random_minutes(minutes, from, least);
	}
}

/* The verdict on the whole hour, computed in integers without core/mean.c and core/judge.c. `units` hundredths are
 * one unit of the limit's last digit. */
static enum verdict verdict_of(const struct minute *minutes, int limit, enum rounding rounding, int units)
{
	long sum = 0, n = 0;

	for (size_t i = 0; i < MINUTES; i++) {
		sum += minutes[i].valid ? minutes[i].hundredths : 0;
		n += minutes[i].valid;
	}
	if (n < NEEDED) {
		return VERDICT_NO_DATA;
	}
	if (rounding == ROUNDING_NONE) {
		return sum > n * limit ? VERDICT_EXCEEDED : VERDICT_OK;
	}
	/* Rounding goes up past the limit if the mean is more than half a unit above, or half a unit and the limit
	 * odd. */
	long above = 2 * (sum - n * limit), half = n * units;
	bool odd = limit / units % 2 != 0;
	return above > half || (above == half && odd) ? VERDICT_EXCEEDED : VERDICT_OK;
}

static void test_what_is_certain_comes_true(void **state)
{
	struct minute minutes[MINUTES];
	struct so_far hour;
	unsigned seed = 35, certain = 0;

	(void)state;
	print_message("seed %u, %d hours\n", seed, hours());
	srand(seed);
	for (int round = 0; round < hours(); round++) {
		enum rounding rounding = rand() % 2 ? ROUNDING_NONE : ROUNDING_HALF_EVEN;
		int digits = rand() % 3, units = digits == 0 ? 100 : digits == 1 ? 10 : 1;
		int limit = (5 + rand() % 80) * units, least = rand() % 2 ? 0 : -(rand() % 1000);
		struct limit judged = { .min = NAN, .max = limit / 100.0, .digits = digits };
		size_t passed = (size_t)(rand() % MINUTES);
		random_minutes(minutes, 0, least);
		open_hour(&hour, 0);
		for (size_t i = 0; i < passed; i++) {
			pass(&hour, minutes[i].hundredths / 100.0, minutes[i].valid);
		}
		bool said = judge_value(&judged, lowest(&hour, least / 100.0), rounding) == VERDICT_EXCEEDED;
		certain += said;
		for (int how = 0; how < 3; how++) {
			complete(minutes, passed, how, least);
			if (said) {
				/* the hour exceeds, if it counts */
				assert_int_not_equal(verdict_of(minutes, limit, rounding, units), VERDICT_OK);
			}
		}
	}
	assert_true(certain > (unsigned)hours() / 30);
}

/* The bound is also sharp: if it does not say certain, the lowest possible later values lead to a mean within the
 * limit (except for the margin). */
static void test_what_is_not_certain_can_be_kept(void **state)
{
	struct minute minutes[MINUTES];
	struct so_far hour;

	unsigned seed = 36;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		int limit = (5 + rand() % 80) * 100;
		size_t passed = (size_t)(rand() % MINUTES);
		random_minutes(minutes, 0, 0);
		open_hour(&hour, 0);
		for (size_t i = 0; i < passed; i++) {
			pass(&hour, minutes[i].hundredths / 100.0, minutes[i].valid);
		}
		complete(minutes, passed, 0, 0);
		if (!(lowest(&hour, 0.0) > limit / 100.0 - 1e-6)) {
			assert_int_not_equal(verdict_of(minutes, limit, ROUNDING_NONE, 1), VERDICT_EXCEEDED);
		}
	}
}

/* Cases that occurred in the field. */
static void test_certain_was_wrong(void **state)
{
	const struct limit ultra_low = { .min = NAN, .max = 35.0 }, mercury = { .min = NAN, .max = 0.05, .digits = 2 };
	struct so_far hour;

	(void)state;
	open_hour(&hour, 0); /* 36 minutes at 60 and then 24 at -5: the hour ends at 34 */
	for (int i = 0; i < 36; i++) {
		pass(&hour, 60.0, true);
	}
	assert_int_equal(judge_value(&ultra_low, lowest(&hour, -5.0), ROUNDING_NONE), VERDICT_OK);
	assert_int_equal(judge_value(&ultra_low, lowest(&hour, 0.0), ROUNDING_NONE), VERDICT_EXCEEDED); /* 36 */
	open_hour(&hour, 0); /* 50 minutes at 42.002, then zeros: 35.00, rounded */
	for (int i = 0; i < 50; i++) {
		pass(&hour, 42.002, true);
	}
	assert_int_equal(judge_value(&ultra_low, lowest(&hour, 0.0), ROUNDING_HALF_EVEN), VERDICT_OK);
	assert_int_equal(judge_value(&ultra_low, lowest(&hour, 0.0), ROUNDING_NONE), VERDICT_EXCEEDED);
	open_hour(&hour, 0); /* the lowest possible value is exactly the limit */
	for (int i = 0; i < 50; i++) {
		pass(&hour, 0.06, true);
	}
	assert_int_equal(judge_value(&mercury, lowest(&hour, 0.0), ROUNDING_NONE), VERDICT_OK);
	open_hour(&hour, 0); /* values below the bound; if no later value counts, the mean stays 3 */
	for (int i = 0; i < 45; i++) {
		pass(&hour, 3.0, true);
	}
	assert_true(lowest(&hour, 5.0) <= 3.0);
}

static void test_the_line_goes_on(void **state)
{
	struct so_far hour;

	(void)state;
	open_hour(&hour, 0);
	assert_true(isnan(lowest(&hour, 0.0)));
	for (int i = 0; i < 20; i++) {
		pass(&hour, 10.0 + i, i % 5 != 0); /* 10, 11, 12 ... with gaps */
	}
	assert_true(projection_is_ready(&hour.projection));
	/* 16 values have come and 40 will come; the test computes their mean itself */
	double sum = 0.0;
	for (int i = 0; i < MINUTES; i++) {
		sum += i < 20 && i % 5 == 0 ? 0.0 : 10.0 + i;
	}
	assert_true(fabs(projection_value(&hour.projection) - sum / 56.0) < 1e-9);

	/* A falling line is not continued below zero. */
	open_hour(&hour, 0);
	for (int i = 0; i < 30; i++) {
		pass(&hour, 29.0 - i, true);
	}
	assert_true(fabs(projection_value(&hour.projection) - 435.0 / 60.0) < 1e-9);
}

static void test_a_quarter_has_to_be_known(void **state)
{
	struct so_far hour;

	(void)state;
	open_hour(&hour, 10); /* emisd started ten minutes into the hour */
	for (int i = 0; i < 14; i++) {
		pass(&hour, 50.0, true);
	}
	assert_false(projection_is_ready(&hour.projection));
	pass(&hour, 50.0, true);
	assert_true(projection_is_ready(&hour.projection));
	assert_true(fabs(lowest(&hour, 0.0) - 15.0 * 50.0 / 50.0) < 1e-9); /* 35 minutes remain */
}

static void test_what_cannot_be_projected(void **state)
{
	struct so_far hour;

	(void)state;
	open_hour(&hour, 0);
	pass(&hour, 10.0, true);
	assert_true(isnan(projection_value(&hour.projection))); /* one value is no line */
	pass(&hour, NAN, true);
	assert_true(isnan(projection_value(&hour.projection))); /* and what is no number is no value */
	pass(&hour, 12.0, true);
	assert_true(isfinite(projection_value(&hour.projection)));
	for (int i = 3; i < MINUTES; i++) {
		pass(&hour, 11.0, true);
	}
	assert_true(isfinite(projection_value(&hour.projection)));
	pass(&hour, 11.0, true); /* more minutes than an hour has */
	assert_true(isnan(projection_value(&hour.projection)));
	assert_true(lowest(&hour, 0.0) <= 11.0 && lowest(&hour, 0.0) > 10.9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_certain_comes_true),
		cmocka_unit_test(test_what_is_not_certain_can_be_kept),
		cmocka_unit_test(test_certain_was_wrong),
		cmocka_unit_test(test_the_line_goes_on),
		cmocka_unit_test(test_a_quarter_has_to_be_known),
		cmocka_unit_test(test_what_cannot_be_projected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
