/* test_plan.c - plans requests, cuts them in two, and looks things up in a profile. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "core/plan.h"

/* A channel at address 100. */
static struct profile *one_channel(enum reg_type type)
{
	static struct profile p;

	memset(&p, 0, sizeof(p));
	p.max_registers = REQUEST_REGISTERS;
	p.n_channels = 1;
	channel_init(&p.channels[0]);
	p.channels[0].field = (struct reg_field){ .function = 3, .address = 100, .type = type };
	return &p;
}

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
	struct profile *p = one_channel(REG_F32);

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

/* Fields at other intervals and over forbidden registers are other requests, a hole or not. */
static void test_what_is_not_read_together(void **state)
{
	static const struct {
		const char *rule;
		struct reg_field second; /* the first is at address 100 */
		struct forbidden forbidden;
		size_t requests;
	} rows[] = {
		{ "over a hole", { .function = 3, .address = 105, .type = REG_U16 }, { 0 }, 1 },
		{ "at another interval", { .function = 3, .address = 101, .type = REG_U16, .every_s = 60 }, { 0 }, 2 },
		{ "over a forbidden register", { .function = 3, .address = 105, .type = REG_U16 }, { 3, 103, 103 }, 2 },
		{ "over a forbidden register at the start of the hole",
			{ .function = 3, .address = 105, .type = REG_U16 }, { 3, 90, 101 }, 2 },
		{ "over a forbidden register at its end", { .function = 3, .address = 105, .type = REG_U16 },
			{ 3, 104, 104 }, 2 },
		{ "the register of another function is forbidden", { .function = 3, .address = 105, .type = REG_U16 },
			{ 4, 103, 103 }, 1 },
		{ "a register behind is forbidden", { .function = 3, .address = 105, .type = REG_U16 }, { 3, 106, 107 },
			1 },
		{ "a register before is forbidden", { .function = 3, .address = 105, .type = REG_U16 }, { 3, 90, 99 },
			1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile *p = one_channel(REG_U16);
		p->max_gap = 10;
		p->n_channels = 2;
		p->channels[1].field = rows[i].second;
		p->forbidden[0] = rows[i].forbidden;
		p->n_forbidden = 1;
		assert_int_equal(plan_requests(p), 0);
		if (p->n_requests != rows[i].requests) {
			fail_msg("%s: found %zu", rows[i].rule, p->n_requests);
		}
	}
}

static void test_a_plan_has_bounds(void **state)
{
	struct profile *p = one_channel(REG_U64);

	(void)state;
	p->max_registers = 3;
	assert_int_equal(plan_requests(p), -EMSGSIZE);
	p->max_registers = 4;
	assert_int_equal(plan_requests(p), 0);
	p->n_channels = PROFILE_REQUESTS;
	for (size_t i = 0; i < p->n_channels; i++) {
		p->channels[i].field =
			(struct reg_field){ .function = 3, .address = (uint16_t)(10 * i), .type = REG_U16 };
	}
	assert_int_equal(plan_requests(p), 0);
	p->channels[p->n_channels++].field = (struct reg_field){ .function = 4, .type = REG_U16 };
	assert_int_equal(plan_requests(p), -ENOSPC);
}

static void test_the_request_of_a_field(void **state)
{
	static const struct {
		const char *rule;
		struct reg_field field;
		bool planned;
	} rows[] = {
		{ "the field", { .function = 3, .address = 100, .type = REG_F32 }, true },
		{ "a part of it", { .function = 3, .address = 101, .type = REG_U16 }, true },
		{ "another function", { .function = 4, .address = 100, .type = REG_F32 }, false },
		{ "another interval", { .function = 3, .address = 100, .type = REG_F32, .every_s = 60 }, false },
		{ "an address before", { .function = 3, .address = 99, .type = REG_F32 }, false },
		{ "more registers", { .function = 3, .address = 101, .type = REG_F32 }, false },
	};
	struct profile *p = one_channel(REG_F32);

	(void)state;
	assert_int_equal(plan_requests(p), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (plan_request_of(p, &rows[i].field) != (rows[i].planned ? &p->requests[0] : NULL)) {
			fail_msg("%s", rows[i].rule);
		}
	}
}

/* ---- split ---- */

/* Fields around the request {3, 100, 10} of the interval 0; those of the last three rows do not lie in it. */
static void test_a_request_is_cut_between_fields(void **state)
{
	static const struct reg_field others[] = {
		{ .function = 4, .address = 104, .type = REG_F64 },
		{ .function = 3, .address = 104, .type = REG_F64, .every_s = 60 },
		{ .function = 3, .address = 98, .type = REG_F64 },
		{ .function = 3, .address = 108, .type = REG_F64 },
	};
	static const struct {
		const char *rule;
		size_t n;
		struct {
			uint16_t address;
			enum reg_type type;
		} fields[5];
		uint16_t first[2], second[2]; /* address and count; no count = no cut */
	} rows[] = {
		{ "in the middle", 5,
			{ { 100, REG_F32 }, { 102, REG_F32 }, { 105, REG_U16 }, { 106, REG_F32 }, { 108, REG_F32 } },
			{ 100, 4 }, { 105, 5 } },
		{ "before the field in the middle", 3, { { 100, REG_U16 }, { 103, REG_F64 }, { 108, REG_F32 } },
			{ 100, 1 }, { 103, 7 } },
		{ "behind the field in the middle", 3, { { 100, REG_F64 }, { 104, REG_F32 }, { 109, REG_U16 } },
			{ 100, 4 }, { 104, 6 } },
		{ "only one field", 1, { { 100, REG_F64 } }, { 0 }, { 0 } },
		{ "no field", 0, { { 0 } }, { 0 }, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct request whole = { .function = 3, .address = 100, .count = 10 };
		struct request first = { 0 }, second = { 0 };
		struct profile *p = one_channel(REG_U16);
		p->n_channels = rows[i].n;
		for (size_t k = 0; k < rows[i].n; k++) {
			p->channels[k].field = (struct reg_field){
				.function = 3, .address = rows[i].fields[k].address, .type = rows[i].fields[k].type
			};
		}
		for (size_t k = 0; k < ARRAY_SIZE(others); k++) {
			p->channels[p->n_channels++].field = others[k];
		}
		bool cut = plan_split(p, &whole, &first, &second);
		if (cut != (rows[i].first[1] > 0) || first.address != rows[i].first[0] ||
			first.count != rows[i].first[1] || second.address != rows[i].second[0] ||
			second.count != rows[i].second[1] || first.function != (cut ? 3 : 0)) {
			fail_msg("%s: found %u+%u and %u+%u", rows[i].rule, first.address, first.count, second.address,
				second.count);
		}
	}
}

/* ---- profiles ---- */

static void test_what_tells_no_value(void **state)
{
	static const struct {
		const char *rule;
		enum reg_type type;
		bool tells; /* expected */
		double min, max, raw_min, raw_max;
		size_t n_absent;
	} rows[] = {
		{ "a bit needs no range", REG_BIT, true, NAN, NAN, NAN, NAN, 0 },
		{ "digits need no range", REG_BCD, true, NAN, NAN, NAN, NAN, 0 },
		{ "text needs no range", REG_ASCII, true, NAN, NAN, NAN, NAN, 0 },
		{ "a number without a sign", REG_U16, false, NAN, NAN, NAN, NAN, 0 },
		{ "a number without a sign and its maximum", REG_U32, true, NAN, 10.0, NAN, NAN, 0 },
		{ "a number without a sign and its raw maximum", REG_U64, true, NAN, NAN, NAN, 10.0, 0 },
		{ "a number without a sign and its minimum", REG_U8HI, false, 1.0, NAN, NAN, NAN, 0 },
		{ "a number without a sign and an absent value", REG_U8LO, true, NAN, NAN, NAN, NAN, 1 },
		{ "a number with a sign", REG_I16, false, NAN, NAN, NAN, NAN, 0 },
		{ "a number with a sign and its maximum", REG_I32, false, NAN, 10.0, NAN, NAN, 0 },
		{ "a number with a sign and its minimum", REG_I64, false, 1.0, NAN, NAN, NAN, 0 },
		{ "a number with a sign and its range", REG_F32, true, 1.0, 10.0, NAN, NAN, 0 },
		{ "a number with a sign and its raw range", REG_F64, true, NAN, NAN, 1.0, 10.0, 0 },
		{ "a number with a sign and an absent value", REG_I16, true, NAN, NAN, NAN, NAN, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct channel c = { .field = { .type = rows[i].type },
			.min = rows[i].min,
			.max = rows[i].max,
			.raw_min = rows[i].raw_min,
			.raw_max = rows[i].raw_max,
			.n_absent = rows[i].n_absent };
		if (channel_detects_no_value(&c) != rows[i].tells) {
			fail_msg("%s", rows[i].rule);
		}
	}
}

static void test_names_and_fields(void **state)
{
	const struct reg_field *fields[PROFILE_FIELDS];
	struct profile *p = one_channel(REG_F32);

	(void)state;
	p->n_channels = p->n_statuses = 2;
	p->n_auxiliaries = 1;
	strcpy(p->channels[0].name, "so2");
	strcpy(p->channels[1].name, "nox");
	strcpy(p->statuses[0].name, "state");
	strcpy(p->statuses[1].name, "alarm");
	assert_ptr_equal(profile_channel(p, "nox"), &p->channels[1]);
	assert_null(profile_channel(p, "state"));
	assert_ptr_equal(profile_status(p, "alarm"), &p->statuses[1]);
	assert_null(profile_status(p, "so2"));
	p->channels[1].result_time.registers = 3;
	assert_int_equal(profile_fields(p, fields), 6); /* 2 channels, a time, 2 statuses and an auxiliary */
	assert_ptr_equal(fields[2], &p->channels[1].result_time);
	assert_ptr_equal(fields[5], &p->auxiliaries[0].field);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans_keep_their_bounds_and_cover_every_field),
		cmocka_unit_test(test_plan_examples),
		cmocka_unit_test(test_what_is_not_read_together),
		cmocka_unit_test(test_a_plan_has_bounds),
		cmocka_unit_test(test_the_request_of_a_field),
		cmocka_unit_test(test_a_request_is_cut_between_fields),
		cmocka_unit_test(test_what_tells_no_value),
		cmocka_unit_test(test_names_and_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
