/* test_decode_helpers.c - decodes values that need more than their own register: auxiliary registers, a driver, the
 * time of a result. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "core/driver.h"
#include "core/plan.h"

/* A channel of one 16-bit register; the value of its register is in the first answer. */
static struct profile *one_channel(void)
{
	static struct profile p;

	memset(&p, 0, sizeof(p));
	p.max_registers = REQUEST_REGISTERS;
	p.n_channels = 1;
	channel_init(&p.channels[0]);
	p.channels[0].field = (struct reg_field){ .function = 3, .address = 100, .type = REG_U16 };
	return &p;
}

/* Registers that help to make the value: full scale, decimals, fraction and unit code. The raw value is 250. */
enum { FULL_SCALE, DECIMALS, FRACTION, UNIT_CODE, AUXILIARIES };

static void helped_channel(struct profile *p)
{
	struct channel *c = &p->channels[0];

	p->n_auxiliaries = AUXILIARIES;
	for (size_t i = 0; i < AUXILIARIES; i++) {
		p->auxiliaries[i].scale = i == FRACTION ? 0.01 : 1.0;
		p->auxiliaries[i].field =
			(struct reg_field){ .function = 4, .address = (uint16_t)(10 * i), .type = REG_I16 };
	}
	c->full_scale = FULL_SCALE + 1;
	c->decimals = DECIMALS + 1;
	c->fraction = FRACTION + 1;
	c->unit_code = UNIT_CODE + 1;
	c->units[0] = (struct unit_code){ .code = 1, .factor = 1.0 };
	c->units[1] = (struct unit_code){ .code = 2, .factor = 1000.0 };
	c->n_units = 2;
	c->spanned = true;
	c->span_raw_high = 1000.0;
	assert_int_equal(plan_requests(p), 0);
	assert_int_equal(p->n_requests, 1 + AUXILIARIES);
}

static void test_values_made_with_the_help_of_other_registers(void **state)
{
	static const struct {
		const char *rule;
		int16_t helpers[AUXILIARIES];
		enum answer_result results[AUXILIARIES];
		double value;
		char flag;
	} rows[] = {
		{ "a quarter of the full scale", { 800, 0, 0, 1 }, { ANSWER_OK, ANSWER_OK, ANSWER_OK, ANSWER_OK },
			200.0, 'N' },
		{ "decimals", { 800, 2, 0, 1 }, { ANSWER_OK, ANSWER_OK, ANSWER_OK, ANSWER_OK }, 2.0, 'N' },
		{ "decimals and a fraction", { 800, 2, 25, 1 }, { ANSWER_OK, ANSWER_OK, ANSWER_OK, ANSWER_OK }, 2.25,
			'N' },
		{ "another unit", { 800, 2, 25, 2 }, { ANSWER_OK, ANSWER_OK, ANSWER_OK, ANSWER_OK }, 2250.0, 'N' },
		{ "an unknown unit", { 800, 2, 25, 3 }, { ANSWER_OK, ANSWER_OK, ANSWER_OK, ANSWER_OK }, NAN, 'D' },
		{ "less than no decimals", { 800, -1, 0, 1 }, { ANSWER_OK, ANSWER_OK, ANSWER_OK, ANSWER_OK }, NAN,
			'D' },
		{ "too many decimals", { 800, 10, 0, 1 }, { ANSWER_OK, ANSWER_OK, ANSWER_OK, ANSWER_OK }, NAN, 'D' },
		{ "no full scale", { 800, 2, 25, 1 }, { ANSWER_TIMEOUT, ANSWER_OK, ANSWER_OK, ANSWER_OK }, NAN, 'B' },
		{ "no decimals", { 800, 2, 25, 1 }, { ANSWER_OK, ANSWER_TIMEOUT, ANSWER_OK, ANSWER_OK }, NAN, 'B' },
		{ "no fraction", { 800, 2, 25, 1 }, { ANSWER_OK, ANSWER_OK, ANSWER_EXCEPTION, ANSWER_OK }, NAN, 'D' },
		{ "no unit code", { 800, 2, 25, 1 }, { ANSWER_OK, ANSWER_OK, ANSWER_OK, ANSWER_GATEWAY }, NAN, 'B' },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile *p = one_channel();
		struct answer answers[1 + AUXILIARIES] = { { .result = ANSWER_OK, .registers = { 250 } } };
		double value;
		enum flag flag;
		helped_channel(p);
		for (size_t k = 0; k < AUXILIARIES; k++) {
			answers[1 + k].result = rows[i].results[k];
			answers[1 + k].registers[0] = (uint16_t)rows[i].helpers[k];
		}
		decode_channel(p, &p->channels[0], answers, &value, &flag);
		bool same = isnan(rows[i].value) ? isnan(value) : value == rows[i].value;
		if (!same || flag_letter(flag) != rows[i].flag) {
			fail_msg("%s: found %g %c", rows[i].rule, value, flag_letter(flag));
		}
	}
}

/* ---- a driver ---- */

static size_t driver_plan(const struct profile *profile, struct request *ret_requests)
{
	(void)profile;
	ret_requests[0] = (struct request){ .function = 3, .address = 0, .count = 2 };
	return 1;
}

/* The first register is the value, 0xFFFF is none; the second is the flag. */
static void driver_decode(
	const struct channel *channel, const struct answer *answers, double *ret_value, enum flag *ret_flag)
{
	(void)channel;
	*ret_value = answers[0].registers[0] == 0xFFFF ? INFINITY : answers[0].registers[0];
	*ret_flag = (enum flag)answers[0].registers[1];
}

static void test_a_driver_decodes_its_own_answers(void **state)
{
	static const struct driver driver = { .name = "test", .plan = driver_plan, .decode = driver_decode };
	static const struct {
		const char *rule;
		enum answer_result result;
		uint16_t regs[2];
		double value;
		char flag;
	} rows[] = {
		{ "a value", ANSWER_OK, { 42, FLAG_NORMAL }, 42.0, 'N' },
		{ "the driver's flag", ANSWER_OK, { 42, FLAG_CALIBRATION }, 42.0, 'C' },
		{ "a value that the driver takes for old", ANSWER_OK, { 42, FLAG_NO_COMM }, 42.0, 'B' },
		{ "no value", ANSWER_OK, { 0xFFFF, FLAG_FAULT }, NAN, 'D' },
		{ "a number that no instrument measures", ANSWER_OK, { 0xFFFF, FLAG_NORMAL }, NAN, 'D' },
		{ "no answer", ANSWER_TIMEOUT, { 42, FLAG_NORMAL }, NAN, 'B' },
		{ "a refusal", ANSWER_EXCEPTION, { 42, FLAG_NORMAL }, NAN, 'D' },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile *p = one_channel();
		struct answer answer = { .result = rows[i].result, .registers = { rows[i].regs[0], rows[i].regs[1] } };
		double value;
		enum flag flag;
		p->driver = &driver;
		assert_int_equal(plan_requests(p), 0);
		assert_int_equal(p->n_requests, 1); /* the driver's; the channel's field is not read */
		decode_channel(p, &p->channels[0], &answer, &value, &flag);
		bool same = isnan(rows[i].value) ? isnan(value) : value == rows[i].value;
		if (!same || flag_letter(flag) != rows[i].flag) {
			fail_msg("%s: found %g %c", rows[i].rule, value, flag_letter(flag));
		}
	}
}

/* ---- a result's time ---- */

static void test_the_time_of_a_result(void **state)
{
	static const struct {
		const char *rule;
		enum result_time_format format;
		uint16_t regs[6];
		const char *expected; /* NULL = no time */
	} rows[] = {
		{ "opaque", RESULT_TIME_OPAQUE, { 0x2603, 0x0208, 0x0000 }, NULL },
		{ "BCD", RESULT_TIME_BCD, { 0x2603, 0x0208, 0x5905 }, "2026-03-02T08:59:05+08:00" },
		{ "BCD: A is not a digit of the tens", RESULT_TIME_BCD, { 0x26A3, 0x0208, 0x0000 }, NULL },
		{ "BCD: A is not a digit of the ones", RESULT_TIME_BCD, { 0x260A, 0x0208, 0x0000 }, NULL },
		{ "BCD: no month 13", RESULT_TIME_BCD, { 0x2613, 0x0208, 0x0000 }, NULL },
		{ "binary, four digits", RESULT_TIME_BINARY, { 2026, 3, 2, 8, 59, 5 }, "2026-03-02T08:59:05+08:00" },
		{ "binary, two digits", RESULT_TIME_BINARY, { 26, 3, 2, 8, 59, 5 }, "2026-03-02T08:59:05+08:00" },
		{ "binary: no 30 February", RESULT_TIME_BINARY, { 2026, 2, 30, 8, 59, 5 }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[TIME_TEXT_SIZE] = "none";
		struct utc at;
		if (decode_result_time(rows[i].format, rows[i].regs, 480, &at)) {
			time_format(at, 480, text);
		}
		if (strcmp(text, rows[i].expected ? rows[i].expected : "none") != 0) {
			fail_msg("%s: found %s", rows[i].rule, text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_made_with_the_help_of_other_registers),
		cmocka_unit_test(test_a_driver_decodes_its_own_answers),
		cmocka_unit_test(test_the_time_of_a_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
