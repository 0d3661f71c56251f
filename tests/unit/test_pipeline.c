/* test_pipeline.c - from readings to means: conversion, series, periods, late readings. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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
	assert_true(r->mean.valid && fabs(r->mean.value - 35.0) < 1e-9); /* averaging first would give 28.5714 */
	/* Two tiers with different reference oxygen give two series. */
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
	assert_int_equal(f->n_events, 1);
	assert_int_equal(fixture_count(f, RULE_NEAR_AIR), 1);
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
		/* In the second minute the humidity analyser is calibrated, in the third it does not answer. */
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
	f->outlet.points[0].max_age_ms = 5000;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_read(f, 1, MIN(0), 8.0, FLAG_NORMAL);
	fixture_read(f, 0, MIN(1) + 1, 5.0, FLAG_NORMAL); /* aux_age is a minute */
	fixture_step(f, MIN(2) + 10 * SECOND_MS);
	assert_true(fixture_last(f, 0, PERIOD_MINUTE, SERIES_DRY, NAN)->mean.flag == FLAG_NO_COMM);
	pipeline_view(f->pipeline, 0, 0, (struct utc){ MIN(1) + 2 }, &view);
	assert_true(view.raw.value == 5.0);
	/* The last value of an instrument that does not answer any more is not used. */
	pipeline_view(f->pipeline, 0, 0, (struct utc){ MIN(2) }, &view);
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
	/* The next minute has begun; the last readings of the first minute arrive within the grace time. */
	assert_int_equal(fixture_read(f, 0, MIN(1) + 1000, 99.0, FLAG_NORMAL), PIPELINE_FILED);
	struct reading late = { { MIN(1) - 5000 }, 10.0, FLAG_NORMAL };
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &late), PIPELINE_FILED);
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &late), PIPELINE_FILED);
	fixture_step(f, MIN(1) + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 0, PERIOD_MINUTE, SERIES_MEASURED, NAN);
	assert_true(r->mean.valid && r->mean.value == 10.0 && r->mean.n_valid == 12);
	/* Now the first minute is closed. */
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &late), PIPELINE_LATE);
	struct reading early = { { MIN(5) }, 10.0, FLAG_NORMAL };
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &early), PIPELINE_EARLY);
	fixture_destroy(f);
}

/* X22 through the whole path: three water periods, weighted by their flow. */
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

/* X19 with averaging before conversion. */
static void test_x19_averaging_first_is_a_setting(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_point(f, "o2");
	fixture_limit(f, 0, 1000.0)->o2_ref = 6.0;
	f->settings.order = ORDER_AVERAGE_FIRST;
	fixture_start(f, EIGHT, INT64_MIN);
	feed_two(f, MIN(0), MIN(30), 20.0, 6.0);
	feed_two(f, MIN(30), MIN(60), 20.0, 15.0);
	fixture_step(f, HOUR(1) + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 0, PERIOD_HOUR, SERIES_CONVERTED, 6.0);
	assert_true(r && r->mean.valid && fabs(r->mean.value - 28.5714) < 5e-5);
	fixture_destroy(f);
}

/* X13 through the whole path: 35 mg/m3 in the flow of X12, for a day. */
static void test_x13_mass_by_the_measured_value(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);
	static const struct {
		const char *factor;
		double value;
	} points[] = { { "so2", 35.0 }, { "velocity", 12.0 }, { "temp", 120.0 }, { "pressure", -0.5 },
		{ "humidity", 12.0 }, { "gasflow", NAN }, { "o2", 10.0 } };
	const int64_t midnight = EIGHT - 8 * HOUR_MS;

	(void)state;
	f->outlet.area_m2 = 7.0686;
	for (size_t i = 0; i < 7; i++) {
		fixture_point(f, points[i].factor);
	}
	f->outlet.points[1].field_coefficient = 0.95;
	f->outlet.points[5].computed = COMPUTED_FLOW;
	fixture_limit(f, 0, 1000.0)->o2_ref = 3.0; /* the converted value is higher, and is not used for the mass */
	fixture_start(f, midnight, INT64_MIN);
	for (int64_t at = midnight; at < midnight + DAY_MS; at += MINUTE_MS) {
		for (size_t i = 0; i < 7; i++) {
			if (i != 5) {
				fixture_feed_averaged(f, i, at, at + MINUTE_MS, points[i].value, FLAG_NORMAL);
			}
		}
	}
	fixture_step(f, midnight + DAY_MS + 10 * SECOND_MS);
	const struct mean_record *flow = fixture_last(f, 5, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(
		flow && fabs(flow->mean.value * 3600.0 - 174140.584) < 5e-3 && fabs(flow->amount - 174140.584) < 5e-3);
	const struct mean_record *hour = fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(fabs(hour->amount - 6.0949) < 5e-5);
	const struct mean_record *day = fixture_last(f, 0, PERIOD_DAY, SERIES_MEASURED, NAN);
	assert_true(fabs(day->amount - 146.2781) < 5e-4);
	assert_true(isnan(fixture_last(f, 0, PERIOD_DAY, SERIES_CONVERTED, 3.0)->amount));
	fixture_destroy(f);
}

/* X33: half hours of 10 m/s at 100 degC and 14 m/s at 140 degC. The flow of the hour is computed from hour means. */
static void test_x33_flow_from_hour_means(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	f->outlet.area_m2 = 1.0;
	f->outlet.barometric_pa = 101325.0;
	fixture_point(f, "velocity");
	fixture_point(f, "temp");
	fixture_point(f, "pressure");
	fixture_point(f, "humidity");
	fixture_point(f, "gasflow");
	f->outlet.points[4].computed = COMPUTED_FLOW;
	fixture_start(f, EIGHT, INT64_MIN);
	for (int m = 0; m < 60; m++) {
		fixture_feed_averaged(f, 0, MIN(m), MIN(m + 1), m < 30 ? 10.0 : 14.0, FLAG_NORMAL);
		fixture_feed_averaged(f, 1, MIN(m), MIN(m + 1), m < 30 ? 100.0 : 140.0, FLAG_NORMAL);
		fixture_feed_averaged(f, 2, MIN(m), MIN(m + 1), 0.0, FLAG_NORMAL);
		fixture_feed_averaged(f, 3, MIN(m), MIN(m + 1), 0.0, FLAG_NORMAL);
	}
	fixture_step(f, HOUR(1) + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 4, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(r && r->mean.valid && fabs(r->mean.value * 3600.0 - 30009.160) < 5e-4); /* not 29831.890 */
	fixture_destroy(f);
}

/* X5 through the whole path; the result gets the flag of a missing input. */
static void test_x5_nox_of_no_and_no2(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "nox");
	fixture_point(f, "no");
	fixture_point(f, "no2");
	f->outlet.points[0].computed = COMPUTED_NOX;
	fixture_start(f, EIGHT, INT64_MIN);
	for (int m = 0; m < 60; m++) {
		fixture_feed_averaged(f, 1, MIN(m), MIN(m + 1), 40.0, FLAG_NORMAL);
		fixture_feed_averaged(f, 2, MIN(m), MIN(m + 1), 5.0, m < 50 ? FLAG_NORMAL : FLAG_MAINTENANCE);
	}
	fixture_step(f, HOUR(1) + 10 * SECOND_MS);
	const struct mean_record *r = fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(r && r->mean.valid && fabs(r->mean.value - 66.3333) < 5e-5);
	assert_int_equal(r->mean.n_valid, 50);
	assert_int_equal(r->mean.counts[FLAG_MAINTENANCE], 10);
	fixture_destroy(f);
}

static void test_x28_a_pitot_tube(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "velocity");
	f->outlet.points[0].pitot_kp = 0.84;
	f->outlet.points[0].gas_density = 0.95;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, MIN(0), MIN(1), 120.0, FLAG_NORMAL);
	fixture_feed(f, 0, MIN(1), MIN(2), -3.0, FLAG_NORMAL); /* a dynamic pressure cannot be so low */
	fixture_step(f, MIN(2) + 10 * SECOND_MS);
	const struct mean_record *first = NULL;
	for (size_t i = 0; i < f->n_records && !first; i++) {
		first = &f->records[i];
	}
	assert_true(first && fabs(first->mean.value - 13.3513) < 5e-5);
	assert_int_equal(fixture_last(f, 0, PERIOD_MINUTE, SERIES_MEASURED, NAN)->mean.flag, FLAG_FAULT);
	fixture_destroy(f);
}

/* The volume comes from the totaliser, also when it wraps; after a reset of the counter the volume is unknown. */
static void test_a_totaliser(void **state)
{
	static const double counts[] = { 9950.0, 9960.0, 9990.0, 20.0, 40.0, 70.0, 100.0, 5.0, 25.0 };
	static const double volumes[] = { NAN, 10.0, 30.0, 30.0, 20.0, 30.0, 30.0, NAN, 20.0 };
	struct fixture *f = fixture_create(MEDIUM_WATER);

	(void)state;
	fixture_point(f, "flow-total");
	fixture_point(f, "cod");
	fixture_point(f, "flow");
	f->outlet.points[0].counter_wrap = 10000.0;
	f->factors[1].flow_weighted = true;
	snprintf(f->factors[1].unit, sizeof(f->factors[1].unit), "mg/L");
	fixture_start(f, EIGHT, INT64_MIN);
	for (int i = 0; i < 9; i++) {
		fixture_read(f, 0, MIN(10 * i), counts[i], FLAG_NORMAL);
		fixture_read(f, 1, MIN(10 * i), i == 2 ? 80.0 : 50.0, FLAG_NORMAL);
		fixture_read(f, 2, MIN(10 * i), 1.0, FLAG_NORMAL); /* the flow meter shows too little */
	}
	fixture_step(f, MIN(90) + 10 * SECOND_MS);
	size_t k = 0;
	for (size_t i = 0; i < f->n_records; i++) {
		const struct mean *m = &f->records[i].mean;
		if (f->records[i].point == &f->outlet.points[0] && m->rule->period == PERIOD_MINUTE) {
			assert_true(isnan(volumes[k]) ? !m->valid : fabs(m->value - volumes[k]) < 1e-9);
			k++;
		}
	}
	assert_int_equal(k, 9);
	/* 5 of 6 volumes are known: 120 m3. The weight of the first 10 minutes is the flow meter's 0.6 m3. */
	const struct mean_record *cod = fixture_last(f, 1, PERIOD_HOUR, SERIES_MEASURED, NAN);
	double expected = (50.0 * 90.6 + 80.0 * 30.0) / 120.6;
	assert_true(cod && fabs(cod->mean.value - expected) < 1e-9);
	assert_true(fabs(cod->amount - 120.0 * expected * 1e-3) < 1e-9);
	assert_true(fabs(fixture_last(f, 2, PERIOD_HOUR, SERIES_MEASURED, NAN)->amount - 120.0) < 1e-9);
	fixture_destroy(f);
}

/* An analyser with a result every two hours: 12 results are due, and 9 make a day, whatever their hours are. */
static void test_a_discrete_analyser(void **state)
{
	const int64_t midnight = EIGHT - 8 * HOUR_MS;

	(void)state;
	for (int missing = 3; missing <= 4; missing++) {
		struct fixture *f = fixture_create(MEDIUM_WATER);
		fixture_point(f, "cod");
		f->outlet.points[0].cycle_ms = 2 * HOUR_MS;
		fixture_start(f, midnight, INT64_MIN);
		for (int i = missing; i < 12; i++) {
			fixture_read(f, 0, midnight + i * 2 * HOUR_MS + 25 * MINUTE_MS, 40.0 + i, FLAG_NORMAL);
		}
		fixture_step(f, midnight + DAY_MS + 10 * SECOND_MS);
		const struct mean_record *hour = fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN);
		assert_true(hour && hour->mean.start.ms == midnight + 22 * HOUR_MS && hour->mean.value == 51.0);
		const struct mean_record *day = fixture_last(f, 0, PERIOD_DAY, SERIES_MEASURED, NAN);
		assert_int_equal(day->mean.n_due, 12);
		assert_int_equal(day->mean.valid, missing == 3);
		assert_int_equal(day->mean.flag, FLAG_NO_COMM); /* water: one missing value gives the day its flag */
		assert_int_equal(fixture_count(f, RULE_NO_DATA), 0);
		fixture_destroy(f);
	}
}

/* A result comes when its analysis is done, but belongs to the hour of its sample: the outlet waits for the result. */
static void test_a_late_result_belongs_to_the_hour_of_its_sample(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_WATER);

	(void)state;
	fixture_point(f, "cod");
	f->outlet.points[0].cycle_ms = HOUR_MS;
	f->outlet.grace_ms = 75 * MINUTE_MS;
	fixture_start(f, EIGHT, INT64_MIN);
	struct reading result = { { MIN(5) }, 48.0, FLAG_NORMAL };
	fixture_step(f, MIN(70));
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &result), PIPELINE_FILED);
	fixture_step(f, MIN(60 + 75) - 1);
	assert_null(fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN));
	fixture_step(f, MIN(60 + 75));
	const struct mean_record *r = fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(r && r->mean.start.ms == HOUR(0) && r->mean.value == 48.0);
	assert_int_equal(pipeline_add(f->pipeline, 0, 0, &result), PIPELINE_LATE);
	fixture_destroy(f);
}

static void test_a_result_is_held_until_its_age_limit(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "nmhc");
	f->outlet.points[0].hold_ms = 6 * MINUTE_MS;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, MIN(0), MIN(1), 30.0, FLAG_NORMAL); /* then no answers; the last reading is at 0:55 */
	fixture_step(f, MIN(20) + 10 * SECOND_MS);
	size_t valid = 0;
	for (size_t i = 0; i < f->n_records; i++) {
		valid += f->records[i].mean.rule->period == PERIOD_MINUTE && f->records[i].mean.valid;
	}
	assert_int_equal(valid, 6); /* minute 0, and the minutes that end until 6:55 */
	fixture_destroy(f);
}

static void test_a_mark_changes_validity_and_no_value(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);
	struct point_view view;

	(void)state;
	fixture_point(f, "so2");
	fixture_point(f, "nox");
	f->outlet.points[0].max_age_ms = 10000;
	fixture_start(f, EIGHT, INT64_MIN);
	struct mark mark = { 0, 0, { MIN(10) }, { MIN(30) }, FLAG_MAINTENANCE };
	assert_true(pipeline_add_mark(f->pipeline, &mark));
	for (int m = 0; m < 60; m++) {
		enum flag flag = m < 5 ? FLAG_CALIBRATION : m == 12 ? FLAG_FAULT : FLAG_NORMAL;
		fixture_feed(f, 0, MIN(m), MIN(m + 1), 20.0, flag);
		fixture_feed(f, 1, MIN(m), MIN(m + 1), 20.0, FLAG_NORMAL);
		if (m == 20) {
			pipeline_view(f->pipeline, 0, 0, (struct utc){ MIN(21) }, &view);
			assert_true(view.raw.value == 20.0 && view.raw.flag == FLAG_MAINTENANCE);
		}
	}
	fixture_step(f, HOUR(1) + 10 * SECOND_MS);
	const struct mean *m = &fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN)->mean;
	assert_int_equal(m->counts[FLAG_MAINTENANCE], 19);
	assert_int_equal(m->counts[FLAG_FAULT], 1); /* a mark does not replace a more severe flag */
	assert_int_equal(m->counts[FLAG_CALIBRATION], 5);
	assert_int_equal(m->n_valid, 35);
	assert_false(m->valid);
	assert_true(fixture_last(f, 1, PERIOD_HOUR, SERIES_MEASURED, NAN)->mean.valid);
	fixture_destroy(f);
}

/* 25 valid days make a month, 24 do not; in February 23 days are enough. */
static void test_months(void **state)
{
	static const struct {
		const char *month, *next;
		int days, valid_days;
		bool valid;
	} rows[] = { { "2026-03-01", "2026-04-01", 31, 25, true }, { "2026-03-01", "2026-04-01", 31, 24, false },
		{ "2026-04-01", "2026-05-01", 30, 25, true }, { "2027-02-01", "2027-03-01", 28, 23, true },
		{ "2027-02-01", "2027-03-01", 28, 22, false }, { "2028-02-01", "2028-03-01", 29, 23, true } };
	struct utc start, end;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		assert_true(time_parse(rows[i].month, 480, &start) && time_parse(rows[i].next, 480, &end));
		fixture_point(f, "so2");
		fixture_start(f, start.ms, INT64_MIN);
		for (int d = 0; d < rows[i].valid_days; d++) {
			int64_t at = start.ms + d * DAY_MS;
			fixture_feed_averaged(f, 0, at, at + DAY_MS, 10.0 + d, FLAG_NORMAL);
		}
		fixture_step(f, end.ms + 10 * SECOND_MS);
		const struct mean_record *r = fixture_last(f, 0, PERIOD_MONTH, SERIES_MEASURED, NAN);
		assert_true(r && r->mean.start.ms == start.ms && r->mean.end.ms == end.ms);
		assert_int_equal(r->mean.n_due, rows[i].days);
		assert_int_equal(r->mean.valid, rows[i].valid);
		double mean = 10.0 + (rows[i].valid_days - 1) / 2.0;
		assert_true(!rows[i].valid || fabs(r->mean.value - mean) < 1e-9);
		fixture_destroy(f);
	}
}

/* A month with a restart gives the same result as without one, weights and amounts included. */
static void test_a_split_month_is_the_whole_month(void **state)
{
	struct utc start;

	(void)state;
	assert_true(time_parse("2026-03-01", 480, &start));
	struct fixture *f[2];
	for (int k = 0; k < 2; k++) {
		f[k] = fixture_create(MEDIUM_WATER);
		fixture_point(f[k], "cod");
		fixture_point(f[k], "flow");
		f[k]->factors[0].flow_weighted = true;
		snprintf(f[k]->factors[0].unit, sizeof(f[k]->factors[0].unit), "mg/L");
		fixture_start(f[k], start.ms + k * 10 * DAY_MS, INT64_MIN);
	}
	for (int d = 0; d < 31; d++) {
		for (int k = 0; k < 2; k++) {
			int64_t at = start.ms + d * DAY_MS;
			for (int64_t t = at; t < at + DAY_MS && (k == 0 || d >= 10); t += 10 * MINUTE_MS) {
				fixture_feed_averaged(f[k], 0, t, t + 10 * MINUTE_MS, 40.0 + d, FLAG_NORMAL);
				fixture_feed_averaged(f[k], 1, t, t + 10 * MINUTE_MS, 5.0 + d % 3, FLAG_NORMAL);
			}
			fixture_step(f[k], d >= 10 || k == 0 ? at + DAY_MS + 10 * SECOND_MS : 0);
		}
		const struct mean_record *day = fixture_last(f[0], 0, PERIOD_DAY, SERIES_MEASURED, NAN);
		if (d < 10) {
			const struct past_mean past = { "DA001", "cod", SERIES_MEASURED, NAN, &day->mean, day->amount };
			assert_true(pipeline_restore_mean(f[1]->pipeline, &past));
		}
	}
	const struct mean_record *whole = fixture_last(f[0], 0, PERIOD_MONTH, SERIES_MEASURED, NAN);
	const struct mean_record *split = fixture_last(f[1], 0, PERIOD_MONTH, SERIES_MEASURED, NAN);
	assert_true(whole && split && whole->mean.valid && split->mean.valid);
	assert_true(fabs(whole->mean.value - split->mean.value) < 1e-9);
	assert_true(fabs(whole->amount - split->amount) < 1e-6);
	assert_int_equal(split->mean.n_valid, 31);
	fixture_destroy(f[0]);
	fixture_destroy(f[1]);
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
		cmocka_unit_test(test_x19_averaging_first_is_a_setting),
		cmocka_unit_test(test_x13_mass_by_the_measured_value),
		cmocka_unit_test(test_x33_flow_from_hour_means),
		cmocka_unit_test(test_x5_nox_of_no_and_no2),
		cmocka_unit_test(test_x28_a_pitot_tube),
		cmocka_unit_test(test_a_totaliser),
		cmocka_unit_test(test_a_discrete_analyser),
		cmocka_unit_test(test_a_late_result_belongs_to_the_hour_of_its_sample),
		cmocka_unit_test(test_a_result_is_held_until_its_age_limit),
		cmocka_unit_test(test_a_mark_changes_validity_and_no_value),
		cmocka_unit_test(test_months),
		cmocka_unit_test(test_a_split_month_is_the_whole_month),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
