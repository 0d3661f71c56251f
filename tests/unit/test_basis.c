/* test_basis.c - values that need other values: what is computed, converted, dried and brought to standard state. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "tests/unit/fixture.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MIN(n) (EIGHT + (n)*MINUTE_MS)
#define GRACE (10 * SECOND_MS)

static double value_of(const char *factor)
{
	static const struct {
		const char *factor;
		double value;
	} values[] = { { "so2", 20.0 }, { "o2", 10.0 }, { "no", 40.0 }, { "no2", 5.0 }, { "velocity", 12.0 },
		{ "temp", 120.0 }, { "pressure", -0.5 } };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (strcmp(values[i].factor, factor) == 0) {
			return values[i].value;
		}
	}
	return NAN;
}

/* The first of the points is computed from the others, or converted to a reference oxygen. */
static void test_what_lacks_an_input_is_a_fault(void **state)
{
	/* clang-format off */
	static const struct {
		const char *rule;
		enum computed computed;
		double o2_ref;
		const char *factors[5];
		double humidity;
		enum flag of_humidity;
		char flag;
	} rows[] = {
		{ "NOx of NO and NO2", COMPUTED_NOX, NAN, { "nox", "no", "no2" }, NAN, FLAG_NORMAL, 'N' },
		{ "NOx without a point for NO", COMPUTED_NOX, NAN, { "nox", "no2" }, NAN, FLAG_NORMAL, 'D' },
		{ "NOx without a point for NO2", COMPUTED_NOX, NAN, { "nox", "no" }, NAN, FLAG_NORMAL, 'D' },
		{ "a flow", COMPUTED_FLOW, NAN, { "gasflow", "velocity", "temp", "pressure", "humidity" }, 12.0, FLAG_NORMAL, 'N' },
		{ "a flow without a point for the velocity", COMPUTED_FLOW, NAN, { "gasflow", "temp", "pressure", "humidity" }, 12.0, FLAG_NORMAL, 'D' },
		{ "a flow during maintenance of the humidity", COMPUTED_FLOW, NAN, { "gasflow", "velocity", "temp", "pressure", "humidity" }, 12.0, FLAG_MAINTENANCE, 'M' },
		{ "a flow at a humidity of 101 %", COMPUTED_FLOW, NAN, { "gasflow", "velocity", "temp", "pressure", "humidity" }, 101.0, FLAG_NORMAL, 'D' },
		{ "a reference oxygen", COMPUTED_NOT, 9.0, { "so2", "o2" }, NAN, FLAG_NORMAL, 'N' },
		{ "a reference oxygen without a point for oxygen", COMPUTED_NOT, 9.0, { "so2" }, NAN, FLAG_NORMAL, 'D' },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		f->outlet.area_m2 = 7.0;
		for (size_t k = 0; k < ARRAY_SIZE(rows[i].factors) && rows[i].factors[k]; k++) {
			fixture_point(f, rows[i].factors[k]);
		}
		f->points[0].computed = rows[i].computed;
		fixture_limit(f, 0, 1000.0)->o2_ref = rows[i].o2_ref;
		fixture_start(f, EIGHT, INT64_MIN);
		for (size_t k = rows[i].computed == COMPUTED_NOT ? 0 : 1; k < f->outlet.n_points; k++) {
			bool humidity = strcmp(f->factors[k].key, "humidity") == 0;
			fixture_feed_averaged(f, k, MIN(0), MIN(1),
				humidity ? rows[i].humidity : value_of(f->factors[k].key),
				humidity ? rows[i].of_humidity : FLAG_NORMAL);
		}
		fixture_step(f, MIN(1) + GRACE);
		enum series_kind kind = isnan(rows[i].o2_ref) ? SERIES_MEASURED : SERIES_CONVERTED;
		const struct mean *m = &fixture_last(f, 0, PERIOD_MINUTE, kind, rows[i].o2_ref)->mean;
		bool good = rows[i].flag == 'N';
		if (flag_letter(m->flag) != rows[i].flag || m->valid != good || isnan(m->value) == good) {
			fail_msg("%s: found %g %c", rows[i].rule, m->value, flag_letter(m->flag));
		}
		fixture_destroy(f);
	}
}

/* 5 mg/m3 at stack conditions; temperature, pressure and humidity in this order, a flag beside each. */
static void test_what_lacks_its_state_says_why(void **state)
{
	static const struct {
		const char *rule;
		size_t n; /* of the points for the state */
		double values[3];
		enum flag flags[3];
		char flag;
	} rows[] = {
		{ "all is known", 3, { 120.0, -0.5, 8.0 }, { FLAG_NORMAL, FLAG_NORMAL, FLAG_NORMAL }, 'N' },
		{ "the temperature is calibrated", 3, { 120.0, -0.5, 8.0 },
			{ FLAG_CALIBRATION, FLAG_NORMAL, FLAG_NORMAL }, 'C' },
		{ "the pressure is maintained", 3, { 120.0, -0.5, 8.0 }, { FLAG_NORMAL, FLAG_MAINTENANCE, FLAG_NORMAL },
			'M' },
		{ "no humidity comes", 3, { 120.0, -0.5, NAN }, { FLAG_NORMAL, FLAG_NORMAL, FLAG_NO_COMM }, 'B' },
		{ "the humidity is no number", 3, { 120.0, -0.5, NAN }, { FLAG_NORMAL, FLAG_NORMAL, FLAG_NORMAL },
			'D' },
		{ "nothing but water", 3, { 120.0, -0.5, 100.0 }, { FLAG_NORMAL, FLAG_NORMAL, FLAG_NORMAL }, 'D' },
		{ "no point for the humidity", 2, { 120.0, -0.5 }, { FLAG_NORMAL, FLAG_NORMAL }, 'D' },
	};
	static const char *const factors[] = { "temp", "pressure", "humidity" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		fixture_point(f, "pm");
		for (size_t k = 0; k < rows[i].n; k++) {
			fixture_point(f, factors[k]);
		}
		f->points[0].wet = f->points[0].actual = true;
		fixture_start(f, EIGHT, INT64_MIN);
		for (size_t k = 0; k < rows[i].n; k++) {
			fixture_read(f, 1 + k, MIN(0), rows[i].values[k], rows[i].flags[k]);
		}
		fixture_feed(f, 0, MIN(0), MIN(1), 5.0, FLAG_NORMAL);
		fixture_step(f, MIN(1) + GRACE);
		const struct mean *m = &fixture_last(f, 0, PERIOD_MINUTE, SERIES_DRY, NAN)->mean;
		if (flag_letter(m->flag) != rows[i].flag || m->valid != (rows[i].flag == 'N')) {
			fail_msg("%s: found %c", rows[i].rule, flag_letter(m->flag));
		}
		assert_true(fixture_last(f, 0, PERIOD_MINUTE, SERIES_MEASURED, NAN)->mean.value == 5.0);
		fixture_destroy(f);
	}
}

/* Wet without actual, and actual without wet: each needs its own points only. */
static void test_wet_or_actual(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "pm");
	fixture_point(f, "so2");
	fixture_point(f, "temp");
	fixture_point(f, "pressure");
	fixture_point(f, "humidity");
	f->points[0].actual = true;
	f->points[1].wet = true;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_read(f, 2, MIN(0), 120.0, FLAG_NORMAL);
	fixture_read(f, 3, MIN(0), -0.5, FLAG_NORMAL);
	fixture_read(f, 4, MIN(0), 8.0, FLAG_NORMAL);
	fixture_feed_averaged(f, 0, MIN(0), MIN(1), 5.0, FLAG_NORMAL);
	fixture_feed_averaged(f, 1, MIN(0), MIN(1), 5.0, FLAG_NORMAL);
	fixture_step(f, MIN(1) + GRACE);
	double actual = fixture_last(f, 0, PERIOD_MINUTE, SERIES_DRY, NAN)->mean.value;
	double wet = fixture_last(f, 1, PERIOD_MINUTE, SERIES_DRY, NAN)->mean.value;
	assert_true(fabs(actual - 5.0 * (101325.0 / 99500.0) * (393.0 / 273.0)) < 1e-9);
	assert_true(fabs(wet - 5.0 / 0.92) < 1e-9);
	fixture_destroy(f);
}

/* Points that make a result now and then. Where none is due there is nothing to convert, and no oxygen to do it with.
 */
static void test_what_is_not_due_is_not_converted(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_WATER);

	(void)state;
	fixture_point(f, "cod");
	fixture_point(f, "toc");
	fixture_point(f, "o2");
	f->points[0].cycle_ms = f->points[2].cycle_ms = 2 * HOUR_MS;
	fixture_limit(f, 0, 50.0)->o2_ref = 9.0;
	fixture_limit(f, 1, 50.0)->o2_ref = 9.0;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_read(f, 1, MIN(0), 20.0, FLAG_NORMAL);
	fixture_step(f, MIN(10) + GRACE);
	assert_null(fixture_last(f, 0, PERIOD_MINUTE, SERIES_CONVERTED, 9.0));
	const struct mean *m = &fixture_last(f, 1, PERIOD_MINUTE, SERIES_CONVERTED, 9.0)->mean;
	assert_true(!m->valid && m->flag == FLAG_FAULT && isnan(m->value));
	fixture_destroy(f);
}

/* A result that is held: also at dry standard state, and not when it did not count. */
static void test_a_held_result(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "nmhc");
	fixture_point(f, "humidity");
	f->points[0].hold_ms = 6 * MINUTE_MS;
	f->points[0].wet = true;
	fixture_start(f, EIGHT, INT64_MIN);
	fixture_read(f, 1, MIN(0), 8.0, FLAG_NORMAL);
	fixture_feed(f, 0, MIN(0), MIN(1), 30.0, FLAG_NORMAL);
	fixture_step(f, MIN(2) + GRACE); /* the minute 1 has no reading */
	const struct mean *m = &fixture_last(f, 0, PERIOD_MINUTE, SERIES_MEASURED, NAN)->mean;
	assert_true(m->start.ms == MIN(1) && m->valid && m->value == 30.0 && m->n_valid == 12);
	m = &fixture_last(f, 0, PERIOD_MINUTE, SERIES_DRY, NAN)->mean;
	assert_true(m->start.ms == MIN(1) && m->valid && fabs(m->value - 30.0 / 0.92) < 1e-9 && m->n_valid == 12);
	fixture_feed(f, 0, MIN(2), MIN(3), 30.0, FLAG_CALIBRATION);
	fixture_step(f, MIN(4) + GRACE);
	m = &fixture_last(f, 0, PERIOD_MINUTE, SERIES_MEASURED, NAN)->mean;
	assert_true(m->start.ms == MIN(3) && !m->valid && m->n_valid == 0 && m->flag == FLAG_NO_COMM);
	fixture_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_lacks_an_input_is_a_fault),
		cmocka_unit_test(test_what_lacks_its_state_says_why),
		cmocka_unit_test(test_wet_or_actual),
		cmocka_unit_test(test_what_is_not_due_is_not_converted),
		cmocka_unit_test(test_a_held_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
