/* test_decode.c - decodes registers to values and flags. */
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

/* Four registers of a number, and texts. */
static void test_long_fields(void **state)
{
	static const struct {
		const char *rule;
		enum reg_type type;
		enum reg_order order;
		uint8_t registers; /* of BCD and ASCII */
		uint16_t regs[8];
		double expected; /* NAN = the reading has no number and the flag D */
	} rows[] = {
		{ "f64 ABCD", REG_F64, ORDER_ABCD, 0, { 0x405E, 0xDD2F, 0x1A9F, 0xBE77 }, 123.456 },
		{ "f64 CDAB", REG_F64, ORDER_CDAB, 0, { 0xBE77, 0x1A9F, 0xDD2F, 0x405E }, 123.456 },
		{ "f64 BADC", REG_F64, ORDER_BADC, 0, { 0x5E40, 0x2FDD, 0x9F1A, 0x77BE }, 123.456 },
		{ "f64 DCBA", REG_F64, ORDER_DCBA, 0, { 0x77BE, 0x9F1A, 0x2FDD, 0x5E40 }, 123.456 },
		{ "u64", REG_U64, ORDER_ABCD, 0, { 0, 1, 0, 2 }, 4294967298.0 },
		{ "i64 is signed", REG_I64, ORDER_ABCD, 0, { 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE }, -2.0 },
		{ "BCD", REG_BCD, ORDER_ABCD, 2, { 0x1234, 0x5678 }, 12345678.0 },
		{ "BCD, words swapped", REG_BCD, ORDER_CDAB, 2, { 0x5678, 0x1234 }, 12345678.0 },
		{ "BCD: A is not a digit", REG_BCD, ORDER_ABCD, 1, { 0x12A4 }, NAN },
		{ "text", REG_ASCII, ORDER_ABCD, 4, { 0x3030, 0x3132, 0x2E33, 0x3435 }, 12.345 },
		{ "text, bytes swapped", REG_ASCII, ORDER_BADC, 2, { 0x3231, 0x352E }, 12.5 },
		{ "text with blanks around it", REG_ASCII, ORDER_ABCD, 4, { 0x2020, 0x2D31, 0x2E35, 0x2020 }, -1.5 },
		{ "text with zero bytes after it", REG_ASCII, ORDER_ABCD, 5, { 0x372E, 0x3500, 0, 0, 0 }, 7.5 },
		{ "text of the greatest length", REG_ASCII, ORDER_ABCD, 8,
			{ 0x3030, 0x3030, 0x3030, 0x3030, 0x3030, 0x3030, 0x3034, 0x322E }, 42.0 },
		{ "text: a zero byte between digits", REG_ASCII, ORDER_ABCD, 2, { 0x3100, 0x3200 }, NAN },
		{ "text: only blanks", REG_ASCII, ORDER_ABCD, 2, { 0x2020, 0x2020 }, NAN },
		{ "text: a word", REG_ASCII, ORDER_ABCD, 2, { 0x4552, 0x5221 }, NAN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile *p = one_channel(rows[i].type, rows[i].order);
		double value;
		enum flag flag;
		p->channels[0].field.registers = rows[i].registers;
		decode(p, rows[i].regs, ARRAY_SIZE(rows[i].regs), &value, &flag);
		bool none = isnan(rows[i].expected);
		if ((none ? !isnan(value) : value != rows[i].expected) || flag != (none ? FLAG_FAULT : FLAG_NORMAL)) {
			fail_msg("%s: found %.17g %c", rows[i].rule, value, flag_letter(flag));
		}
	}
}

/* Floats that are no measured values, and bounds of the register's own number. */
static void test_numbers_that_no_instrument_measures(void **state)
{
	static const struct {
		const char *rule;
		enum reg_type type;
		char flag; /* expected, with the value */
		double value;
		uint16_t regs[4];
	} rows[] = {
		{ "zero is a value", REG_F32, 'N', 0.0, { 0x0000, 0x0000 } },
		{ "0x8000 twice", REG_F32, 'D', NAN, { 0x8000, 0x8000 } },
		{ "a huge float", REG_F32, 'D', NAN, { 0x7F7F, 0xFFFF } },
		{ "a float equal to an absent integer is a value", REG_F32, 'N', 60.0, { 0x4270, 0x0000 } },
		{ "a double equal to an absent integer is a value", REG_F64, 'N', 60.0, { 0x404E, 0, 0, 0 } },
		{ "an integer equal to an absent integer is absent", REG_U16, 'D', NAN, { 60 } },
		{ "a broken current loop", REG_U16, 'D', NAN, { 3 } },
		{ "the least of the loop", REG_U16, 'N', 4.0, { 4 } },
		{ "the most of the loop", REG_U16, 'N', 200.0, { 200 } },
		{ "above the loop", REG_U16, 'T', 201.0, { 201 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile *p = one_channel(rows[i].type, ORDER_ABCD);
		double value;
		enum flag flag;
		p->channels[0].absent[0] = 60;
		p->channels[0].n_absent = 1;
		p->channels[0].raw_min = rows[i].type == REG_U16 ? 4.0 : NAN;
		p->channels[0].raw_max = 200.0;
		decode(p, rows[i].regs, 4, &value, &flag);
		bool same = isnan(rows[i].value) ? isnan(value) : value == rows[i].value;
		if (!same || flag_letter(flag) != rows[i].flag) {
			fail_msg("%s: found %g %c", rows[i].rule, value, flag_letter(flag));
		}
	}
}

/* 0 is given as absent: so is the float -0, whose bits are others. */
static void test_an_absent_zero_has_two_signs(void **state)
{
	static const uint16_t regs[] = { 0x8000, 0x0000 };
	struct profile *p = one_channel(REG_F32, ORDER_ABCD);
	double value;
	enum flag flag;

	(void)state;
	p->channels[0].n_absent = 1;
	decode(p, regs, 2, &value, &flag);
	assert_true(isnan(value) && flag == FLAG_FAULT);
}

static void test_words_of_answers(void **state)
{
	static const struct {
		struct answer answer;
		const char *words;
	} rows[] = {
		{ { .result = ANSWER_NONE }, "not read yet" },
		{ { .result = ANSWER_OK }, "ok" },
		{ { .result = ANSWER_TIMEOUT }, "no answer within the time-out" },
		{ { .result = ANSWER_BROKEN, .trouble = TROUBLE_CHECKSUM }, "an answer with a wrong checksum" },
		{ { .result = ANSWER_BROKEN, .trouble = TROUBLE_CLOSED }, "no connection" },
		{ { .result = ANSWER_EXCEPTION, .exception = 2 }, "exception 2 (illegal data address)" },
		{ { .result = ANSWER_GATEWAY, .exception = 11 },
			"exception 11 (the device behind the gateway does not answer)" },
		{ { .result = ANSWER_EXCEPTION, .exception = 7 }, "exception 7 (unknown code)" },
		{ { .result = ANSWER_EXCEPTION, .exception = 200 }, "exception 200 (unknown code)" },
	};
	char words[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(answer_text(&rows[i].answer, words, sizeof(words)), rows[i].words);
	}
}

/* Two channels in one request; the device refuses the register of the second. */
static void test_a_refused_register_is_a_fault_of_its_channel_only(void **state)
{
	struct profile *p = one_channel(REG_U16, ORDER_ABCD);
	struct answer answer = { .result = ANSWER_OK, .registers = { 42, 43 }, .refused = { 1 << 1 } };
	double value;
	enum flag flag;

	(void)state;
	p->n_channels = 2;
	p->channels[1] = p->channels[0];
	p->channels[1].field.address++;
	assert_int_equal(plan_requests(p), 0);
	assert_int_equal(p->n_requests, 1);
	decode_channel(p, &p->channels[0], &answer, &value, &flag);
	assert_true(value == 42.0 && flag == FLAG_NORMAL);
	decode_channel(p, &p->channels[1], &answer, &value, &flag);
	assert_true(isnan(value) && flag == FLAG_FAULT);
	assert_null(decode_registers(p, &p->channels[1].field, &answer));
	p->channels[1].field.address = 500; /* in no request */
	decode_channel(p, &p->channels[1], &answer, &value, &flag);
	assert_true(isnan(value) && flag == FLAG_FAULT);
}

static void test_rules_of_a_status(void **state)
{
	static const struct {
		const char *rule;
		struct status_rule given; /* its flag is C */
		enum reg_type type;
		uint16_t regs[2];
		bool known;
	} rows[] = {
		{ "one of the bits is set", { .mask = 0x06 }, REG_U16, { 0x0104 }, true },
		{ "none of the bits is set", { .mask = 0x06 }, REG_U16, { 0xFFF9 }, false },
		{ "the masked number is in range", { .mask = 0x0F, .by_value = true, .from = 2, .to = 3 }, REG_U16,
			{ 0xF3 }, true },
		{ "the masked number is above", { .mask = 0x0F, .by_value = true, .from = 2, .to = 3 }, REG_U16,
			{ 0xF4 }, false },
		{ "the number is below", { .from = 2, .to = 3 }, REG_U16, { 1 }, false },
		{ "a float near the code", { .from = 2, .to = 2 }, REG_F32, { 0x4000, 0x00C8 }, true }, /* 2.00005 */
		{ "a float not near the code", { .from = 2, .to = 2 }, REG_F32, { 0x4000, 0x0400 },
			false }, /* 2.00024 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile *p = one_channel(REG_U16, ORDER_ABCD);
		struct answer answers[2] = { { .result = ANSWER_OK, .registers = { 42 } }, { .result = ANSWER_OK } };
		uint64_t code;
		enum flag flag;
		p->n_statuses = 1;
		p->statuses[0].field = (struct reg_field){ .function = 4, .type = rows[i].type };
		p->statuses[0].rules[0] = rows[i].given;
		p->statuses[0].rules[0].flag = FLAG_CALIBRATION;
		p->statuses[0].n_rules = 1;
		p->statuses[0].otherwise = FLAG_MAINTENANCE;
		assert_int_equal(plan_requests(p), 0);
		memcpy(answers[1].registers, rows[i].regs, sizeof(rows[i].regs));
		bool known = decode_status(p, &p->statuses[0], answers, &flag, &code);
		if (known != rows[i].known || flag != (known ? FLAG_CALIBRATION : FLAG_MAINTENANCE)) {
			fail_msg("%s: found %d %c", rows[i].rule, known, flag_letter(flag));
		}
	}
}

/* A status of all channels that does not arrive gives its flag to the value that did. */
static void test_a_status_that_does_not_arrive(void **state)
{
	struct profile *p = one_channel(REG_U16, ORDER_ABCD);
	struct answer answers[2] = { { .result = ANSWER_OK, .registers = { 42 } }, { .result = ANSWER_TIMEOUT } };
	double value;
	enum flag flag;
	uint64_t code = 1;

	(void)state;
	p->n_statuses = 2;
	p->statuses[0].field = p->statuses[1].field = (struct reg_field){ .function = 4, .type = REG_U16 };
	p->statuses[0].of_all = true; /* the second one belongs to no channel */
	assert_int_equal(plan_requests(p), 0);
	assert_true(decode_status(p, &p->statuses[0], answers, &flag, &code));
	assert_true(flag == FLAG_NO_COMM && code == 0);
	decode_channel(p, &p->channels[0], answers, &value, &flag);
	assert_true(value == 42.0 && flag == FLAG_NO_COMM);
	p->statuses[0].of_all = false;
	decode_channel(p, &p->channels[0], answers, &value, &flag);
	assert_true(value == 42.0 && flag == FLAG_NORMAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_and_orders),
		cmocka_unit_test(test_what_is_no_value_has_no_number),
		cmocka_unit_test(test_scale_and_offset),
		cmocka_unit_test(test_the_gravest_status_wins_and_the_unknown_is_a_fault),
		cmocka_unit_test(test_a_read_that_failed_has_a_flag_and_no_number),
		cmocka_unit_test(test_long_fields),
		cmocka_unit_test(test_numbers_that_no_instrument_measures),
		cmocka_unit_test(test_an_absent_zero_has_two_signs),
		cmocka_unit_test(test_words_of_answers),
		cmocka_unit_test(test_a_refused_register_is_a_fault_of_its_channel_only),
		cmocka_unit_test(test_rules_of_a_status),
		cmocka_unit_test(test_a_status_that_does_not_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
