/* test_volume.c - volumes of water, the weights that they give, and amounts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/array.h"
#include "tests/unit/fixture.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MIN(n) (EIGHT + (n)*MINUTE_MS)
#define GRACE (10 * SECOND_MS)

/* March 2026, China. */
#define MARCH ((int64_t)1772294400000)

/* A counter that stood at 9950 of 10000. */
static void test_a_counter_that_goes_back(void **state)
{
	static const struct {
		const char *rule;
		double reading;
		enum flag flag;
		double volume; /* NAN = not known */
		double next;   /* the volume of the 10 minutes after, whose reading is 10 more */
	} rows[] = {
		{ "it starts again", 20.0, FLAG_NORMAL, 70.0, 10.0 },
		{ "it was set back", 5000.0, FLAG_NORMAL, NAN, 10.0 },
		{ "it is calibrated", 20.0, FLAG_CALIBRATION, NAN, 80.0 },
		{ "it is no number", NAN, FLAG_NORMAL, NAN, 80.0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_WATER);
		fixture_point(f, "flow-total");
		f->points[0].counter_wrap = 10000.0;
		fixture_start(f, EIGHT, INT64_MIN);
		fixture_read(f, 0, MIN(0), 9950.0, FLAG_NORMAL);
		fixture_read(f, 0, MIN(10), rows[i].reading, rows[i].flag);
		fixture_step(f, MIN(20) + GRACE);
		const struct mean *m = &fixture_last(f, 0, PERIOD_MINUTE, SERIES_MEASURED, NAN)->mean;
		bool none = isnan(rows[i].volume);
		if (m->valid == none || (!none && m->value != rows[i].volume)) {
			fail_msg("%s: found %g", rows[i].rule, m->value);
		}
		fixture_read(f, 0, MIN(20), isnan(rows[i].reading) ? 30.0 : rows[i].reading + 10.0, FLAG_NORMAL);
		fixture_step(f, MIN(30) + GRACE);
		m = &fixture_last(f, 0, PERIOD_MINUTE, SERIES_MEASURED, NAN)->mean;
		if (m->value != rows[i].next) {
			fail_msg("%s: found %g afterwards", rows[i].rule, m->value);
		}
		fixture_destroy(f);
	}
}

/* COD in a month of 31 days: 0 on the first two, then 40 mg/L. */
static struct fixture *month_create(const char *beside)
{
	struct fixture *f = fixture_create(MEDIUM_WATER);

	fixture_point(f, "cod");
	f->factors[0].flow_weighted = true;
	snprintf(f->factors[0].unit, sizeof(f->factors[0].unit), "mg/L");
	fixture_point(f, beside);
	f->points[1].counter_wrap = 1e6;
	fixture_start(f, MARCH, INT64_MIN);
	for (int64_t i = 0; i < 31 * 144; i++) {
		int64_t at = MARCH + i * 10 * MINUTE_MS;
		fixture_read(f, 0, at, i < 2 * 144 ? 0.0 : 40.0, FLAG_NORMAL);
		fixture_read(f, 1, at, 3.0 * (double)i, FLAG_NORMAL);
	}
	fixture_step(f, MARCH + 31 * DAY_MS + GRACE);
	return f;
}

/* The weight of a day is the water that its kg are of: a day of exactly zero has none. */
static void test_the_days_of_a_month_weigh_by_their_water(void **state)
{
	struct fixture *f = month_create("flow-total");
	const struct mean_record *month = fixture_last(f, 0, PERIOD_MONTH, SERIES_MEASURED, NAN);

	(void)state;
	assert_non_null(month);
	assert_true(month->mean.valid && month->mean.n_valid == 31);
	assert_true(fabs(month->mean.value - 40.0) < 1e-9);
	assert_true(fabs(month->amount - 29 * 144 * 3.0 * 40.0 * 1e-3) < 1e-6); /* kg of 29 days */
	fixture_destroy(f);
}

static void test_without_a_flow_all_days_weigh_the_same(void **state)
{
	struct fixture *f = month_create("ph");
	const struct mean_record *month = fixture_last(f, 0, PERIOD_MONTH, SERIES_MEASURED, NAN);

	(void)state;
	assert_non_null(month);
	assert_true(fabs(month->mean.value - 40.0 * 29.0 / 31.0) < 1e-9 && isnan(month->amount));
	fixture_destroy(f);
}

/* Two results an hour, at 1 and 9 L/s: each is of a sample of its half hour, and none weighs more. The hours of the day
 * weigh by their water. */
static void test_results_of_a_discrete_analyser_weigh_the_same(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_WATER);

	(void)state;
	fixture_point(f, "cod");
	fixture_point(f, "flow");
	f->factors[0].flow_weighted = true;
	f->points[0].cycle_ms = HOUR_MS / 2;
	fixture_start(f, EIGHT - 8 * HOUR_MS, INT64_MIN);
	for (int64_t at = HOUR(-8); at < HOUR(16); at += 10 * MINUTE_MS) {
		bool second = (at - HOUR(0)) % HOUR_MS != 0, first_day_half = at < HOUR(4);
		if (at % (HOUR_MS / 2) == 0) {
			fixture_read(f, 0, at, (first_day_half ? 20.0 : 50.0) + (second ? 10.0 : 0.0), FLAG_NORMAL);
		}
		fixture_read(f, 1, at, first_day_half ? (second ? 9.0 : 1.0) : 3.0 * (second ? 9.0 : 1.0), FLAG_NORMAL);
	}
	fixture_step(f, HOUR(16) + GRACE);
	assert_true(fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN)->mean.value == 55.0);
	assert_int_equal(fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN)->mean.n_due, 2);
	const struct mean *day = &fixture_last(f, 0, PERIOD_DAY, SERIES_MEASURED, NAN)->mean;
	assert_int_equal(day->n_due, 24);
	assert_true(fabs(day->value - (25.0 + 3.0 * 55.0) / 4.0) < 1e-9);
	fixture_destroy(f);
}

/* Beside 100 L/s: kg of what is given by volume and counts, and of nothing else. */
static void test_what_has_an_amount(void **state)
{
	static const struct {
		const char *factor, *unit;
		int minutes; /* with readings */
		double amount;
	} rows[] = { { "cod", "mg/L", 60, 360.0 * 20.0 * 1e-3 }, { "cod", "mg/L", 30, NAN }, { "ph", "", 60, NAN } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_WATER);
		fixture_point(f, rows[i].factor);
		fixture_point(f, "flow");
		snprintf(f->factors[0].unit, sizeof(f->factors[0].unit), "%s", rows[i].unit);
		fixture_start(f, EIGHT, INT64_MIN);
		for (int m = 0; m < 60; m += 10) {
			fixture_read(f, 1, MIN(m), 100.0, FLAG_NORMAL);
			if (m < rows[i].minutes) {
				fixture_read(f, 0, MIN(m), 20.0, FLAG_NORMAL);
			}
		}
		fixture_step(f, HOUR(1) + GRACE);
		double amount = fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN)->amount;
		assert_true(isnan(rows[i].amount) ? isnan(amount) : fabs(amount - rows[i].amount) < 1e-9);
		fixture_destroy(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_counter_that_goes_back),
		cmocka_unit_test(test_the_days_of_a_month_weigh_by_their_water),
		cmocka_unit_test(test_without_a_flow_all_days_weigh_the_same),
		cmocka_unit_test(test_results_of_a_discrete_analyser_weigh_the_same),
		cmocka_unit_test(test_what_has_an_amount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
