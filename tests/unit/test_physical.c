/* test_physical.c - impossible values: oxygen below zero or near that of air, water that flows backwards, values
 * below the setting `least`. */
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
#define GRACE (10 * SECOND_MS)

/* SO2 with a limit of 35 mg/m3 at 16 % oxygen. */
static struct fixture *sinter(void)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	fixture_point(f, "so2");
	fixture_point(f, "o2");
	fixture_limit(f, 0, 35.0)->o2_ref = 16.0;
	f->settings.o2_zero_drift = 0.5;
	fixture_start(f, EIGHT, INT64_MIN);
	return f;
}

static void feed_two(struct fixture *f, int64_t from, int64_t to, double so2, double o2)
{
	for (int64_t at = from; at < to; at += 5 * SECOND_MS) {
		fixture_read(f, 1, at, o2, FLAG_NORMAL);
		fixture_read(f, 0, at, so2, FLAG_NORMAL);
	}
}

static const struct mean *hour_of(struct fixture *f, size_t point, enum series_kind kind, double o2_ref)
{
	fixture_step(f, HOUR(1) + GRACE);
	const struct mean_record *record = fixture_last(f, point, PERIOD_HOUR, kind, o2_ref);
	assert_non_null(record);
	return &record->mean;
}

static void test_a_mean_equal_to_its_limit(void **state)
{
	struct fixture *f = sinter();

	(void)state;
	feed_two(f, HOUR(0), HOUR(1), 4.9, 20.3); /* 4.9 * 5 / 0.7 = 35 */
	assert_true(hour_of(f, 0, SERIES_CONVERTED, 16.0)->value == 35.0);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 0);
	assert_int_equal(fixture_count(f, RULE_MINUTES_BEYOND), 0);
	feed_two(f, HOUR(1), HOUR(2), 4.91, 20.3);
	fixture_step(f, HOUR(2) + GRACE);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 1);
	fixture_destroy(f);
}

static void test_oxygen_below_none(void **state)
{
	struct fixture *f = sinter();

	(void)state;
	feed_two(f, HOUR(0), MIN(50), 84.0, -0.4); /* within the zero drift: counts as 0 */
	feed_two(f, MIN(50), HOUR(1), 84.0, -5.0); /* impossible oxygen: enters no mean */
	const struct mean *converted = hour_of(f, 0, SERIES_CONVERTED, 16.0);
	assert_true(converted->value == 84.0 * 5.0 / 21.0);
	assert_int_equal(converted->n_valid, 50);
	assert_int_equal(converted->counts[FLAG_FAULT], 10);
	const struct mean *oxygen = hour_of(f, 1, SERIES_MEASURED, NAN);
	assert_true(oxygen->value == -0.4 && oxygen->n_valid == 50); /* the measured values, between their bounds */
	fixture_destroy(f);
}

/* Values are still judged: no standard gives an oxygen from which they would not be. */
static void test_oxygen_near_air_is_told(void **state)
{
	struct fixture *f = sinter();

	(void)state;
	feed_two(f, HOUR(0), MIN(20), 1.0, 15.0);
	assert_int_equal(fixture_count(f, RULE_NEAR_AIR), 0);
	feed_two(f, MIN(20), MIN(50), 1.0, 20.9);
	feed_two(f, MIN(50), HOUR(1), 1.0, 15.0);
	assert_true(hour_of(f, 0, SERIES_CONVERTED, 16.0)->n_valid == 60);
	assert_int_equal(fixture_count(f, RULE_NEAR_AIR), 2);
	const struct event *raised = fixture_event(f, RULE_NEAR_AIR, 0), *cleared = fixture_event(f, RULE_NEAR_AIR, 1);
	assert_true(raised->change == ALARM_RAISED && raised->at.ms == MIN(21) && raised->value == 20.9);
	assert_true(cleared->change == ALARM_CLEARED && cleared->at.ms == MIN(53));
	assert_int_equal(alarm_class_of(raised->rule, NULL), ALARM_CONDITION);
	fixture_destroy(f);
}

static void test_oxygen_that_converts_nothing_may_be_air(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_point(f, "o2");
	fixture_limit(f, 0, 35.0);
	fixture_start(f, EIGHT, INT64_MIN);
	feed_two(f, HOUR(0), HOUR(1), 1.0, 20.95);
	fixture_step(f, HOUR(1) + GRACE);
	assert_int_equal(fixture_count(f, RULE_NEAR_AIR), 0);
	fixture_destroy(f);
}

/* A water outlet: COD, which is weighted by flow, and the flow. */
static struct fixture *works_create(void)
{
	struct fixture *f = fixture_create(MEDIUM_WATER);

	fixture_point(f, "cod");
	f->factors[0].flow_weighted = true;
	snprintf(f->factors[0].unit, sizeof(f->factors[0].unit), "mg/L");
	fixture_point(f, "flow");
	return f;
}

/* 20 mg/L at 100 L/s and 80 mg/L while the water flows backwards. */
static void test_water_that_flows_backwards(void **state)
{
	struct fixture *f = works_create();

	(void)state;
	fixture_limit(f, 0, 50.0);
	fixture_start(f, EIGHT, INT64_MIN);
	for (int i = 0; i < 6; i++) {
		bool back = i == 5;
		fixture_read(f, 1, MIN(10 * i), back ? -5.0 : 100.0, FLAG_NORMAL);
		fixture_read(f, 0, MIN(10 * i), back ? 80.0 : 20.0, FLAG_NORMAL);
	}
	const struct mean *hour = hour_of(f, 0, SERIES_MEASURED, NAN);
	assert_true(hour->value == 20.0);
	assert_int_equal(hour->n_valid, 5);
	assert_int_equal(hour->counts[FLAG_FAULT], 1);
	fixture_destroy(f);
}

static void test_no_amount_of_water_that_flows_backwards(void **state)
{
	struct fixture *f = works_create();

	(void)state;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed_averaged(f, 1, HOUR(0), HOUR(1), -5.0, FLAG_NORMAL);
	fixture_step(f, HOUR(1) + GRACE);
	const struct mean_record *flow = fixture_last(f, 1, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(flow && flow->mean.value == -5.0 && isnan(flow->amount));
	fixture_destroy(f);
}

static void test_below_the_least_that_the_site_states(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_limit(f, 0, 35.0);
	f->points[0].has_least = true;
	f->points[0].least = -2.0;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, HOUR(0), MIN(50), -2.0, FLAG_NORMAL);
	fixture_feed(f, 0, MIN(50), MIN(55), -2.1, FLAG_NORMAL);
	fixture_feed(f, 0, MIN(55), HOUR(1), -2.1, FLAG_CALIBRATION);
	const struct mean *hour = hour_of(f, 0, SERIES_MEASURED, NAN);
	assert_true(hour->value == -2.0 && hour->n_valid == 50);
	assert_true(hour->counts[FLAG_FAULT] == 5 && hour->counts[FLAG_CALIBRATION] == 5);
	fixture_destroy(f);
}

/* Without a lower bound no exceedance is certain, because a later value may have any low value. With a bound below
 * zero, no exceedance of a converted value is certain. */
static void test_certain_needs_a_bound(void **state)
{
	static const struct {
		bool has_least;
		double least;
		double o2_ref;
		int64_t certain_at; /* 0 = never */
	} rows[] = {
		{ false, 0.0, NAN, 0 },
		{ true, 0.0, NAN, MIN(36) },  /* 60 n / 60 > 35 from n = 36 on */
		{ true, -5.0, NAN, MIN(37) }, /* (60 n - 5 (60 - n)) / 60 > 35 from n = 37 on */
		{ true, 0.0, 16.0, MIN(36) },
		{ true, -5.0, 16.0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		fixture_point(f, "so2");
		fixture_point(f, "o2");
		fixture_limit(f, 0, 35.0)->o2_ref = rows[i].o2_ref;
		f->points[0].has_least = rows[i].has_least;
		f->points[0].least = rows[i].least;
		fixture_start(f, EIGHT, INT64_MIN);
		feed_two(f, HOUR(0), HOUR(1), 60.0, 16.0);
		fixture_step(f, HOUR(1) + GRACE);
		const struct event *certain = fixture_event(f, RULE_CERTAIN, 0);
		assert_int_equal(certain ? certain->at.ms : 0, rows[i].certain_at);
		assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 1);
		fixture_destroy(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_mean_equal_to_its_limit),
		cmocka_unit_test(test_oxygen_below_none),
		cmocka_unit_test(test_oxygen_near_air_is_told),
		cmocka_unit_test(test_oxygen_that_converts_nothing_may_be_air),
		cmocka_unit_test(test_water_that_flows_backwards),
		cmocka_unit_test(test_no_amount_of_water_that_flows_backwards),
		cmocka_unit_test(test_below_the_least_that_the_site_states),
		cmocka_unit_test(test_certain_needs_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
