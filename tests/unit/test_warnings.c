/* test_warnings.c - warnings about the open hour, the month's budget, hysteresis, and alarms of unconfirmed limits. */
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

static struct fixture *one_point(double max)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	fixture_point(f, "so2");
	fixture_limit(f, 0, max);
	f->settings.approach = 0.9;
	f->settings.hysteresis = 0.05;
	return f;
}

static void feed(struct fixture *f, int from, int to, double value)
{
	fixture_feed_averaged(f, 0, MIN(from), MIN(to), value, FLAG_NORMAL);
	fixture_step(f, MIN(to) + GRACE);
}

static void test_approach_speaks_once_an_hour(void **state)
{
	struct fixture *f = one_point(100.0);

	(void)state;
	fixture_start(f, EIGHT, INT64_MIN);
	feed(f, 0, 14, 95.0);
	assert_int_equal(fixture_count(f, RULE_APPROACH), 0); /* no warning before a quarter of the hour has passed */
	feed(f, 14, 17, 95.0);
	const struct event *e = fixture_event(f, RULE_APPROACH, 0);
	assert_non_null(e);
	assert_true(e->change == ALARM_RAISED && e->since.ms == HOUR(0) && e->at.ms == MIN(17));
	assert_true(fabs(e->value - 95.0) < 1e-9 && e->mean.n_valid == 17);
	feed(f, 17, 59, 95.0);
	assert_int_equal(fixture_count(f, RULE_APPROACH), 1);
	feed(f, 59, 60, 95.0);
	e = fixture_event(f, RULE_APPROACH, 1);
	assert_true(e && e->change == ALARM_CLEARED && e->since.ms == HOUR(0));
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 0);
	assert_int_equal(fixture_count(f, RULE_CERTAIN), 0);
	fixture_destroy(f);
}

static void test_projected_and_certain(void **state)
{
	struct fixture *f = one_point(100.0);

	(void)state;
	f->points[0].has_least = true; /* no value below 0 */
	fixture_start(f, EIGHT, INT64_MIN);
	for (int m = 0; m < 60; m++) {
		feed(f, m, m + 1, 50.0 + 3.0 * m); /* 50 ... 227, mean 138.5 */
	}
	const struct event *projected = fixture_event(f, RULE_PROJECTED, 0);
	const struct event *certain = fixture_event(f, RULE_CERTAIN, 0);
	const struct event *exceedance = fixture_event(f, RULE_PERIOD_MEAN, 0);
	assert_true(projected && certain && exceedance);
	assert_true(fabs(projected->value - 138.5) < 1e-9);
	assert_int_equal(projected->at.ms, MIN(17)); /* three consecutive minutes after the first quarter */
	/* After k of 60 minutes the mean is 50 + 1.5 (k - 1): k (48.5 + 1.5 k) / 60 > 100 from k = 50 on. */
	assert_int_equal(certain->at.ms, MIN(50));
	assert_true(certain->value > 100.0 && exceedance->at.ms == MIN(60));
	assert_int_equal(alarm_class_of(certain->rule, certain->limit), ALARM_WARNING);
	assert_int_equal(alarm_class_of(exceedance->rule, exceedance->limit), ALARM_EXCEEDANCE);
	fixture_destroy(f);
}

static void test_averaging_first_says_nothing_of_certainty(void **state)
{
	struct fixture *f = one_point(10.0);

	(void)state;
	fixture_point(f, "o2");
	f->limits[0].o2_ref = 9.0;
	f->settings.order = ORDER_AVERAGE_FIRST;
	fixture_start(f, EIGHT, INT64_MIN);
	for (int m = 0; m < 60; m++) {
		fixture_feed_averaged(f, 1, MIN(m), MIN(m + 1), 9.0, FLAG_NORMAL);
		feed(f, m, m + 1, 100.0);
	}
	assert_int_equal(fixture_count(f, RULE_CERTAIN) + fixture_count(f, RULE_PROJECTED), 0);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 1);
	fixture_destroy(f);
}

static void test_hysteresis_keeps_an_alarm_from_flapping(void **state)
{
	static const double hours[] = { 101.0, 99.0, 101.0, 96.0, 94.0, 99.0 };
	static const enum alarm_change expected[] = { ALARM_RAISED, ALARM_CONTINUED, ALARM_CLEARED };
	struct fixture *f = one_point(100.0);

	(void)state;
	fixture_start(f, EIGHT, INT64_MIN);
	for (int h = 0; h < 6; h++) {
		feed(f, 60 * h, 60 * h + 60, hours[h]);
	}
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct event *e = fixture_event(f, RULE_PERIOD_MEAN, i);
		assert_int_equal(e->change, expected[i]);
		assert_int_equal(e->since.ms, HOUR(0));
	}
	assert_int_equal(fixture_event(f, RULE_PERIOD_MEAN, 2)->mean.start.ms, HOUR(4)); /* 94 is more than 5 % below */
	fixture_destroy(f);
}

static void test_an_unread_number_proves_nothing(void **state)
{
	struct fixture *f = one_point(100.0);

	(void)state;
	f->limits[0].verified = false;
	fixture_start(f, EIGHT, INT64_MIN);
	feed(f, 0, 60, 200.0);
	const struct event *e = fixture_event(f, RULE_PERIOD_MEAN, 0);
	assert_non_null(e);
	assert_int_equal(alarm_class_of(e->rule, e->limit), ALARM_UNCONFIRMED);
	assert_string_equal(alarm_class_name(ALARM_UNCONFIRMED), "unconfirmed");
	fixture_destroy(f);
}

/* Two days into March (744 hours, 37 of them allowed), 19 hours beyond the limit use half of the budget. */
static void test_the_budget_tells_its_steps(void **state)
{
	struct fixture *f = one_point(100.0);
	const int64_t march = EIGHT - 32 * HOUR_MS;

	(void)state;
	f->limits[0].share_of_month = 0.95;
	fixture_start(f, march, INT64_MIN);
	for (int h = 0; h < 45; h++) {
		fixture_feed_averaged(
			f, 0, march + h * HOUR_MS, march + (h + 1) * HOUR_MS, h < 38 ? 150.0 : 50.0, FLAG_NORMAL);
	}
	fixture_step(f, march + 45 * HOUR_MS + GRACE);
	assert_int_equal(fixture_count(f, RULE_MONTH_SHARE), 4);
	static const unsigned over[] = { 19, 30, 37, 38 };
	for (size_t i = 0; i < 4; i++) {
		const struct event *e = fixture_event(f, RULE_MONTH_SHARE, i);
		assert_int_equal(e->change, i == 0 ? ALARM_RAISED : ALARM_WORSENED);
		assert_int_equal(e->share.over, over[i]);
		assert_int_equal(e->share.allowed, 37);
		assert_int_equal(e->since.ms, march);
		assert_int_equal(alarm_class_of(e->rule, e->limit), ALARM_BUDGET);
	}
	/* The alarm ends with its month: no more data came, so 699 hours have no data. */
	fixture_step(f, march + 31 * DAY_MS + GRACE);
	assert_int_equal(fixture_event(f, RULE_MONTH_SHARE, 4)->change, ALARM_CLEARED);
	fixture_destroy(f);
}

/* A restart in the middle of the month: the hours of earlier days are restored from the store. */
static void test_the_budget_survives_a_restart(void **state)
{
	struct fixture *f = one_point(100.0);
	const int64_t march = EIGHT - 32 * HOUR_MS, today = march + DAY_MS;
	struct mean hour = {
		.rule = mean_rule_of(MEDIUM_GAS, PERIOD_HOUR), .valid = true, .value = 150.0, .n_due = 60
	};
	struct month_share_view v;

	(void)state;
	f->limits[0].share_of_month = 0.95;
	fixture_start(f, today, INT64_MIN);
	for (int h = 0; h < 18; h++) {
		hour.start.ms = march + h * HOUR_MS;
		hour.end.ms = hour.start.ms + HOUR_MS;
		assert_true(pipeline_restore_mean(
			f->pipeline, &(struct past_mean){ "DA001", "so2", SERIES_MEASURED, NAN, &hour, NAN }));
	}
	assert_false(pipeline_restore_mean(
		f->pipeline, &(struct past_mean){ "DA001", "so2", SERIES_CONVERTED, 9.0, &hour, NAN }));
	assert_true(pipeline_month_share(f->pipeline, 0, 0, 0, &v) && v.over == 18);
	fixture_feed_averaged(f, 0, today, today + HOUR_MS, 150.0, FLAG_NORMAL);
	fixture_step(f, today + HOUR_MS + GRACE);
	assert_int_equal(fixture_count(f, RULE_MONTH_SHARE), 1);
	fixture_destroy(f);
}

/* 20 mg/L of water in the hour, at most 10 are allowed. Warned is of an hour that is the plain mean of its minutes. */
static void test_weights_say_nothing_of_what_will_be(void **state)
{
	static const struct {
		const char *rule;
		bool flow_weighted;
		const char *beside; /* another point */
		size_t expected;
	} rows[] = {
		{ "weighed by the flow", true, "flow", 0 },
		{ "weighed by the volume", true, "flow-total", 0 },
		{ "weighed where there is no flow", true, "wtemp", 1 },
		{ "not weighed", false, "flow", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = fixture_create(MEDIUM_WATER);
		fixture_point(f, "cod");
		fixture_point(f, rows[i].beside);
		fixture_limit(f, 0, 10.0);
		f->factors[0].flow_weighted = rows[i].flow_weighted;
		f->points[0].has_least = true;
		f->points[1].counter_wrap = 1e6;
		fixture_start(f, EIGHT, INT64_MIN);
		for (int m = 0; m < 50; m += 10) {
			fixture_read(f, 1, MIN(m), 100.0 + m, FLAG_NORMAL);
			fixture_read(f, 0, MIN(m), 20.0, FLAG_NORMAL);
		}
		fixture_step(f, MIN(50) + GRACE);
		if (fixture_count(f, RULE_PROJECTED) != rows[i].expected ||
			fixture_count(f, RULE_CERTAIN) != rows[i].expected) {
			fail_msg("%s", rows[i].rule);
		}
		fixture_destroy(f);
	}
}

/* 200 mg/m3 of at most 100, in an hour of which half has passed. */
static void test_which_limits_warn_of_the_open_hour(void **state)
{
	static const struct {
		const char *rule;
		double min;
		int64_t until;
		const char *when_factor; /* at most 12; measured is "wtemp" with 10 */
		size_t approach, certain;
	} rows[] = {
		{ "an upper limit", NAN, INT64_MAX, "", 1, 1 },
		{ "a range", 50.0, INT64_MAX, "", 0, 0 },
		{ "a limit that is not in force any more", NAN, EIGHT, "", 0, 0 },
		{ "a limit whose condition holds so far", NAN, INT64_MAX, "wtemp", 1, 0 },
		{ "a limit whose condition is of a factor that is not measured", NAN, INT64_MAX, "ph", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = one_point(100.0);
		fixture_point(f, "wtemp");
		f->points[0].has_least = true;
		f->limits[0].min = rows[i].min;
		f->limits[0].until.ms = rows[i].until;
		snprintf(f->limits[0].when_factor, sizeof(f->limits[0].when_factor), "%s", rows[i].when_factor);
		f->limits[0].when_at_most = 12.0;
		fixture_start(f, EIGHT, INT64_MIN);
		for (int m = 0; m < 40; m++) {
			fixture_feed_averaged(f, 1, MIN(m), MIN(m + 1), 10.0, FLAG_NORMAL);
			feed(f, m, m + 1, 200.0);
		}
		if (fixture_count(f, RULE_APPROACH) != rows[i].approach ||
			fixture_count(f, RULE_CERTAIN) != rows[i].certain) {
			fail_msg("%s: found %zu and %zu", rows[i].rule, fixture_count(f, RULE_APPROACH),
				fixture_count(f, RULE_CERTAIN));
		}
		fixture_destroy(f);
	}
}

static void test_no_minutes_are_one_minute(void **state)
{
	struct fixture *f = one_point(100.0);

	(void)state;
	f->settings.warning_minutes = 0;
	fixture_start(f, EIGHT, INT64_MIN);
	feed(f, 0, 1, 200.0);
	assert_int_equal(fixture_count(f, RULE_MINUTES_BEYOND), 1);
	assert_int_equal(fixture_event(f, RULE_MINUTES_BEYOND, 0)->since.ms, MIN(0));
	fixture_destroy(f);
}

/* A limit for months: 31 days at 40 mg/m3 where 35 are allowed. A share is of the hours of a month and not of months.
 */
static void test_a_limit_for_months(void **state)
{
	const int64_t march = EIGHT - 32 * HOUR_MS;
	struct fixture *f = one_point(35.0);

	(void)state;
	f->limits[0].period = LIMIT_MONTH;
	f->limits[0].share_of_month = 0.95;
	f->points[0].has_least = true;
	fixture_start(f, march, INT64_MIN);
	fixture_feed_averaged(f, 0, march, march + 31 * DAY_MS, 40.0, FLAG_NORMAL);
	fixture_step(f, march + 31 * DAY_MS + GRACE);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 1);
	const struct event *e = fixture_event(f, RULE_PERIOD_MEAN, 0);
	assert_true(e->change == ALARM_RAISED && e->since.ms == march && e->mean.value == 40.0);
	/* 40 n / 31 > 35 from the 28th day on. */
	e = fixture_event(f, RULE_CERTAIN, 0);
	assert_true(e && e->change == ALARM_RAISED && e->at.ms == march + 28 * DAY_MS);
	assert_int_equal(fixture_event(f, RULE_CERTAIN, 1)->change, ALARM_CLEARED);
	struct month_share_view v;
	assert_true(pipeline_month_share(f->pipeline, 0, 0, 0, &v) && v.valid == 0);
	fixture_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_approach_speaks_once_an_hour),
		cmocka_unit_test(test_projected_and_certain),
		cmocka_unit_test(test_averaging_first_says_nothing_of_certainty),
		cmocka_unit_test(test_hysteresis_keeps_an_alarm_from_flapping),
		cmocka_unit_test(test_an_unread_number_proves_nothing),
		cmocka_unit_test(test_the_budget_tells_its_steps),
		cmocka_unit_test(test_the_budget_survives_a_restart),
		cmocka_unit_test(test_weights_say_nothing_of_what_will_be),
		cmocka_unit_test(test_which_limits_warn_of_the_open_hour),
		cmocka_unit_test(test_no_minutes_are_one_minute),
		cmocka_unit_test(test_a_limit_for_months),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
