/* test_alarms.c - from means to verdicts, alarms and events, and the same after a restart. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "tests/unit/fixture.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MIN(n) (EIGHT + (n)*MINUTE_MS)
#define GRACE (10 * SECOND_MS)

static struct fixture *one_point(double max)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	fixture_point(f, "so2");
	fixture_limit(f, 0, max);
	return f;
}

static void test_judging(void **state)
{
	static const struct {
		const char *rule;
		double min;
		double max;
		double value;
		bool valid;
		enum verdict expected;
	} rows[] = {
		{ "a mean equal to the limit holds it", NAN, 50.0, 50.0, true, VERDICT_OK },
		{ "a mean just above the limit exceeds it", NAN, 50.0, 50.0001, true, VERDICT_EXCEEDED },
		{ "a mean without a number is never OK", NAN, 50.0, NAN, true, VERDICT_NO_DATA },
		{ "a mean that is not valid is never judged", NAN, 50.0, 80.0, false, VERDICT_NO_DATA },
		{ "the bounds of a range are allowed", 6.0, 9.0, 6.0, true, VERDICT_OK },
		{ "below a range exceeds it", 6.0, 9.0, 5.99, true, VERDICT_EXCEEDED },
		{ "above a range exceeds it", 6.0, 9.0, 9.01, true, VERDICT_EXCEEDED },
		{ "a value below a lower bound exceeds it", 80.0, NAN, 79.0, true, VERDICT_EXCEEDED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct limit limit = { .min = rows[i].min, .max = rows[i].max };
		struct mean mean = { .value = rows[i].value, .valid = rows[i].valid };
		if (judge_mean(&limit, &mean, ROUNDING_NONE) != rows[i].expected) {
			fail_msg("%s", rows[i].rule);
		}
	}
}

static void test_the_life_of_an_exceedance(void **state)
{
	static const struct {
		double value;
		enum alarm_change expected;
	} hours[] = { { 30.0, ALARM_UNCHANGED }, { 40.0, ALARM_RAISED }, { 38.0, ALARM_CONTINUED },
		{ 60.0, ALARM_WORSENED }, { 35.0, ALARM_CLEARED }, { 35.0, ALARM_UNCHANGED } };
	struct fixture *f = one_point(35.0);
	char id[ALARM_ID_SIZE];
	size_t seen = 0;

	(void)state;
	fixture_start(f, EIGHT, INT64_MIN);
	for (size_t h = 0; h < ARRAY_SIZE(hours); h++) {
		fixture_feed(f, 0, HOUR((int64_t)h), HOUR((int64_t)h + 1), hours[h].value, FLAG_NORMAL);
		fixture_step(f, HOUR((int64_t)h + 1) + GRACE);
		const struct event *e = fixture_event(f, RULE_PERIOD_MEAN, seen);
		if (hours[h].expected == ALARM_UNCHANGED) {
			assert_null(e);
			continue;
		}
		assert_non_null(e);
		seen++;
		assert_int_equal(e->change, hours[h].expected);
		assert_true(e->mean.value == hours[h].value && e->mean.start.ms == HOUR((int64_t)h));
		assert_int_equal(e->since.ms, HOUR(1)); /* the first hour beyond the limit gives the alarm its id */
		alarm_id(id, sizeof(id), "site", e);
		assert_string_equal(id, "site/DA001/so2/period-mean/limit0/20260302T010000Z");
	}
	assert_true(fixture_event(f, RULE_PERIOD_MEAN, 3)->worst == 60.0);
	fixture_destroy(f);
}

static void test_an_hour_without_enough_data_decides_nothing(void **state)
{
	struct fixture *f = one_point(35.0);

	(void)state;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, MIN(0), MIN(44), 100.0, FLAG_NORMAL); /* 44 minutes: not judged */
	fixture_step(f, HOUR(1) + GRACE);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 0);
	fixture_feed(f, 0, MIN(60), MIN(105), 100.0, FLAG_NORMAL); /* 45 minutes: raised */
	fixture_step(f, HOUR(2) + GRACE);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 1);
	fixture_feed(f, 0, MIN(120), MIN(150), 1.0, FLAG_NORMAL); /* 30 good minutes do not clear it */
	fixture_step(f, HOUR(3) + GRACE);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 1);
	fixture_destroy(f);
}

static void test_calibration_gas_is_evidence_and_nothing_else(void **state)
{
	struct fixture *f = one_point(35.0);

	(void)state;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, MIN(0), MIN(50), 20.0, FLAG_NORMAL);
	fixture_feed(f, 0, MIN(50), MIN(60), 80.0, FLAG_CALIBRATION);
	fixture_step(f, HOUR(1) + GRACE);
	const struct mean_record *hour = fixture_last(f, 0, PERIOD_HOUR, SERIES_MEASURED, NAN);
	assert_true(hour->mean.valid && hour->mean.value == 20.0 && hour->mean.max == 20.0);
	assert_int_equal(hour->mean.counts[FLAG_CALIBRATION], 10);
	assert_int_equal(f->n_events, 0);
	fixture_destroy(f);
}

static void test_silence_is_a_condition_and_never_an_exceedance(void **state)
{
	struct fixture *f = one_point(35.0);

	(void)state;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, MIN(0), MIN(2), 100.0, FLAG_NORMAL);
	fixture_step(f, MIN(6) + GRACE);
	assert_int_equal(fixture_count(f, RULE_NO_DATA), 0); /* no_data_minutes is 5 */
	fixture_step(f, MIN(7) + GRACE);
	const struct event *e = fixture_event(f, RULE_NO_DATA, 0);
	assert_true(e && e->change == ALARM_RAISED && e->since.ms == MIN(2) && isnan(e->value) && !e->limit);
	char id[ALARM_ID_SIZE];
	alarm_id(id, sizeof(id), "site", e);
	assert_string_equal(id, "site/DA001/so2/no-data/-/20260302T000200Z");
	fixture_feed(f, 0, MIN(20), MIN(21), 20.0, FLAG_NORMAL);
	fixture_step(f, MIN(21) + GRACE);
	e = fixture_event(f, RULE_NO_DATA, 1);
	assert_true(e && e->change == ALARM_CLEARED);
	fixture_step(f, HOUR(1) + GRACE);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 0);
	fixture_destroy(f);
}

static void test_a_fault_is_told_apart_from_silence(void **state)
{
	struct fixture *f = one_point(35.0);

	(void)state;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, MIN(0), MIN(6), NAN, FLAG_FAULT);
	fixture_step(f, MIN(6) + GRACE);
	assert_int_equal(fixture_count(f, RULE_FAULT), 1);
	assert_int_equal(fixture_count(f, RULE_NO_DATA), 0);
	fixture_destroy(f);
}

static void test_warnings_need_consecutive_known_minutes(void **state)
{
	struct fixture *f = one_point(35.0);

	(void)state;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, MIN(0), MIN(2), 40.0, FLAG_NORMAL);
	fixture_feed(f, 0, MIN(2), MIN(3), 80.0, FLAG_CALIBRATION); /* an unknown minute ends the run of minutes */
	fixture_feed(f, 0, MIN(3), MIN(5), 40.0, FLAG_NORMAL);
	fixture_step(f, MIN(5) + GRACE);
	assert_int_equal(fixture_count(f, RULE_MINUTES_BEYOND), 0);
	fixture_feed(f, 0, MIN(5) + 15 * SECOND_MS, MIN(6), 40.0, FLAG_NORMAL);
	fixture_feed(f, 0, MIN(6), MIN(9), 40.0, FLAG_NORMAL);
	fixture_step(f, MIN(9) + GRACE);
	const struct event *e = fixture_event(f, RULE_MINUTES_BEYOND, 0);
	assert_true(e && e->change == ALARM_RAISED && e->since.ms == MIN(6));
	fixture_feed(f, 0, MIN(9) + 15 * SECOND_MS, MIN(20), 40.0, FLAG_NORMAL); /* no further event every minute */
	assert_int_equal(fixture_count(f, RULE_MINUTES_BEYOND), 1);
	fixture_feed(f, 0, MIN(20), MIN(23), 10.0, FLAG_NORMAL);
	fixture_step(f, MIN(23) + GRACE);
	e = fixture_event(f, RULE_MINUTES_BEYOND, 1);
	assert_true(e && e->change == ALARM_CLEARED && e->since.ms == MIN(6));
	fixture_destroy(f);
}

static void test_limits_apply_by_the_date_of_the_data(void **state)
{
	struct fixture *f = one_point(35.0);

	(void)state;
	f->limits[0].in_force.ms = f->limits[0].in_force_existing.ms = HOUR(1);
	f->limits[0].until.ms = HOUR(2);
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, HOUR(0), HOUR(3), 100.0, FLAG_NORMAL);
	fixture_step(f, HOUR(3) + GRACE);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 1);
	assert_int_equal(fixture_event(f, RULE_PERIOD_MEAN, 0)->mean.start.ms, HOUR(1));
	fixture_destroy(f);
}

/* Each limit keeps its own result and document; the strictest one is shown. */
static void test_the_strictest_limit_in_force(void **state)
{
	struct fixture *f = one_point(180.0);
	struct limit *loose = &f->limits[0], *strict = fixture_limit(f, 0, 35.0), *daily = fixture_limit(f, 0, 20.0);

	(void)state;
	daily->period = LIMIT_DAY; /* a limit for hours is shown before one for days */
	strict->in_force.ms = strict->in_force_existing.ms = HOUR(1);
	const struct point *point = &f->outlet.points[0];
	assert_ptr_equal(outlet_strictest(&f->outlet, point, (struct utc){ HOUR(0) }), loose);
	assert_ptr_equal(outlet_strictest(&f->outlet, point, (struct utc){ HOUR(1) }), strict);
	strict->until.ms = HOUR(2);
	assert_ptr_equal(outlet_strictest(&f->outlet, point, (struct utc){ HOUR(2) }), loose);
	strict->until = TIME_NEVER;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, HOUR(1), HOUR(2), 200.0, FLAG_NORMAL);
	fixture_step(f, HOUR(2) + GRACE);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 2); /* both limits are exceeded, and both are reported */
	fixture_destroy(f);
}

static void test_instant_limits_warn_only(void **state)
{
	struct fixture *f = one_point(35.0);

	(void)state;
	f->limits[0].period = LIMIT_INSTANT;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_feed(f, 0, HOUR(0), HOUR(1), 100.0, FLAG_NORMAL);
	fixture_step(f, HOUR(1) + GRACE);
	assert_int_equal(fixture_count(f, RULE_PERIOD_MEAN), 0);
	assert_int_equal(fixture_count(f, RULE_MINUTES_BEYOND), 1);
	fixture_destroy(f);
}

/* GB 18918-2002 Table 1 note 2: 5 mg/L above 12 degC, 8 mg/L at or below. */
static void test_the_water_temperature_chooses_the_ammonia_limit(void **state)
{
	static const struct {
		const char *rule;
		double temperature;
		enum flag flag;
		int expected; /* limit index, -1 = none */
	} rows[] = {
		{ "the limit for warm water is 5", 12.1, FLAG_NORMAL, 0 },
		{ "the limit for cold water is 8", 12.0, FLAG_NORMAL, -1 },
		{ "an unknown temperature: no limit is judged", NAN, FLAG_NO_COMM, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_WATER);
		const int64_t midnight = EIGHT - 8 * HOUR_MS;
		fixture_point(f, "nh3n");
		fixture_point(f, "wtemp");
		for (int k = 0; k < 2; k++) {
			struct limit *limit = fixture_limit(f, 0, k == 0 ? 5.0 : 8.0);
			limit->period = LIMIT_DAY;
			strcpy(limit->when_factor, "wtemp");
			*(k == 0 ? &limit->when_above : &limit->when_at_most) = 12.0;
		}
		fixture_start(f, midnight, INT64_MIN);
		for (int64_t at = midnight; at < midnight + DAY_MS; at += 10 * MINUTE_MS) {
			fixture_read(f, 0, at, 7.0, FLAG_NORMAL);
			fixture_read(f, 1, at, rows[i].temperature, rows[i].flag);
		}
		fixture_step(f, midnight + DAY_MS + GRACE);
		const struct event *e = fixture_event(f, RULE_PERIOD_MEAN, 0);
		if ((e ? (int)(e->limit - f->limits) : -1) != rows[i].expected ||
			fixture_count(f, RULE_PERIOD_MEAN) > 1) {
			fail_msg("%s", rows[i].rule);
		}
		fixture_destroy(f);
	}
}

/* ---- random hours: a restart changes no event, a higher limit adds none, whole hours only shift the times ---- */

enum { RANDOM_MINUTES = 5 * 60 };

struct minute {
	double value;
	enum flag flag;
};

static void random_minutes(struct minute *minutes)
{
	struct minute now = { 20.0, FLAG_NORMAL };

	for (size_t i = 0; i < RANDOM_MINUTES; i++) {
		if (rand() % 20 == 0) {
			now.value = rand() % 60;
			now.flag = rand() % 3 ? FLAG_NORMAL : (enum flag)(rand() % FLAG_COUNT);
		}
		minutes[i] = now;
	}
}

static void play(struct fixture *f, const struct minute *minutes, size_t from, size_t to, int64_t shift)
{
	for (size_t i = from; i < to; i++) {
		int64_t at = MIN((int64_t)i) + shift;
		fixture_feed(f, 0, at, at + MINUTE_MS, minutes[i].value, minutes[i].flag);
	}
}

static struct fixture *play_all(const struct minute *minutes, double max, int64_t shift)
{
	struct fixture *f = one_point(max);

	fixture_start(f, EIGHT + shift, INT64_MIN);
	play(f, minutes, 0, RANDOM_MINUTES, shift);
	fixture_step(f, MIN(RANDOM_MINUTES) + shift + GRACE);
	return f;
}

static void restore_all(struct fixture *after, const struct fixture *before, size_t n_events)
{
	for (size_t i = 0; i < n_events; i++) {
		const struct event *e = &before->events[i];
		bool last = true;
		for (size_t k = i + 1; k < n_events; k++) {
			last = last && before->events[k].rule != e->rule;
		}
		if (last && e->change != ALARM_CLEARED) {
			const struct past_alarm past = { "DA001", "so2", e->rule, e->limit ? e->limit->key : "",
				e->since, e->worst };
			assert_true(pipeline_restore_alarm(after->pipeline, &past));
		}
	}
}

/* Ends the pipeline after minute `at`, and rebuilds it from the readings and the alarms raised until then. */
static void check_restart(const struct minute *minutes, const struct fixture *whole, size_t at)
{
	struct fixture *f = one_point(35.0);
	struct utc judged = { MIN((int64_t)at) };
	size_t known = 0;

	while (known < whole->n_events && whole->events[known].at.ms <= judged.ms) {
		known++;
	}
	fixture_start(f, EIGHT, judged.ms);
	restore_all(f, whole, known);
	play(f, minutes, 0, RANDOM_MINUTES, 0);
	fixture_step(f, MIN(RANDOM_MINUTES) + GRACE);
	assert_int_equal(f->n_events, whole->n_events - known);
	for (size_t i = 0; i < f->n_events; i++) {
		const struct event *a = &f->events[i], *b = &whole->events[known + i];
		assert_true(a->rule == b->rule && a->change == b->change && a->since.ms == b->since.ms);
		assert_true(a->mean.value == b->mean.value || (isnan(a->mean.value) && isnan(b->mean.value)));
	}
	fixture_destroy(f);
}

static size_t raised(const struct fixture *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_events; i++) {
		n += f->events[i].rule == RULE_PERIOD_MEAN && f->events[i].change != ALARM_CLEARED;
	}
	return n;
}

static void test_properties_of_random_hours(void **state)
{
	static struct minute minutes[RANDOM_MINUTES];
	unsigned seed = 35;
	size_t events = 0;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 40; round++) {
		random_minutes(minutes);
		struct fixture *whole = play_all(minutes, 35.0, 0);
		struct fixture *looser = play_all(minutes, 40.0, 0);
		struct fixture *shifted = play_all(minutes, 35.0, 3 * HOUR_MS);
		assert_true(raised(looser) <= raised(whole));
		assert_int_equal(shifted->n_events, whole->n_events);
		for (size_t i = 0; i < whole->n_events; i++) {
			assert_int_equal(shifted->events[i].since.ms, whole->events[i].since.ms + 3 * HOUR_MS);
		}
		check_restart(minutes, whole, (size_t)rand() % RANDOM_MINUTES);
		events += whole->n_events;
		fixture_destroy(whole);
		fixture_destroy(looser);
		fixture_destroy(shifted);
	}
	assert_true(events > 100); /* many of the hours had events */
}

static void test_names(void **state)
{
	static const char *const changes[] = { "unchanged", "raised", "continued", "worsened", "cleared" };
	static const char *const classes[] = { "exceedance", "warning", "budget", "condition", "unconfirmed" };
	enum alarm_rule rule;

	(void)state;
	for (int i = 0; i < RULE_COUNT; i++) {
		assert_true(alarm_rule_from_name(alarm_rule_name((enum alarm_rule)i), &rule));
		assert_int_equal(rule, i);
	}
	assert_false(alarm_rule_from_name("period", &rule));
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		assert_string_equal(alarm_change_name((enum alarm_change)i), changes[i]);
		assert_string_equal(alarm_class_name((enum alarm_class)i), classes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judging),
		cmocka_unit_test(test_the_life_of_an_exceedance),
		cmocka_unit_test(test_an_hour_without_enough_data_decides_nothing),
		cmocka_unit_test(test_calibration_gas_is_evidence_and_nothing_else),
		cmocka_unit_test(test_silence_is_a_condition_and_never_an_exceedance),
		cmocka_unit_test(test_a_fault_is_told_apart_from_silence),
		cmocka_unit_test(test_warnings_need_consecutive_known_minutes),
		cmocka_unit_test(test_limits_apply_by_the_date_of_the_data),
		cmocka_unit_test(test_the_strictest_limit_in_force),
		cmocka_unit_test(test_instant_limits_warn_only),
		cmocka_unit_test(test_the_water_temperature_chooses_the_ammonia_limit),
		cmocka_unit_test(test_properties_of_random_hours),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
