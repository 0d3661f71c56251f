/* test_limits.c - which limits apply to which outlet and when, the month's share, and judging with rounding. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "core/judge.h"
#include "core/month_share.h"
#include "core/outlet.h"

static struct utc day(const char *text)
{
	struct utc at = BUILT_UNKNOWN;

	if (text[0]) {
		assert_true(time_parse(text, CHINA_OFFSET_MIN, &at));
	}
	return at;
}

static void test_dates(void **state)
{
	/* clang-format off */
	static const struct {
		const char *rule;
		const char *in_force, *existing, *new_since, *until, *built_before; /* of the limit; "" = not given */
		const char *built, *at;
		bool applies;
	} rows[] = {
		{ "a new plant from the first day", "2019-07-01", "2020-07-01", "", "", "", "2019-08-01", "2019-08-02", true },
		{ "not for an existing plant in the first year", "2019-07-01", "2020-07-01", "", "", "", "2015-01-01", "2020-06-30", false },
		{ "for an existing plant after a year", "2019-07-01", "2020-07-01", "", "", "", "2015-01-01", "2020-07-01", true },
		{ "date of building unknown: the limit may apply", "2019-07-01", "2020-07-01", "", "", "", "", "2019-07-01", true },
		{ "date of building unknown: not before the first day", "2019-07-01", "2020-07-01", "", "", "", "", "2019-06-30", false },
		{ "date of building unknown: existing plants are first", "2020-07-01", "2019-07-01", "", "", "", "", "2019-08-01", true },
		{ "superseded from the day of the new document", "2014-03-01", "", "", "2026-04-01", "", "", "2026-04-01", false },
		{ "still in force the day before", "2014-03-01", "", "", "2026-04-01", "", "", "2026-03-31", true },
		{ "coking: built after the new standard", "2019-10-01", "", "", "2027-01-01", "2025-04-01", "2025-05-01", "2026-01-01", false },
		{ "coking: existing until the end of 2026", "2019-10-01", "", "", "2027-01-01", "2025-04-01", "2010-01-01", "2026-12-31", true },
		{ "coking: date of building unknown", "2019-10-01", "", "", "2027-01-01", "2025-04-01", "", "2026-12-31", true },
		{ "phosphorus 0.5: works built since 2006", "2003-07-01", "2028-01-01", "2006-01-01", "", "", "2006-01-01", "2026-01-01", true },
		{ "phosphorus 0.5: not yet for an older works", "2003-07-01", "2028-01-01", "2006-01-01", "", "", "2005-12-31", "2027-12-31", false },
		{ "phosphorus 0.5: all works from 2028", "2003-07-01", "2028-01-01", "2006-01-01", "", "", "2005-12-31", "2028-01-01", true },
		{ "a limit for new plants only", "2018-03-01", "never", "", "", "", "2010-01-01", "2026-01-01", false },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct limit l = { .in_force = day(rows[i].in_force), .until = TIME_NEVER, .built_before = TIME_NEVER };
		l.in_force_existing = strcmp(rows[i].existing, "never") == 0 ? TIME_NEVER
			: rows[i].existing[0]                                ? day(rows[i].existing)
									     : l.in_force;
		l.new_since = rows[i].new_since[0] ? day(rows[i].new_since) : l.in_force;
		l.until = rows[i].until[0] ? day(rows[i].until) : l.until;
		l.built_before = rows[i].built_before[0] ? day(rows[i].built_before) : l.built_before;
		if (limit_in_force(&l, day(rows[i].built), day(rows[i].at)) != rows[i].applies) {
			fail_msg("%s", rows[i].rule);
		}
	}
}

static void test_sectors(void **state)
{
	struct outlet outlet = { .sector = "wwtp.1a", .also_sectors = { "voc.site-fugitive" } };
	static const struct {
		const char *sector;
		bool covered;
	} rows[] = { { "wwtp.1a", true }, { "wwtp", true }, { "wwtp.1", false }, { "wwtp.optional", false },
		{ "voc.site-fugitive", true }, { "voc", true }, { "voc.boundary", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct limit limit = { 0 };
		snprintf(limit.sector, sizeof(limit.sector), "%s", rows[i].sector);
		if (outlet_falls_under(&outlet, &limit) != rows[i].covered) {
			fail_msg("%s", rows[i].sector);
		}
	}
	/* As many further sectors as an outlet can have. */
	struct limit last = { .sector = "d" };
	struct outlet several = { .sector = "wwtp", .also_sectors = { "a", "b", "c", "d" } };
	assert_true(outlet_falls_under(&several, &last));
	strcpy(last.sector, "e");
	assert_false(outlet_falls_under(&several, &last));
	/* Process factors can be points of outlets of either medium. */
	outlet.medium = MEDIUM_WATER;
	assert_true(outlet_takes(&outlet, MEDIUM_WATER) && outlet_takes(&outlet, MEDIUM_PROCESS));
	assert_false(outlet_takes(&outlet, MEDIUM_GAS));
}

static void test_what_may_be_cited(void **state)
{
	struct limit limit = { .verified = false };

	(void)state;
	assert_false(limit_citable(&limit));
	snprintf(limit.confirmed_by, sizeof(limit.confirmed_by), "permit 91410500, page 12");
	assert_true(limit_citable(&limit));
}

static void test_precision(void **state)
{
	static const struct {
		double value;
		enum rounding rounding;
		int digits; /* decimals of the limit as it is written */
		enum verdict expected;
	} rows[] = {
		{ 35.004, ROUNDING_NONE, 2, VERDICT_EXCEEDED },
		{ 35.004, ROUNDING_HALF_EVEN, 2, VERDICT_OK }, /* 35.00 */
		{ 35.005, ROUNDING_HALF_EVEN, 2, VERDICT_OK }, /* a tie goes to the even 35.00 */
		{ 35.006, ROUNDING_HALF_EVEN, 2, VERDICT_EXCEEDED },
		{ 35.015, ROUNDING_HALF_EVEN, 2, VERDICT_EXCEEDED }, /* 35.02 */
		{ 35.04, ROUNDING_HALF_EVEN, 1, VERDICT_OK },
		{ 35.4, ROUNDING_HALF_EVEN, 0, VERDICT_OK }, /* GB/T 8170: 35.4 does not exceed a limit written 35 */
		{ 35.5, ROUNDING_HALF_EVEN, 0, VERDICT_EXCEEDED },
		{ 35.4, ROUNDING_NONE, 0, VERDICT_EXCEEDED },
		{ 35.000000000000007, ROUNDING_NONE, 0, VERDICT_OK }, /* an error of binary rounding only */
		{ 35.0000001, ROUNDING_NONE, 0, VERDICT_EXCEEDED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct limit limit = { .min = NAN, .max = 35.0, .digits = rows[i].digits };
		struct mean mean = { .value = rows[i].value, .valid = true };
		assert_int_equal(judge_mean(&limit, &mean, rows[i].rounding), rows[i].expected);
	}
}

/* January has 744 hours, of which 37 may be beyond the limit. */
static void test_the_share_of_a_month(void **state)
{
	static const struct {
		unsigned over;
		int level;
	} steps[] = { { 0, 0 }, { 18, 0 }, { 19, 1 }, { 29, 1 }, { 30, 2 }, { 36, 2 }, { 37, 3 }, { 38, 4 } };
	struct month_share share;
	struct month_share_view v;
	struct utc at = day("2026-01-01");
	size_t step = 0;

	(void)state;
	month_share_open(&share, at, CHINA_OFFSET_MIN);
	for (unsigned over = 0; over <= 38; over++) {
		if (over > 0) {
			month_share_add(&share, VERDICT_EXCEEDED, at, CHINA_OFFSET_MIN);
			at.ms += HOUR_MS;
		}
		month_share_view(&share, 0.95, &v);
		assert_int_equal(v.allowed, 37);
		assert_int_equal(v.over, over);
		step += step + 1 < ARRAY_SIZE(steps) && over >= steps[step + 1].over;
		assert_int_equal(month_share_level(&v), steps[step].level);
	}
	month_share_add(&share, VERDICT_OK, at, CHINA_OFFSET_MIN);
	month_share_view(&share, 0.95, &v);
	assert_true(fabs(v.met - 1.0 / 39.0) < 1e-12 && fabs(v.projected - 744.0 * 38.0 / 39.0) < 1e-9);
}

static void test_hours_without_data_shrink_the_budget(void **state)
{
	struct month_share share;
	struct month_share_view v;
	struct utc at = day("2026-01-01");

	(void)state;
	month_share_open(&share, at, CHINA_OFFSET_MIN);
	for (int i = 0; i < 104; i++, at.ms += HOUR_MS) {
		month_share_add(&share, VERDICT_NO_DATA, at, CHINA_OFFSET_MIN);
	}
	month_share_view(&share, 0.95, &v);
	assert_int_equal(v.allowed, 32); /* 5 % of 640 hours */
	assert_true(isnan(v.met) && v.used == 0.0);
	/* The first hour of the next month opens that month. */
	month_share_add(&share, VERDICT_EXCEEDED, day("2026-02-01"), CHINA_OFFSET_MIN);
	month_share_view(&share, 0.95, &v);
	assert_true(v.valid == 1 && v.over == 1 && v.allowed == 33); /* 5 % of 672 hours */
	/* If no hour may be beyond the limit, one hour is too many. */
	month_share_view(&share, 1.0, &v);
	assert_int_equal(month_share_level(&v), 4);
	month_share_open(&share, at, CHINA_OFFSET_MIN);
	month_share_view(&share, 1.0, &v);
	assert_true(v.allowed == 0 && v.used == 0.0);
	assert_int_equal(month_share_level(&v), 0);
}

static void test_severity(void **state)
{
	static const struct {
		const char *rule;
		double min, max, value;
		double expected;
	} rows[] = {
		{ "an upper bound", NAN, 50.0, 60.0, 1.2 },
		{ "a lower bound", 80.0, NAN, 40.0, 2.0 },
		{ "above a range", 6.0, 9.0, 9.75, 1.5 },
		{ "below a range", 6.0, 9.0, 5.25, 1.5 },
		{ "the middle of a range", 6.0, 9.0, 7.5, 0.0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct limit limit = { .min = rows[i].min, .max = rows[i].max };
		double found = judge_severity(&limit, rows[i].value, ROUNDING_NONE);
		if (!(fabs(found - rows[i].expected) < 1e-12)) {
			fail_msg("%s: found %g", rows[i].rule, found);
		}
		assert_true(isnan(judge_severity(&limit, NAN, ROUNDING_NONE)));
	}
}

/* Of two limits of a point, in the order of the configuration. */
static void test_the_strictest_of_two(void **state)
{
	static const struct {
		const char *rule;
		struct {
			enum limit_period period;
			double max;
		} limits[2];
		size_t strictest;
	} rows[] = {
		{ "the lower of two hours", { { LIMIT_HOUR, 35.0 }, { LIMIT_HOUR, 50.0 } }, 0 },
		{ "the lower of two hours, behind", { { LIMIT_HOUR, 50.0 }, { LIMIT_HOUR, 35.0 } }, 1 },
		{ "an hour before a day", { { LIMIT_DAY, 35.0 }, { LIMIT_HOUR, 50.0 } }, 1 },
		{ "a day before a month", { { LIMIT_DAY, 50.0 }, { LIMIT_MONTH, 35.0 } }, 0 },
		{ "a month before an instant", { { LIMIT_INSTANT, 35.0 }, { LIMIT_MONTH, 50.0 } }, 1 },
	};
	struct outlet outlet = { .built = BUILT_UNKNOWN };
	struct point point = { .n_limits = 0 };

	(void)state;
	assert_null(outlet_strictest(&outlet, &point, day("2026-01-01")));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct limit limits[2];
		point.n_limits = 2;
		for (size_t k = 0; k < 2; k++) {
			limits[k] = (struct limit){ .min = NAN, .max = rows[i].limits[k].max, .until = TIME_NEVER };
			limits[k].period = rows[i].limits[k].period;
			point.limits[k] = &limits[k];
		}
		if (outlet_strictest(&outlet, &point, day("2026-01-01")) != &limits[rows[i].strictest]) {
			fail_msg("%s", rows[i].rule);
		}
	}
}

/* Hours of limits have names that go to files and messages. */
static void test_names_of_periods(void **state)
{
	static const char *const names[] = {
		[LIMIT_INSTANT] = "instant", [LIMIT_HOUR] = "hour", [LIMIT_DAY] = "day", [LIMIT_MONTH] = "month"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_string_equal(limit_period_name((enum limit_period)i), names[i]);
	}
}

/* 35 applies to new plants from 2019 on and to older ones from 2020 on. */
static void test_when_the_year_of_building_decides(void **state)
{
	struct limit l = { .until = TIME_NEVER, .built_before = TIME_NEVER };

	(void)state;
	l.in_force = l.new_since = day("2019-07-01");
	l.in_force_existing = day("2020-07-01");
	assert_false(limit_needs_built(&l, day("2019-06-30")));
	assert_true(limit_needs_built(&l, day("2019-07-01")));
	assert_false(limit_needs_built(&l, day("2020-07-01")));
}

static void test_what_an_instrument_gives(void **state)
{
	const struct factor so2 = { .molar_mass = 64.0 };
	static const struct {
		const char *rule;
		struct point point;
		double given, expected;
	} rows[] = {
		{ "the unit of the factor", { 0 }, 10.0, 10.0 },
		{ "ppm (X4)", { .ppm = true }, 10.0, 28.5714 },
		{ "a calibration line (X27)", { .slope = 1.2, .intercept = 3.0 }, 10.0, 15.0 },
		{ "a field coefficient (X11)", { .field_coefficient = 0.95 }, 12.0, 11.4 },
		{ "a pitot tube (X28)", { .pitot_kp = 0.84, .gas_density = 0.95 }, 120.0, 13.3513 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct point point = rows[i].point;
		point.factor = &so2;
		double found = point_in_unit(&point, rows[i].given);
		if (!(fabs(found - rows[i].expected) < 5e-5)) {
			fail_msg("%s: found %g", rows[i].rule, found);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_sectors),
		cmocka_unit_test(test_what_may_be_cited),
		cmocka_unit_test(test_precision),
		cmocka_unit_test(test_the_share_of_a_month),
		cmocka_unit_test(test_hours_without_data_shrink_the_budget),
		cmocka_unit_test(test_severity),
		cmocka_unit_test(test_the_strictest_of_two),
		cmocka_unit_test(test_names_of_periods),
		cmocka_unit_test(test_when_the_year_of_building_decides),
		cmocka_unit_test(test_what_an_instrument_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
