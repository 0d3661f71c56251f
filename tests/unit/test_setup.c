/* test_setup.c - creates pipelines, also without memory, and restores what earlier runs left. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "tests/unit/fixture.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MIN(n) (EIGHT + (n)*MINUTE_MS)
#define GRACE (10 * SECOND_MS)

/* The linker redirects calloc() and free() to these functions (--wrap). */
void *__real_calloc(size_t n, size_t size);
void __real_free(void *block);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *block);

static long calls, failing_call, live_blocks; /* failing_call 0: none fails */

void *__wrap_calloc(size_t n, size_t size)
{
	void *block = ++calls == failing_call ? NULL : __real_calloc(n, size);

	live_blocks += block != NULL;
	return block;
}

void __wrap_free(void *block)
{
	live_blocks -= block != NULL;
	__real_free(block);
}

/* Two outlets: one with points of each kind of series, one without points. */
static struct pipeline *create(const struct fixture *f, long fail)
{
	struct outlet outlets[2] = { f->outlet, { .id = "DA002", .medium = MEDIUM_GAS } };
	static struct outlet kept[2];

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		kept[i] = outlets[i];
	}
	calls = 0;
	failing_call = fail;
	struct pipeline *p =
		pipeline_create(kept, ARRAY_SIZE(kept), &f->settings, (struct utc){ EIGHT }, (struct utc){ INT64_MIN });
	failing_call = 0;
	return p;
}

static void test_without_memory_there_is_no_pipeline_and_no_leak(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_point(f, "o2");
	f->points[0].wet = true;
	fixture_limit(f, 0, 35.0)->o2_ref = 16.0;
	fixture_limit(f, 0, 50.0)->o2_ref = 9.0;
	fixture_limit(f, 1, 50.0);
	long before = live_blocks;
	struct pipeline *p = create(f, 0);
	long needed = calls;
	assert_non_null(p);
	/* The pipeline and its outlets; the points of each outlet; series and limits of each point; and a ring for each
	 * of the series that readings enter: measured and dry of so2, measured of o2. */
	assert_int_equal(needed, 2 + 2 + 2 * 2 + 3);
	pipeline_destroy(p);
	assert_int_equal(live_blocks, before);
	for (long n = 1; n <= needed; n++) {
		p = create(f, n);
		if (p || live_blocks != before) {
			fail_msg("call %ld failed: pipeline %p, %ld blocks lost", n, (void *)p, live_blocks - before);
		}
	}
	fixture_destroy(f);
}

static void test_series_of_a_point(void **state)
{
	static const struct {
		const char *rule;
		size_t n;         /* of the limits, at 1, 2, 3 ... % oxygen */
		bool same;        /* all at 9 % */
		size_t converted; /* series; 0 = the point has no place for them */
	} rows[] = {
		{ "two limits, one reference", 2, true, 1 },
		{ "as many references as fit", 5, false, 5 },
		{ "one more", 6, false, 0 },
		{ "two more", 7, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		size_t found = 0;
		fixture_point(f, "so2");
		for (size_t k = 0; k < rows[i].n; k++) {
			fixture_limit(f, 0, 35.0)->o2_ref = rows[i].same ? 9.0 : 1.0 + (double)k;
		}
		long before = live_blocks;
		struct pipeline *p = create(f, 0);
		assert_int_equal(p != NULL, rows[i].converted > 0);
		pipeline_destroy(p);
		assert_int_equal(live_blocks, before);
		if (rows[i].converted > 0) {
			fixture_start(f, EIGHT, INT64_MIN);
			fixture_feed_averaged(f, 0, MIN(0), MIN(1), 20.0, FLAG_NORMAL);
			fixture_step(f, MIN(1) + GRACE);
			for (size_t k = 0; k < f->n_records; k++) {
				found += f->records[k].kind == SERIES_CONVERTED;
			}
		}
		if (found != rows[i].converted) {
			fail_msg("%s: found %zu", rows[i].rule, found);
		}
		fixture_destroy(f);
	}
}

static void test_nothing_is_due_without_points(void **state)
{
	struct pipeline_settings settings = { .offset_min = 480, .grace_ms = GRACE };
	const struct outlet empty = { .id = "DA001" };

	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct pipeline *p =
			pipeline_create(&empty, n, &settings, (struct utc){ EIGHT }, (struct utc){ INT64_MIN });
		assert_non_null(p);
		assert_true(pipeline_due(p).ms > HOUR(24 * 365 * 1000));
		assert_false(pipeline_step(p, (struct utc){ HOUR(24 * 365 * 1000) }, NULL));
		pipeline_destroy(p);
	}
	pipeline_destroy(NULL);
}

/* ---- two outlets, of which the second waits longer ---- */

static void count_mean(void *context, const struct mean_record *record)
{
	size_t *counts = context;

	counts[strcmp(record->outlet->id, "DA001") == 0 ? 0 : 1] += record->mean.rule->period == PERIOD_MINUTE;
}

static void ignore_event(void *context, const struct event *event)
{
	(void)context;
	(void)event;
}

static void test_each_outlet_has_its_grace(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);
	struct outlet outlets[2];
	size_t counts[2] = { 0 };
	const struct pipeline_sink sink = { count_mean, ignore_event, counts };
	const struct reading reading = { { MIN(0) }, 20.0, FLAG_NORMAL };

	(void)state;
	fixture_point(f, "so2");
	outlets[0] = outlets[1] = f->outlet;
	snprintf(outlets[1].id, sizeof(outlets[1].id), "DA002");
	outlets[1].grace_ms = 3 * MINUTE_MS;
	struct pipeline *p =
		pipeline_create(outlets, 2, &f->settings, (struct utc){ EIGHT }, (struct utc){ INT64_MIN });
	assert_int_equal(pipeline_due(p).ms, MIN(1) + GRACE);
	assert_false(pipeline_has_filed(p, 1, 0, reading.at));
	while (pipeline_step(p, (struct utc){ MIN(3) }, &sink)) {
	}
	assert_true(counts[0] == 2 && counts[1] == 0);
	assert_int_equal(pipeline_closed_until(p).ms, MIN(2));
	assert_int_equal(pipeline_add(p, 0, 0, &reading), PIPELINE_LATE);
	assert_int_equal(pipeline_add(p, 1, 0, &reading), PIPELINE_FILED);
	assert_true(pipeline_has_filed(p, 1, 0, reading.at));
	while (pipeline_step(p, (struct utc){ MIN(4) + GRACE }, &sink)) {
	}
	assert_true(counts[0] == 4 && counts[1] == 1);
	pipeline_destroy(p);
	fixture_destroy(f);
}

/* ---- what earlier runs left ---- */

static void test_which_alarms_can_be_restored(void **state)
{
	static const struct {
		const char *rule;
		struct past_alarm past;
		bool restored;
	} rows[] = {
		{ "by a limit", { "DA001", "so2", RULE_PERIOD_MEAN, "limit1", { HOUR(-1) }, 60.0 }, true },
		{ "by the point", { "DA001", "so2", RULE_NO_DATA, "", { HOUR(-1) }, NAN }, true },
		{ "of another outlet", { "DA009", "so2", RULE_NO_DATA, "", { HOUR(-1) }, NAN }, false },
		{ "of another factor", { "DA001", "nox", RULE_NO_DATA, "", { HOUR(-1) }, NAN }, false },
		{ "of another limit", { "DA001", "so2", RULE_PERIOD_MEAN, "limit9", { HOUR(-1) }, 60.0 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		fixture_point(f, "so2");
		fixture_limit(f, 0, 100.0);
		fixture_limit(f, 0, 50.0);
		fixture_start(f, EIGHT, INT64_MIN);
		if (pipeline_restore_alarm(f->pipeline, &rows[i].past) != rows[i].restored) {
			fail_msg("%s", rows[i].rule);
		}
		fixture_feed_averaged(f, 0, MIN(0), MIN(60), 20.0, FLAG_NORMAL);
		fixture_step(f, HOUR(1) + GRACE);
		/* An hour with good values clears what was restored, and raises nothing. */
		assert_int_equal(f->n_events, rows[i].restored ? 1 : 0);
		if (rows[i].restored) {
			assert_int_equal(f->events[0].rule, rows[i].past.rule);
			assert_int_equal(f->events[0].change, ALARM_CLEARED);
			assert_int_equal(f->events[0].since.ms, HOUR(-1));
		}
		fixture_destroy(f);
	}
}

/* The worst value of a restored alarm stays the worst until a worse one comes. */
static void test_the_worst_survives_a_restart(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);
	const struct past_alarm past = { "DA001", "so2", RULE_APPROACH, "limit0", { HOUR(0) }, 95.0 };

	(void)state;
	fixture_point(f, "so2");
	fixture_limit(f, 0, 100.0);
	f->settings.approach = 0.9;
	fixture_start(f, EIGHT, INT64_MIN);
	assert_true(pipeline_restore_alarm(f->pipeline, &past));
	fixture_feed_averaged(f, 0, MIN(0), MIN(60), 93.0, FLAG_NORMAL);
	fixture_step(f, HOUR(1) + GRACE);
	assert_int_equal(fixture_count(f, RULE_APPROACH), 1);
	const struct event *e = fixture_event(f, RULE_APPROACH, 0);
	assert_true(e->change == ALARM_CLEARED && e->worst == 95.0);
	fixture_destroy(f);
}

/* 28 of the 37 hours that March allows are used: 0.757. Half of them was told before the restart, 80 % are 30 hours. */
static void test_the_month_share_goes_on_at_its_step(void **state)
{
	const int64_t march = EIGHT - 32 * HOUR_MS, today = march + 28 * HOUR_MS;
	const struct past_alarm past = { "DA001", "so2", RULE_MONTH_SHARE, "limit0", { march }, 28.0 / 37.0 };
	struct mean hour = {
		.rule = mean_rule_of(MEDIUM_GAS, PERIOD_HOUR), .valid = true, .value = 150.0, .n_due = 60
	};
	struct fixture *f = fixture_create(MEDIUM_GAS);
	struct month_share_view v;

	(void)state;
	fixture_point(f, "so2");
	fixture_limit(f, 0, 100.0)->share_of_month = 0.95;
	fixture_limit(f, 0, 100.0); /* without a share */
	fixture_limit(f, 0, 100.0)->o2_ref = 9.0;
	f->limits[2].share_of_month = 0.95;
	struct limit *later = fixture_limit(f, 0, 100.0);
	later->share_of_month = 0.95;
	later->in_force.ms = later->in_force_existing.ms = march + 20 * HOUR_MS;
	fixture_start(f, today, INT64_MIN);
	for (int i = 0; i < 28; i++) {
		hour.start.ms = march + i * HOUR_MS;
		hour.end.ms = hour.start.ms + HOUR_MS;
		const struct past_mean mean = { "DA001", "so2", SERIES_MEASURED, NAN, &hour, NAN };
		assert_true(pipeline_restore_mean(f->pipeline, &mean));
	}
	assert_true(pipeline_restore_alarm(f->pipeline, &past));
	assert_true(pipeline_month_share(f->pipeline, 0, 0, 0, &v) && v.over == 28);
	assert_false(pipeline_month_share(f->pipeline, 0, 0, 1, &v));
	assert_true(pipeline_month_share(f->pipeline, 0, 0, 2, &v) && v.valid == 0); /* of another series */
	assert_true(pipeline_month_share(f->pipeline, 0, 0, 3, &v) && v.valid == 8); /* in force for 8 of the hours */
	fixture_feed_averaged(f, 0, today, today + HOUR_MS, 150.0, FLAG_NORMAL);
	fixture_step(f, today + HOUR_MS + GRACE);
	assert_int_equal(fixture_count(f, RULE_MONTH_SHARE), 0);
	fixture_feed_averaged(f, 0, today + HOUR_MS, today + 2 * HOUR_MS, 150.0, FLAG_NORMAL);
	fixture_step(f, today + 2 * HOUR_MS + GRACE);
	assert_int_equal(fixture_count(f, RULE_MONTH_SHARE), 1);
	assert_int_equal(fixture_event(f, RULE_MONTH_SHARE, 0)->change, ALARM_WORSENED);
	fixture_destroy(f);
}

/* Started on the 10th of March: days of the month before the 10th count, and no others. */
static void test_which_days_belong_to_the_open_month(void **state)
{
	const int64_t march = EIGHT - 32 * HOUR_MS, start = march + 9 * DAY_MS;
	struct fixture *f = fixture_create(MEDIUM_GAS);
	struct mean day = { .rule = mean_rule_of(MEDIUM_GAS, PERIOD_DAY), .valid = true, .value = 100.0, .n_due = 24 };

	(void)state;
	fixture_point(f, "so2");
	fixture_start(f, start, INT64_MIN);
	for (int i = -1; i < 10; i++) {
		day.start.ms = march + i * DAY_MS;
		day.end.ms = day.start.ms + DAY_MS;
		const struct past_mean past = { "DA001", "so2", SERIES_MEASURED, NAN, &day,
			i == 3 || i == 9 ? 5.0 : NAN };
		assert_true(pipeline_restore_mean(f->pipeline, &past));
	}
	assert_false(pipeline_restore_mean(
		f->pipeline, &(struct past_mean){ "DA009", "so2", SERIES_MEASURED, NAN, &day, NAN }));
	fixture_feed_averaged(f, 0, start, march + 31 * DAY_MS, 10.0, FLAG_NORMAL);
	fixture_step(f, march + 31 * DAY_MS + GRACE);
	const struct mean_record *month = fixture_last(f, 0, PERIOD_MONTH, SERIES_MEASURED, NAN);
	assert_true(month && month->mean.valid && month->mean.n_valid == 31);
	assert_true(fabs(month->mean.value - (9 * 100.0 + 22 * 10.0) / 31.0) < 1e-9);
	assert_true(month->amount == 5.0);
	fixture_destroy(f);
}

/* Hours of a quarter are counted by the series of the first limit: once, and only where there is a limit. */
static void test_which_hours_belong_to_the_quarter(void **state)
{
	struct mean hour = { .rule = mean_rule_of(MEDIUM_GAS, PERIOD_HOUR), .n_due = 60 };
	const int64_t midnight = EIGHT - 8 * HOUR_MS;

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		f->settings.capture_percent = 75.0;
		fixture_point(f, "so2");
		fixture_point(f, "o2");
		fixture_limit(f, k == 2 ? 1 : 0, 100.0)->o2_ref = k == 0 ? NAN : 9.0;
		fixture_start(f, midnight, INT64_MIN);
		for (int i = 0; i < 7 * 24; i++) { /* no hour of the last week is valid, as it was measured */
			hour.start.ms = midnight + (i - 7 * 24) * HOUR_MS;
			hour.end.ms = hour.start.ms + HOUR_MS;
			const struct past_mean past = { "DA001", "so2", SERIES_MEASURED, NAN, &hour, NAN };
			assert_true(pipeline_restore_mean(f->pipeline, &past));
		}
		fixture_feed_averaged(f, 1, midnight, midnight + DAY_MS, 10.0, FLAG_NORMAL);
		fixture_feed_averaged(f, 0, midnight, midnight + DAY_MS, 20.0, FLAG_NORMAL);
		fixture_step(f, midnight + DAY_MS + GRACE);
		assert_int_equal(fixture_count(f, RULE_CAPTURE_RATE), k == 0 ? 1 : 0);
		fixture_destroy(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_memory_there_is_no_pipeline_and_no_leak),
		cmocka_unit_test(test_series_of_a_point),
		cmocka_unit_test(test_nothing_is_due_without_points),
		cmocka_unit_test(test_each_outlet_has_its_grace),
		cmocka_unit_test(test_which_alarms_can_be_restored),
		cmocka_unit_test(test_the_worst_survives_a_restart),
		cmocka_unit_test(test_the_month_share_goes_on_at_its_step),
		cmocka_unit_test(test_which_days_belong_to_the_open_month),
		cmocka_unit_test(test_which_hours_belong_to_the_quarter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
