/* test_convert.c - those worked examples of the regulation notes, X1 to X34, that are conversions.
 *
 * The other examples: X14 to X18, X22 and X25 are in test_mean.c; X19, X33, and X13 through the whole path are in
 * test_pipeline.c; X23 and X29 are in test_conditions.c. Not in emisd are X24 (substitution of lost hours belongs to
 * the owner's quarterly report), X26 (the clock is that of the system) and X30 (HJ 212 frames). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/array.h"
#include "common/num.h"
#include "core/convert.h"

struct row {
	const char *rule;
	double found;
	double expected;
	double tolerance;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!(fabs(rows[i].found - rows[i].expected) <= rows[i].tolerance)) {
			fail_msg("%s: found %.6f, expected %.6f", rows[i].rule, rows[i].found, rows[i].expected);
		}
	}
}

static double at_reference(double dry, double o2, double o2_ref)
{
	return convert_to_reference_oxygen(exact_decimal(dry), exact_decimal(o2), o2_ref).value;
}

static void test_worked_examples(void **state)
{
	(void)state;
	const double flow = convert_flow_actual(7.0686, convert_velocity(0.95, 12.0));
	const double standard = convert_flow_standard(flow, 120.0, 100000.0, -500.0, 0.12);
	const struct row rows[] = {
		{ "X1 standard state", convert_to_standard(50.0, 120.0, 100000.0, -500.0), 73.2982, 5e-5 },
		{ "X2 dry basis", convert_to_dry(40.0, 0.12), 45.4545, 5e-5 },
		{ "X3 dry oxygen", convert_to_dry(6.6, 0.12), 7.5, 1e-9 },
		{ "X4 SO2 from ppm", convert_ppm(10.0, 64.0), 28.5714, 5e-5 },
		{ "X4 NO from ppm", convert_ppm(10.0, 30.0), 13.3929, 5e-5 },
		{ "X4 NO2 from ppm", convert_ppm(10.0, 46.0), 20.5357, 5e-5 },
		{ "X4 CO from ppm", convert_ppm(10.0, 28.0), 12.5, 5e-5 },
		{ "X4 HCl from ppm", convert_ppm(10.0, 36.5), 16.2946, 5e-5 },
		{ "X5 NOx from mg/m3", convert_nox_mass(40.0, 5.0), 66.3333, 5e-5 },
		{ "X6 NOx from ppm", convert_nox_ppm(30.0, 2.0), 65.7143, 5e-5 },
		{ "X7 30 at 8.5, reference 6", at_reference(30.0, 8.5, 6.0), 36.0, 1e-9 },
		{ "X7 20 at 12, reference 9", at_reference(20.0, 12.0, 9.0), 26.6667, 5e-5 },
		{ "X7 12 at 5.2, reference 3.5", at_reference(12.0, 5.2, 3.5), 13.2911, 5e-5 },
		{ "X8 5 at 3, reference 6", at_reference(5.0, 3.0, 6.0), 4.1667, 5e-5 },
		{ "X8 10 at 14, reference 10", at_reference(10.0, 14.0, 10.0), 15.7143, 5e-5 },
		{ "X8 20 at 18, reference 15", at_reference(20.0, 18.0, 15.0), 40.0, 1e-9 },
		{ "X9 20 at 20.5, reference 9", at_reference(20.0, 20.5, 9.0), 480.0, 1e-9 },
		{ "X10 alpha of 8.5 %", convert_excess_air(8.5), 1.68, 1e-9 },
		{ "X10 30 by 1.68 and 1.4", convert_by_excess_air(30.0, 1.68, 1.4), 36.0, 1e-9 },
		{ "X10 alpha of 10 %", convert_excess_air(10.0), 1.9091, 5e-5 },
		{ "X10 30 at 10 % and 1.7", convert_by_excess_air(30.0, convert_excess_air(10.0), 1.7), 33.6898, 5e-5 },
		{ "X10 a coefficient of 1.7 is a reference oxygen",
			at_reference(30.0, 10.0, convert_oxygen_of_excess_air(1.7)), 33.6898, 5e-5 },
		{ "X27 calibration line", convert_calibrated(10.0, 1.2, 3.0), 15.0, 1e-9 },
		{ "X11 velocity", convert_velocity(0.95, 12.0), 11.4, 1e-9 },
		{ "X11 actual flow", flow, 290095.344, 5e-4 },
		{ "X12 dry standard flow", standard, 174140.584, 5e-4 },
		{ "X13 mass rate", convert_mass_rate(35.0, standard), 6.0949, 5e-5 },
		{ "X13 24 such hours", 24.0 * convert_mass_rate(35.0, standard), 146.2781, 5e-5 },
		{ "X20 water in 10 minutes", convert_water_volume(17.5, 600.0), 10.5, 1e-9 },
		{ "X20 water in an hour", convert_water_volume(17.5, 3600.0), 63.0, 1e-9 },
		{ "X20 water in a day", convert_water_volume(17.5, 86400.0), 1512.0, 1e-9 },
		{ "X21 water load", convert_water_mass(63.0, 40.1), 2.5263, 1e-9 },
		{ "X28 pitot", convert_pitot(0.84, 120.0, 0.95), 13.3513, 5e-5 },
		{ "X31 oxidiser with added air", at_reference(12.0, 9.0, 3.0), 18.0, 1e-9 },
		{ "X32 incinerator, air", convert_incinerator(20.0, 12.0, 21.0), 22.2222, 5e-5 },
		{ "X32 incinerator, enriched air", convert_incinerator(20.0, 12.0, 25.0), 15.3846, 5e-5 },
		{ "X33 flow from hour means",
			convert_flow_standard(convert_flow_actual(1.0, 12.0), 120.0, 101325.0, 0.0, 0.0), 30009.160,
			5e-4 },
		{ "X34 half to even", num_round_half_even(0.125, 2), 0.12, 1e-12 },
		{ "X34 half to even, up", num_round_half_even(0.135, 2), 0.14, 1e-12 },
		{ "X34 half to even, three digits", num_round_half_even(12.345, 2), 12.34, 1e-12 },
		{ "X34 half to even, one digit", num_round_half_even(36.65, 1), 36.6, 1e-12 },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void test_what_cannot_be_computed_has_no_number(void **state)
{
	(void)state;
	assert_true(isnan(at_reference(20.0, 21.0, 9.0)));
	assert_true(isnan(at_reference(20.0, 25.0, 9.0)));
	assert_true(isnan(at_reference(20.0, NAN, 9.0)));
	assert_true(isnan(at_reference(NAN, 8.0, 9.0)));
	assert_true(isnan(convert_excess_air(21.0)));
	assert_true(isnan(convert_incinerator(20.0, 25.0, 25.0)));
	assert_true(isnan(convert_to_dry(40.0, 1.0)));
	assert_true(isnan(convert_to_dry(40.0, -0.1)));
	assert_true(isnan(convert_to_dry(40.0, NAN)));
	assert_true(isnan(convert_to_standard(50.0, -300.0, 100000.0, 0.0)));
	assert_true(isnan(convert_to_standard(50.0, 120.0, 100.0, -500.0)));
	assert_true(isnan(convert_pitot(0.84, -1.0, 0.95)));
	assert_true(isnan(convert_pitot(0.84, 120.0, 0.0)));
	assert_true(isnan(convert_flow_standard(1000.0, -273.0, 101325.0, 0.0, 0.08))); /* zero kelvin */
	assert_true(isnan(at_reference(20.0, -0.1, 9.0))); /* the oxygen content of a gas cannot be negative */
	assert_true(isnan(convert_flow_standard(1000.0, 100.0, 101325.0, 0.0, 1.01))); /* humidity 101 % */
	assert_true(isnan(convert_flow_standard(1000.0, 100.0, 101325.0, 0.0, -0.01)));
	assert_true(isnan(convert_flow_standard(1000.0, 100.0, 101325.0, 0.0, NAN)));
	assert_true(isnan(convert_flow_standard(1000.0, 100.0, 101325.0, -101325.0, 0.08))); /* zero pressure */
	assert_true(isnan(convert_flow_standard(1000.0, 100.0, 101325.0, -110000.0, 0.08)));
	assert_true(isnan(convert_flow_standard(1000.0, 100.0, 101325.0, NAN, 0.08)));
}

static void test_oxygen_within_the_zero_drift_counts_as_none(void **state)
{
	(void)state;
	assert_true(convert_oxygen_shown(exact_decimal(-0.5), 0.5).value == 0.0);
	assert_true(convert_oxygen_shown(exact_decimal(-0.3), 0.5).value == 0.0);
	assert_true(isnan(convert_oxygen_shown(exact_decimal(-0.51), 0.5).value));
	assert_true(isnan(convert_oxygen_shown(exact_decimal(-0.01), 0.0).value));
	assert_true(convert_oxygen_shown(exact_decimal(0.3), 0.5).value == 0.3);
	assert_true(isnan(convert_oxygen_shown(exact_decimal(NAN), 0.5).value));
}

static void test_what_is_equal_in_decimal_is_equal(void **state)
{
	(void)state;
	assert_true(at_reference(4.9, 20.3, 16.0) == 35.0);
	assert_true(at_reference(0.07, 20.99, 16.0) == 35.0);
	assert_true(at_reference(0.007, 20.999, 16.0) == 35.0);
	assert_true(at_reference(0.0001, 20.99, 16.0) == 0.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worked_examples),
		cmocka_unit_test(test_what_cannot_be_computed_has_no_number),
		cmocka_unit_test(test_oxygen_within_the_zero_drift_counts_as_none),
		cmocka_unit_test(test_what_is_equal_in_decimal_is_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
