/* test_bytes.c - numbers as bytes and back, bytes that end too early, and no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/array.h"
#include "common/bytes.h"

/* The linker redirects realloc() to these functions (--wrap). */
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool no_memory;

void *__wrap_realloc(void *old, size_t size)
{
	return no_memory ? NULL : __real_realloc(old, size);
}

static void test_integers_come_back(void **state)
{
	static const struct {
		int64_t value;
		size_t bytes; /* as a signed integer */
	} rows[] = { { 0, 1 }, { -1, 1 }, { 63, 1 }, { 64, 2 }, { -64, 1 }, { -65, 2 }, { INT64_MAX, 10 },
		{ INT64_MIN, 10 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes_out out = { 0 };
		bytes_put_signed(&out, rows[i].value);
		assert_int_equal(out.n, rows[i].bytes);
		bytes_put_unsigned(&out, (uint64_t)rows[i].value);
		bytes_put_u8(&out, 0xA5);
		assert_false(out.failed);
		struct bytes_in in = { .data = out.data, .left = out.n };
		assert_true(bytes_get_signed(&in) == rows[i].value);
		assert_true(bytes_get_unsigned(&in) == (uint64_t)rows[i].value);
		assert_int_equal(bytes_get_u8(&in), 0xA5);
		assert_true(in.left == 0 && !in.failed);
		free(out.data);
	}
}

static void test_eight_bytes_lowest_first(void **state)
{
	static const unsigned char expected[] = { 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x81 };
	unsigned char bytes[8];

	(void)state;
	bytes_store64(bytes, 0x8102030405060708);
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_true(bytes_load64(bytes) == 0x8102030405060708);
}

static void test_what_ends_too_early_or_too_late_is_zero(void **state)
{
	static const unsigned char endless[] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 };
	struct bytes_in cut = { .data = endless, .left = 3 }, in = { .data = endless, .left = sizeof(endless) };

	(void)state;
	assert_true(bytes_get_unsigned(&cut) == 0 && cut.failed);
	assert_true(bytes_get_unsigned(&in) == 0 && in.failed); /* more than 64 bits */
	assert_null(bytes_get(&in, 1));                         /* the failure stays */
	assert_int_equal(bytes_get_u8(&in), 0);
}

static void test_no_memory(void **state)
{
	struct bytes_out out = { 0 };
	static const char text[200] = "x";

	(void)state;
	bytes_put(&out, "", 0);
	bytes_put(&out, "ab", 2);
	no_memory = true;
	bytes_put(&out, text, sizeof(text));
	no_memory = false;
	assert_true(out.failed && out.n == 2);
	assert_memory_equal(out.data, "ab", 2);
	bytes_put(&out, "c", 1); /* the failure stays, or the bytes would have a hole */
	bytes_put(&out, text, sizeof(text));
	assert_true(out.failed && out.n == 2);
	free(out.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_come_back),
		cmocka_unit_test(test_eight_bytes_lowest_first),
		cmocka_unit_test(test_what_ends_too_early_or_too_late_is_zero),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
