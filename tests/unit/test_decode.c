/* test_decode.c - decodes registers to values and flags, and plans requests. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "core/decode.h"
#include "core/plan.h"

static struct profile *one_channel(enum reg_type type, enum reg_order order)
{
	static struct profile p;

	memset(&p, 0, sizeof(p));
	p.max_registers = REQUEST_REGISTERS;
	p.n_channels = 1;
	channel_init(&p.channels[0]);
	p.channels[0].field =
		(struct reg_field){ .function = type == REG_BIT ? 1 : 3, .address = 100, .type = type, .order = order };
	return &p;
}

static void decode(struct profile *p, const uint16_t *regs, size_t n, double *value, enum flag *flag)
{
	struct answer answers[4] = { { .result = ANSWER_OK } };

	assert_int_equal(plan_requests(p), 0);
	memcpy(answers[0].registers, regs, n * sizeof(*regs));
	decode_channel(p, &p->channels[0], answers, value, flag);
}

static void test_types_and_orders(void **state)
{
	/* 123.456 is 42 F6 E9 79; -2 in 32 bits is FF FF FF FE; 40 A1 A8 9D is from a published Jiangsu frame. */
	static const struct {
		const char *rule;
		enum reg_type type;
		enum reg_order order;
		uint16_t regs[2];
		double expected;
	} rows[] = {
		{ "f32 ABCD", REG_F32, ORDER_ABCD, { 0x42F6, 0xE979 }, 123.456 },
		{ "f32 CDAB", REG_F32, ORDER_CDAB, { 0xE979, 0x42F6 }, 123.456 },
		{ "f32 BADC", REG_F32, ORDER_BADC, { 0xF642, 0x79E9 }, 123.456 },
		{ "f32 DCBA", REG_F32, ORDER_DCBA, { 0x79E9, 0xF642 }, 123.456 },
		{ "the published Jiangsu frame", REG_F32, ORDER_ABCD, { 0x40A1, 0xA89D }, 5.0518 },
		{ "u32 ABCD", REG_U32, ORDER_ABCD, { 0x0001, 0x0002 }, 65538.0 },
		{ "u32 CDAB", REG_U32, ORDER_CDAB, { 0x0002, 0x0001 }, 65538.0 },
		{ "i32 is signed", REG_I32, ORDER_ABCD, { 0xFFFF, 0xFFFE }, -2.0 },
		{ "u16", REG_U16, ORDER_ABCD, { 0xFFFE, 0 }, 65534.0 },
		{ "i16 is signed", REG_I16, ORDER_ABCD, { 0xFFFE, 0 }, -2.0 },
		{ "high byte", REG_U8HI, ORDER_ABCD, { 0x1234, 0 }, 18.0 },
		{ "low byte", REG_U8LO, ORDER_ABCD, { 0x1234, 0 }, 52.0 },
		{ "bit", REG_BIT, ORDER_ABCD, { 1, 0 }, 1.0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double value;
		enum flag flag;
		decode(one_channel(rows[i].type, rows[i].order), rows[i].regs, 2, &value, &flag);
		if (!(fabs(value - rows[i].expected) < 1e-4) || flag != FLAG_NORMAL) {
			fail_msg("%s: found %g %c", rows[i].rule, value, flag_letter(flag));
		}
	}
}

static void test_what_is_no_value_has_no_number(void **state)
{
	static const struct {
		const char *rule;
		enum reg_type type;
		uint16_t regs[2];
		double value; /* NAN = the reading has no number */
		char flag;
	} rows[] = {
		{ "NaN", REG_F32, { 0x7FC0, 0x0000 }, NAN, 'D' },
		{ "signalling NaN", REG_F32, { 0x7FA0, 0x0000 }, NAN, 'D' },
		{ "infinity", REG_F32, { 0x7F80, 0x0000 }, NAN, 'D' },
		{ "an absent value, given by its bits", REG_F32, { 0xFFFF, 0xFFFF }, NAN, 'D' },
		{ "an absent value, given by its number", REG_I16, { 0xFFFF, 0 }, NAN, 'D' },
		{ "a value below the minimum", REG_I16, { 0xFFF6, 0 }, NAN, 'D' },
		{ "a value above the maximum", REG_I16, { 501, 0 }, 501.0, 'T' },
		{ "a value equal to the maximum", REG_I16, { 500, 0 }, 500.0, 'N' },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile *p = one_channel(rows[i].type, ORDER_ABCD);
		double value;
		enum flag flag;
		p->channels[0].min = -5.0;
		p->channels[0].max = 500.0;
		p->channels[0].absent[0] = rows[i].type == REG_F32 ? 0xFFFFFFFFLL : -1;
		p->channels[0].n_absent = 1;
		decode(p, rows[i].regs, 2, &value, &flag);
		bool same = isnan(rows[i].value) ? isnan(value) : value == rows[i].value;
		if (!same || flag_letter(flag) != rows[i].flag) {
			fail_msg("%s: found %g %c", rows[i].rule, value, flag_letter(flag));
		}
	}
}

static void test_scale_and_offset(void **state)
{
	static const uint16_t regs[] = { 250 };
	struct profile *p = one_channel(REG_U16, ORDER_ABCD);
	double value;
	enum flag flag;

	(void)state;
	p->channels[0].scale = 0.1;
	p->channels[0].offset = -5.0;
	decode(p, regs, 1, &value, &flag);
	assert_true(fabs(value - 20.0) < 1e-9);
}

/* Two statuses: a fault byte, and a state whose unknown codes give the flag D. */
static void test_the_gravest_status_wins_and_the_unknown_is_a_fault(void **state)
{
	static const struct {
		const char *rule;
		uint16_t word;
		char flag;
	} rows[] = {
		{ "measuring", 0x0000, 'N' },
		{ "also measuring", 0x0001, 'N' },
		{ "calibrating", 0x0003, 'C' },
		{ "a fault is more severe", 0x0103, 'D' },
		{ "an unknown state", 0x0009, 'D' },
	};
	struct profile *p = one_channel(REG_U16, ORDER_ABCD);

	(void)state;
	p->n_statuses = 2;
	p->statuses[0] = (struct status){
		.field = { .function = 3, .address = 101, .type = REG_U8HI }, .n_rules = 1, .otherwise = FLAG_FAULT
	};
	p->statuses[0].rules[0] = (struct status_rule){ .from = 0, .to = 0, .flag = FLAG_NORMAL };
	p->statuses[1] = (struct status){
		.field = { .function = 3, .address = 101, .type = REG_U8LO }, .n_rules = 2, .otherwise = FLAG_FAULT
	};
	p->statuses[1].rules[0] = (struct status_rule){ .from = 0, .to = 1, .flag = FLAG_NORMAL };
	p->statuses[1].rules[1] = (struct status_rule){ .from = 2, .to = 7, .flag = FLAG_CALIBRATION };
	p->channels[0].n_status = 2;
	p->channels[0].status[1] = 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint16_t regs[] = { 42, rows[i].word };
		double value;
		enum flag flag;
		decode(p, regs, 2, &value, &flag);
		if (value != 42.0 || flag_letter(flag) != rows[i].flag) {
			fail_msg("%s: found %g %c", rows[i].rule, value, flag_letter(flag));
		}
	}
}

static void test_a_read_that_failed_has_a_flag_and_no_number(void **state)
{
	static const struct {
		enum answer_result result;
		char flag;
	} rows[] = { { ANSWER_NONE, 'B' }, { ANSWER_TIMEOUT, 'B' }, { ANSWER_BROKEN, 'B' }, { ANSWER_GATEWAY, 'B' },
		{ ANSWER_EXCEPTION, 'D' } };
	struct profile *p = one_channel(REG_U16, ORDER_ABCD);

	(void)state;
	assert_int_equal(plan_requests(p), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct answer answer = { .result = rows[i].result, .registers = { 42 } };
		double value;
		enum flag flag;
		char words[64];
		decode_channel(p, &p->channels[0], &answer, &value, &flag);
		assert_true(isnan(value));
		assert_int_equal(flag_letter(flag), rows[i].flag);
		assert_true(strlen(answer_text(&answer, words, sizeof(words))) > 3);
	}
}

/* ---- plan ---- */

static void random_profile(struct profile *p)
{
	memset(p, 0, sizeof(*p));
	p->max_registers = 2 + (unsigned)rand() % (REQUEST_REGISTERS - 1);
	p->max_gap = (unsigned)rand() % 10;
	p->n_channels = 1 + (size_t)rand() % 20;
	for (size_t i = 0; i < p->n_channels; i++) {
		bool wide = rand() % 2;
		p->channels[i].field = (struct reg_field){ .function = rand() % 2 ? 3 : 4,
			.address = (uint16_t)(rand() % 300),
			.type = wide ? REG_F32 : REG_U16 };
	}
}

static void test_plans_keep_their_bounds_and_cover_every_field(void **state)
{
	static struct profile p;
	unsigned seed = 125;
	int planned = 0;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 2000; round++) {
		random_profile(&p);
		if (plan_requests(&p) < 0) {
			continue;
		}
		planned++;
		for (size_t i = 0; i < p.n_requests; i++) {
			assert_in_range(p.requests[i].count, 1, p.max_registers);
		}
		for (size_t i = 0; i < p.n_channels; i++) {
			assert_non_null(plan_request_of(&p, &p.channels[i].field));
		}
	}
	assert_true(planned > 1000);
}

static void test_plan_examples(void **state)
{
	struct profile *p = one_channel(REG_F32, ORDER_ABCD);

	(void)state;
	p->n_channels = 3;
	p->channels[1].field = (struct reg_field){ .function = 3, .address = 102, .type = REG_F32 };
	p->channels[2].field = (struct reg_field){ .function = 3, .address = 106, .type = REG_U16 };
	assert_int_equal(plan_requests(p), 0);
	assert_int_equal(p->n_requests, 2); /* adjacent fields together; unused registers are not read */
	assert_int_equal(p->requests[0].count, 4);
	p->max_gap = 2;
	assert_int_equal(plan_requests(p), 0);
	assert_int_equal(p->n_requests, 1);
	assert_int_equal(p->requests[0].count, 7);
	p->channels[2].field.function = 4; /* the same addresses with another function are other registers */
	assert_int_equal(plan_requests(p), 0);
	assert_int_equal(p->n_requests, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_and_orders),
		cmocka_unit_test(test_what_is_no_value_has_no_number),
		cmocka_unit_test(test_scale_and_offset),
		cmocka_unit_test(test_the_gravest_status_wins_and_the_unknown_is_a_fault),
		cmocka_unit_test(test_a_read_that_failed_has_a_flag_and_no_number),
		cmocka_unit_test(test_plans_keep_their_bounds_and_cover_every_field),
		cmocka_unit_test(test_plan_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
