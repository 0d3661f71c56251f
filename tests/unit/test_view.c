/* test_view.c - the present of a point. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/array.h"
#include "tests/unit/fixture.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MIN(n) (EIGHT + (n)*MINUTE_MS)
#define GRACE (10 * SECOND_MS)
#define MAX_AGE (30 * SECOND_MS)

static struct point_view view_at(const struct fixture *f, size_t point, int64_t now)
{
	struct point_view view;

	pipeline_view(f->pipeline, 0, point, (struct utc){ now }, &view);
	return view;
}

static void test_before_the_first_reading(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_limit(f, 0, 35.0);
	f->points[0].max_age_ms = INT64_MAX / 2;
	fixture_start(f, EIGHT, INT64_MIN);
	struct point_view v = view_at(f, 0, MIN(0));
	assert_true(isnan(v.raw.value) && v.raw.flag == FLAG_NO_COMM);
	assert_true(isnan(v.converted) && isnan(v.hour_mean) && isnan(v.limit_ratio) && !v.last_hour.rule);
	assert_ptr_equal(v.limit, &f->limits[0]);
	fixture_destroy(f);
}

/* The instrument answers, and the one whose state says whether its value counts does not. */
static void test_with_flag_b_no_value_is_shown(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	f->points[0].max_age_ms = MAX_AGE;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_read(f, 0, MIN(0), 30.0, FLAG_NO_COMM);
	struct point_view v = view_at(f, 0, MIN(0) + 1000);
	assert_true(isnan(v.raw.value) && v.raw.flag == FLAG_NO_COMM);
	fixture_read(f, 0, MIN(0) + 2000, 30.0, FLAG_CALIBRATION); /* other flags keep theirs: it is evidence */
	v = view_at(f, 0, MIN(0) + 3000);
	assert_true(v.raw.value == 30.0 && v.raw.flag == FLAG_CALIBRATION);
	fixture_destroy(f);
}

/* SO2 20 mg/m3 at 15 % oxygen, brought to 9 %: 20 * 12 / 6 = 40. */
static void test_the_newest_converted_value(void **state)
{
	static const struct {
		const char *rule;
		size_t n_points; /* 1 = no oxygen point */
		enum flag so2, o2;
		int64_t o2_at, now;
		double expected;
	} rows[] = {
		{ "both are new", 2, FLAG_NORMAL, FLAG_NORMAL, MIN(1), MIN(1), 40.0 },
		{ "both are as old as they may be", 2, FLAG_NORMAL, FLAG_NORMAL, MIN(1), MIN(1) + MAX_AGE, 40.0 },
		{ "both are too old", 2, FLAG_NORMAL, FLAG_NORMAL, MIN(1), MIN(1) + MAX_AGE + 1, NAN },
		{ "the oxygen is too old", 2, FLAG_NORMAL, FLAG_NORMAL, MIN(0), MIN(1), NAN },
		{ "SO2 is calibrated", 2, FLAG_CALIBRATION, FLAG_NORMAL, MIN(1), MIN(1), NAN },
		{ "oxygen is calibrated", 2, FLAG_NORMAL, FLAG_CALIBRATION, MIN(1), MIN(1), NAN },
		{ "there is no oxygen point", 1, FLAG_NORMAL, FLAG_NORMAL, MIN(1), MIN(1), NAN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		fixture_point(f, "so2");
		fixture_limit(f, 0, 35.0)->o2_ref = 9.0;
		f->points[0].max_age_ms = MAX_AGE;
		if (rows[i].n_points > 1) {
			fixture_point(f, "o2");
		}
		fixture_start(f, EIGHT, INT64_MIN);
		if (rows[i].n_points > 1) {
			fixture_read(f, 1, rows[i].o2_at, 15.0, rows[i].o2);
		}
		fixture_read(f, 0, MIN(1), 20.0, rows[i].so2);
		struct point_view v = view_at(f, 0, rows[i].now);
		if (isnan(rows[i].expected) ? !isnan(v.converted) : v.converted != rows[i].expected) {
			fail_msg("%s: found %g", rows[i].rule, v.converted);
		}
		assert_true(v.o2_ref == 9.0);
		fixture_destroy(f);
	}
}

static void test_the_newest_dry_value(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_point(f, "humidity");
	fixture_limit(f, 0, 35.0);
	f->points[0].max_age_ms = MAX_AGE;
	f->points[0].wet = true;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_read(f, 1, MIN(0), 20.0, FLAG_NORMAL);
	fixture_read(f, 0, MIN(0), 20.0, FLAG_NORMAL);
	struct point_view v = view_at(f, 0, MIN(0));
	assert_true(v.raw.value == 20.0 && v.converted == 25.0 && isnan(v.o2_ref));
	fixture_destroy(f);
}

/* NOx of NO 30 and NO2 4: 50. It has no readings of its own. */
static void test_what_is_computed_by_minute(void **state)
{
	(void)state;
	for (int converted = 0; converted < 2; converted++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		fixture_point(f, "nox");
		fixture_point(f, "no");
		fixture_point(f, "no2");
		fixture_point(f, "o2");
		f->points[0].computed = COMPUTED_NOX;
		fixture_limit(f, 0, 200.0)->o2_ref = converted ? 9.0 : NAN;
		fixture_start(f, EIGHT, INT64_MIN);
		struct point_view v = view_at(f, 0, MIN(0));
		assert_true(isnan(v.raw.value) && v.raw.flag == FLAG_NO_COMM && isnan(v.converted));
		fixture_feed_averaged(f, 3, MIN(0), MIN(1), 15.0, FLAG_NORMAL);
		fixture_feed_averaged(f, 1, MIN(0), MIN(1), 30.0, FLAG_NORMAL);
		fixture_feed_averaged(f, 2, MIN(0), MIN(1), 4.0, FLAG_NORMAL);
		fixture_step(f, MIN(1) + GRACE);
		for (int late = 0; late < 2; late++) {
			v = view_at(f, 0, MIN(3) + late);
			assert_true(late ? isnan(v.raw.value) : fabs(v.raw.value - 50.0) < 1e-9);
			assert_int_equal(v.raw.flag, late ? FLAG_NO_COMM : FLAG_NORMAL);
			assert_true(!converted || late ? isnan(v.converted) : fabs(v.converted - 100.0) < 1e-9);
		}
		fixture_destroy(f);
	}
}

/* Two hours at 20 mg/m3 and half an hour at 40; limits of 100. */
static void test_the_ratio_to_the_limit(void **state)
{
	static const struct {
		const char *rule;
		enum limit_period period;
		enum flag last;  /* the flag of the newest reading, which is 60, or 90 of another gas */
		int64_t minutes; /* after the start */
		double expected;
	} rows[] = {
		{ "hours: of the open hour", LIMIT_HOUR, FLAG_NORMAL, 150, 0.4 },
		{ "days: of the hour before the first one has ended", LIMIT_DAY, FLAG_NORMAL, 30, 0.2 },
		{ "days: of the day, by its whole hours", LIMIT_DAY, FLAG_NORMAL, 150, 0.2 },
		{ "instants: of the newest value", LIMIT_INSTANT, FLAG_NORMAL, 150, 0.6 },
		{ "instants: of the hour while the newest value does not count", LIMIT_INSTANT, FLAG_CALIBRATION, 150,
			0.4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		int64_t end = MIN(rows[i].minutes);
		fixture_point(f, "so2");
		fixture_limit(f, 0, 100.0)->period = rows[i].period;
		f->points[0].max_age_ms = MAX_AGE;
		fixture_start(f, EIGHT, INT64_MIN);
		fixture_feed(f, 0, EIGHT, end < HOUR(2) ? end : HOUR(2), 20.0, FLAG_NORMAL);
		fixture_feed(f, 0, HOUR(2), end, 40.0, FLAG_NORMAL);
		fixture_step(f, end + GRACE);
		fixture_read(f, 0, end + GRACE, rows[i].last == FLAG_NORMAL ? 60.0 : 90.0, rows[i].last);
		struct point_view v = view_at(f, 0, end + GRACE);
		if (!(fabs(v.limit_ratio - rows[i].expected) < 1e-9)) {
			fail_msg("%s: found %g", rows[i].rule, v.limit_ratio);
		}
		assert_int_equal(v.due_minutes, 60);
		assert_int_equal(v.valid_minutes, 30);
		assert_true(rows[i].minutes < 60 ? !v.last_hour.rule : v.last_hour.value == 20.0);
		fixture_destroy(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_the_first_reading),
		cmocka_unit_test(test_with_flag_b_no_value_is_shown),
		cmocka_unit_test(test_the_newest_converted_value),
		cmocka_unit_test(test_the_newest_dry_value),
		cmocka_unit_test(test_what_is_computed_by_minute),
		cmocka_unit_test(test_the_ratio_to_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
