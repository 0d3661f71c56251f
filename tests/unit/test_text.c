/* test_text.c - encodings in which users save files, and words that they misspell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "common/text.h"

static void test_encodings(void **state)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t n;
		const char *trouble; /* a part of the complaint; NULL for no complaint */
		size_t at;
	} rows[] = {
		{ "nothing", "", 0, NULL, 0 },
		{ "Latin", "site", 4, NULL, 0 },
		{ "Chinese", "\xE7\x83\xA7\xE7\xBB\x93", 6, NULL, 0 },
		{ "four bytes", "\xF0\xA0\x80\x80", 4, NULL, 0 },
		{ "GBK", "id=\xC9\xD5\xBD\xE1", 7, "perhaps GBK", 3 },
		{ "a character cut off", "a\xE7\x83", 3, "not UTF-8", 1 },
		{ "an overlong slash", "\xC0\xAF", 2, "not UTF-8", 0 },
		{ "an overlong three-byte form", "\xE0\x80\xAF", 3, "not UTF-8", 0 },
		{ "a surrogate", "\xED\xA0\x80", 3, "not UTF-8", 0 },
		{ "above U+10FFFF", "\xF4\x90\x80\x80", 4, "not UTF-8", 0 },
		{ "UTF-16 with its mark", "\xFF\xFEs\0i\0", 6, "UTF-16", 0 },
		{ "UTF-16, the other way round", "\xFE\xFF\0s\0i", 6, "UTF-16", 0 },
		{ "UTF-16 without a mark", "s\0i\0t\0", 6, "UTF-16", 0 },
		{ "a zero byte", "site\0x", 6, "zero byte", 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t at = 0;
		const char *trouble = text_encoding_trouble(rows[i].bytes, rows[i].n, &at);
		bool as_expected = rows[i].trouble ? trouble && strstr(trouble, rows[i].trouble) : !trouble;
		if (!as_expected || at != rows[i].at) {
			fail_msg("%s: found \"%s\" at %zu", rows[i].what, trouble ? trouble : "none", at);
		}
	}
}

static void test_the_nearest_word(void **state)
{
	static const char *const words[] = { "ultra-low", "special", "steel.sinter-head", "so2", "broker" };
	static const struct {
		const char *word;
		const char *nearest;
	} rows[] = {
		{ "ultralow", "ultra-low" },
		{ "Ultra-Low", "ultra-low" },
		{ "steel.sinterhead", "steel.sinter-head" },
		{ "brokr", "broker" },
		{ "borker", "broker" },
		{ "s02", "so2" },
		{ "nox", NULL },
		{ "bakery", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *nearest = NULL;
		for (size_t k = 0; k < ARRAY_SIZE(words); k++) {
			text_keep_nearest(rows[i].word, words[k], &nearest);
		}
		if (rows[i].nearest ? !nearest || strcmp(nearest, rows[i].nearest) != 0 : nearest != NULL) {
			fail_msg("%s: found \"%s\"", rows[i].word, nearest ? nearest : "none");
		}
	}
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("ab", "ba"), 1);
	char hint[TEXT_HINT_SIZE];
	assert_string_equal(text_did_you_mean("so2", hint), "; did you mean \"so2\"?");
	assert_string_equal(text_did_you_mean(NULL, hint), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_the_nearest_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
