/* test_pipeline.c - from readings to means: conversion, series, periods, late readings. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MIN(n) (EIGHT + (n)*MINUTE_MS)

static void feed_two(struct fixture *f, int64_t from, int64_t to, double so2, double o2)
{
	for (int64_t at = from; at < to; at += 5 * SECOND_MS) {
		fixture_read(f, 1, at, o2, FLAG_NORMAL);
		fixture_read(f, 0, at, so2, FLAG_NORMAL);
	}
}

static void test_x19_minutes_are_converted_before_they_are_averaged(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_point(f, "o2");
	fixture_limit(f, 0, 1000.0)->o2_ref = 6.0;
	fixture_limit(f, 0, 1000.0)->o2_ref = 16.0;
	fixture_start(f, EIGHT, INT64_MIN);
	feed_two(f, MIN(0), MIN(30), 20.0, 6.0);
	feed_two(f, MIN(30), MIN(60), 20.0, 15.0);
	fixture_step(f, HOUR(1) + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 0, PERIOD_HOUR, SERIES_CONVERTED, 6.0);
	assert_non_null(r);
	assert_true(r->mean.valid && fabs(r->mean.value - 35.0) < 1e-9); /* not 28.5714 */
	/* Two tiers with different references are two series. */
	r = fixture_last(f, 0, PERIOD_HOUR, SERIES_CONVERTED, 16.0);
	assert_true(r && fabs(r->mean.value - 35.0 * 5.0 / 15.0) < 1e-9);
	r = fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(r && r->mean.value == 20.0 && r->mean.n_valid == 60);
	fixture_destroy(f);
}

static void test_x9_oxygen_of_air_gives_no_value(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_point(f, "o2");
	fixture_limit(f, 0, 1.0)->o2_ref = 9.0;
	fixture_start(f, EIGHT, INT64_MIN);
	feed_two(f, HOUR(0), HOUR(1), 20.0, 21.0);
	fixture_step(f, HOUR(1) + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 0, PERIOD_HOUR, SERIES_CONVERTED, 9.0);
	assert_true(r && !r->mean.valid && isnan(r->mean.value));
	assert_int_equal(f->n_events, 0);
	fixture_destroy(f);
}

static void test_silent_oxygen_invalidates_what_needs_it(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_point(f, "o2");
	fixture_limit(f, 0, 1.0)->o2_ref = 16.0;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, MIN(0), MIN(1), 20.0, FLAG_NORMAL);
	fixture_step(f, MIN(1) + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 0, PERIOD_MINUTE, SERIES_CONVERTED, 16.0);
	assert_true(r && !r->mean.valid && r->mean.flag == FLAG_NO_COMM);
	r = fixture_last(f, 0, PERIOD_MINUTE, SERIES_MEASURED, NAN);
	assert_true(r && r->mean.valid);
	fixture_destroy(f);
}

/* 5 mg/m3 in wet gas at 120 degC, -0.5 kPa against 100 kPa, 8 % moisture. */
static void test_wet_and_actual_are_brought_to_dry_standard_state(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);
	const double expected = 5.0 * (101325.0 / 99500.0) * (393.0 / 273.0) / 0.92;

	(void)state;
	fixture_point(f, "pm");
	fixture_point(f, "temp");
	fixture_point(f, "pressure");
	fixture_point(f, "humidity");
	f->outlet.points[0].wet = f->outlet.points[0].actual = true;
	fixture_start(f, EIGHT, INT64_MIN);
	for (int64_t at = MIN(0); at < MIN(3); at += 5 * SECOND_MS) {
		fixture_read(f, 1, at, 120.0, FLAG_NORMAL);
		fixture_read(f, 2, at, -0.5, FLAG_NORMAL);
		/* In the second minute the humidity is being calibrated, in the third it is silent. */
		if (at < MIN(2)) {
			fixture_read(f, 3, at, 8.0, at < MIN(1) ? FLAG_NORMAL : FLAG_CALIBRATION);
		} else {
			fixture_read(f, 3, at, NAN, FLAG_NO_COMM);
		}
		fixture_read(f, 0, at, 5.0, FLAG_NORMAL);
	}
	fixture_step(f, MIN(1) + 10 * SECOND_MS);
	size_t found = 0;
	fixture_step(f, MIN(3) + 10 * SECOND_MS);
	for (size_t i = 0; i < f->n_records; i++) {
		const struct mean_record *r = &f->records[i];
		if (r->kind != SERIES_DRY || r->mean.rule->period != PERIOD_MINUTE) {
			continue;
		}
		static const enum flag flags[] = { FLAG_NORMAL, FLAG_CALIBRATION, FLAG_NO_COMM };
		assert_true(found < 3 && r->mean.flag == flags[found]);
		assert_true(found == 0 ? fabs(r->mean.value - expected) < 1e-9 : isnan(r->mean.value));
		found++;
	}
	assert_int_equal(found, 3);
	fixture_destroy(f);
}

static void test_old_auxiliary_values_are_unknown(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);
	struct point_view view;

	(void)state;
	fixture_point(f, "pm");
	fixture_point(f, "humidity");
	f->outlet.points[0].wet = true;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_read(f, 1, MIN(0), 8.0, FLAG_NORMAL);
	fixture_read(f, 0, MIN(1) + 1, 5.0, FLAG_NORMAL); /* aux_age is a minute */
	fixture_step(f, MIN(2) + 10 * SECOND_MS);
	assert_true(fixture_last(f, 0, PERIOD_MINUTE, SERIES_DRY, NAN)->mean.flag == FLAG_NO_COMM);
	pipeline_view(f->pipeline, 0, 0, (struct utc){ MIN(1) + 2 }, 5000, &view);
	assert_true(view.raw.value == 5.0);
	/* An instrument that went silent does not keep its last value. */
	pipeline_view(f->pipeline, 0, 0, (struct utc){ MIN(2) }, 5000, &view);
	assert_true(isnan(view.raw.value) && view.raw.flag == FLAG_NO_COMM);
	fixture_destroy(f);
}

static void test_readings_belong_to_the_period_of_their_stamp(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, MIN(0), MIN(1) - 10 * SECOND_MS, 10.0, FLAG_NORMAL);
	/* The next minute has begun; the rest of the first arrives within the grace. */
	assert_int_equal(fixture_read(f, 0, MIN(1) + 1000, 99.0, FLAG_NORMAL), PIPELINE_FILED);
	struct reading late = { { MIN(1) - 5000 }, 10.0, FLAG_NORMAL };
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &late), PIPELINE_FILED);
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &late), PIPELINE_FILED);
	fixture_step(f, MIN(1) + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 0, PERIOD_MINUTE, SERIES_MEASURED, NAN);
	assert_true(r->mean.valid && r->mean.value == 10.0 && r->mean.n_valid == 12);
	/* Now it is closed. */
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &late), PIPELINE_LATE);
	struct reading early = { { MIN(5) }, 10.0, FLAG_NORMAL };
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &early), PIPELINE_EARLY);
	fixture_destroy(f);
}

/* X22 through the whole path: three water periods weighted by the flow beside them. */
static void test_water_is_weighted_by_flow(void **state)
{
	static const double cod[] = { 50.0, 40.0, 60.0, 50.0, 40.0, 60.0 };
	static const double flow[] = { 100.0, 300.0, 50.0, 100.0, 300.0, 50.0 };
	struct fixture *f = fixture_create(MEDIUM_WATER);

	(void)state;
	fixture_point(f, "cod");
	fixture_point(f, "flow");
	fixture_point(f, "ph");
	f->factors[0].flow_weighted = true;
	fixture_start(f, EIGHT, INT64_MIN);
	for (int i = 0; i < 6; i++) {
		fixture_read(f, 0, MIN(10 * i), cod[i], FLAG_NORMAL);
		fixture_read(f, 1, MIN(10 * i), flow[i], FLAG_NORMAL);
		fixture_read(f, 2, MIN(10 * i), i < 3 ? 6.0 : 8.0, FLAG_NORMAL);
	}
	fixture_step(f, HOUR(1) + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(r && r->mean.valid && fabs(r->mean.value - 44.4444) < 5e-5);
	r = fixture_last(f, 2, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(r && r->mean.value == 7.0); /* pH is not weighted */
	fixture_destroy(f);
}

static void test_days_follow_the_wall_clock_of_the_site(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);
	const int64_t midnight = EIGHT - 8 * HOUR_MS;

	(void)state;
	fixture_point(f, "so2");
	fixture_start(f, midnight, INT64_MIN);
	fixture_feed(f, 0, midnight, midnight + DAY_MS, 10.0, FLAG_NORMAL);
	fixture_step(f, midnight + DAY_MS + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 0, PERIOD_DAY, SERIES_MEASURED, NAN);
	assert_true(
		r && r->mean.start.ms == midnight && r->mean.valid && r->mean.n_valid == 24 && r->mean.value == 10.0);
	fixture_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x19_minutes_are_converted_before_they_are_averaged),
		cmocka_unit_test(test_x9_oxygen_of_air_gives_no_value),
		cmocka_unit_test(test_silent_oxygen_invalidates_what_needs_it),
		cmocka_unit_test(test_wet_and_actual_are_brought_to_dry_standard_state),
		cmocka_unit_test(test_old_auxiliary_values_are_unknown),
		cmocka_unit_test(test_readings_belong_to_the_period_of_their_stamp),
		cmocka_unit_test(test_water_is_weighted_by_flow),
		cmocka_unit_test(test_days_follow_the_wall_clock_of_the_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
