/* test_warnings.c - warnings about the open hour, the month's budget, hysteresis, and alarms of unconfirmed limits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
