/* test_drivers.c - instruments that need code beside their profile. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "core/plan.h"
#include "drivers/drivers.h"

static void test_drivers_have_names(void **state)
{
	(void)state;
	assert_ptr_equal(driver_find("sdl-1080"), &driver_sdl_1080);
	assert_null(driver_find("sdl-1081"));
	assert_null(driver_find(""));
}

/* ---- SDL MODEL 1080: component 7 of an analyser with two components ---- */

static void test_sdl_1080_reads_what_is_fitted(void **state)
{
	static const struct {
		unsigned records;
		uint16_t count;
	} rows[] = { { 1, 3 }, { 2, 5 }, { 8, 17 }, { 9, 17 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static struct profile p;
		memset(&p, 0, sizeof(p));
		p.driver = &driver_sdl_1080;
		p.records = rows[i].records;
		assert_int_equal(plan_requests(&p), 0);
		assert_int_equal(p.n_requests, 1);
		assert_true(p.requests[0].function == 3 && p.requests[0].address == 0);
		assert_int_equal(p.requests[0].count, rows[i].count);
	}
}

static void test_sdl_1080_values(void **state)
{
	/* clang-format off */
	static const struct {
		const char *rule;
		const char *unit; /* of the channel */
		double value;     /* expected; NAN = no number */
		uint16_t regs[5]; /* state; value, unit and number of each component */
		char flag;
	} rows[] = {
		{ "the second component", "mg/m3", 250.0, { 1, 11, 0x0003, 250, 0x0007 }, 'N' },
		{ "the first component", "mg/m3", 250.0, { 1, 250, 0x0007, 11, 0x0003 }, 'N' },
		{ "one decimal", "mg/m3", 25.0, { 9, 11, 0x0003, 250, 0x0007 }, 'N' },
		{ "ppm", "ppm", 250.0, { 1, 11, 0x0003, 250, 0x0207 }, 'N' },
		{ "hundredths of a percent", "%", 20.5, { 1, 11, 0x0003, 2050, 0x0A07 }, 'N' },
		{ "hundredths of a percent have no further decimal", "%", 20.5, { 9, 11, 0x0003, 2050, 0x0A07 }, 'N' },
		{ "another unit than the channel has", "mg/m3", NAN, { 1, 11, 0x0003, 250, 0x0207 }, 'D' },
		{ "a component that is not fitted", "mg/m3", NAN, { 1, 11, 0x0003, 250, 0x0004 }, 'D' },
		{ "0x7FFF is no value", "mg/m3", NAN, { 1, 11, 0x0003, 0x7FFF, 0x0007 }, 'D' },
		{ "0x8000 is no value", "mg/m3", NAN, { 1, 11, 0x0003, 0x8000, 0x0007 }, 'D' },
		{ "0xFFFF is no value", "mg/m3", NAN, { 1, 11, 0x0003, 0xFFFF, 0x0007 }, 'D' },
		{ "state 3 measures", "mg/m3", 250.0, { 3, 11, 0x0003, 250, 0x0007 }, 'N' },
		{ "state 4 measures", "mg/m3", 250.0, { 4, 11, 0x0003, 250, 0x0007 }, 'N' },
		{ "state 5 calibrates", "mg/m3", 250.0, { 5, 11, 0x0003, 250, 0x0007 }, 'C' },
		{ "state 6 calibrates", "mg/m3", 250.0, { 6, 11, 0x0003, 250, 0x0007 }, 'C' },
		{ "state 2 is a fault", "mg/m3", 250.0, { 2, 11, 0x0003, 250, 0x0007 }, 'D' },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct answer answer = { .result = ANSWER_OK };
		static struct profile p;
		double value;
		enum flag flag;
		memset(&p, 0, sizeof(p));
		p.driver = &driver_sdl_1080;
		p.records = 2;
		p.n_channels = 1;
		channel_init(&p.channels[0]);
		p.channels[0].tag = 7;
		snprintf(p.channels[0].unit, sizeof(p.channels[0].unit), "%s", rows[i].unit);
		memcpy(answer.registers, rows[i].regs, sizeof(rows[i].regs));
		assert_int_equal(plan_requests(&p), 0);
		decode_channel(&p, &p.channels[0], &answer, &value, &flag);
		bool same = isnan(rows[i].value) ? isnan(value) : fabs(value - rows[i].value) < 1e-9;
		if (!same || flag_letter(flag) != rows[i].flag) {
			fail_msg("%s: found %g %c", rows[i].rule, value, flag_letter(flag));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drivers_have_names),
		cmocka_unit_test(test_sdl_1080_reads_what_is_fitted),
		cmocka_unit_test(test_sdl_1080_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
