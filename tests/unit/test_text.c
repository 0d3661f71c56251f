/* test_text.c - encodings in which users save files, words that they misspell, and text made visible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "common/mend.h"
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
		{ "UTF-16 without a mark, the other way round", "\0s\0i\0t", 6, "UTF-16", 0 },
		{ "a zero byte", "site\0x", 6, "zero byte", 4 },
		{ "a zero byte as the second", "s\0it", 4, "zero byte", 1 },
		{ "a zero byte as the first", "\0sit", 4, "zero byte", 0 },
		{ "one letter", "s", 1, NULL, 0 },
		{ "GBK before a zero byte", "\xC9\xD5\0", 3, "perhaps GBK", 0 },
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
	const char *nearest = NULL;
	text_keep_nearest("brokar", "brokers", &nearest);
	assert_string_equal(nearest, "brokers");
	text_keep_nearest("brokar", "broker", &nearest); /* one letter less */
	assert_string_equal(nearest, "broker");
	text_keep_nearest("brokar", "brokur", &nearest); /* as near: the first one stays */
	text_keep_nearest("brokar", "brokers", &nearest);
	assert_string_equal(nearest, "broker");
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("ab", "ba"), 1);
	char hint[TEXT_HINT_SIZE];
	assert_string_equal(text_did_you_mean("so2", hint), "; did you mean \"so2\"?");
	assert_string_equal(text_did_you_mean(NULL, hint), "");
}

static void test_words_that_are_too_long_are_like_no_other(void **state)
{
	char word[65];

	(void)state;
	memset(word, 'a', sizeof(word));
	word[64] = '\0';
	assert_int_equal(text_distance(word, "aa"), 64);
	assert_int_equal(text_distance("aa", word), 64);
	word[63] = '\0';
	assert_int_equal(text_distance(word, "aa"), 61);
	assert_true(text_is_name(word, 63));
	assert_false(text_is_name(word, 62));
}

static void test_visible_text_shows_what_it_holds(void **state)
{
	static const struct {
		const char *text;
		const char *shown; /* NULL = as it is */
	} rows[] = {
		{ "SO\xE2\x82\x82 \xE7\x83\xA7\xE7\xBB\x93 \xF0\xA0\x80\x80", NULL },
		{ "a\tb\n", "a\\x09b\\x0a" },
		{ "\x1B[2J", "\\x1b[2J" },
		{ "\x7F", "\\x7f" },
		{ "\xC9\xD5", "\\xc9\\xd5" },
		{ "\xE7\x83", "\\xe7\\x83" },
		{ "\xC2\x80\xC2\x9F\xC2\xA0", "\\u0080\\u009f\xC2\xA0" },
		{ "\xE2\x80\x8D\xE2\x80\x8E\xE2\x80\x8F\xE2\x80\x90", "\xE2\x80\x8D\\u200e\\u200f\xE2\x80\x90" },
		{ "\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xAE\xE2\x80\xAF", "\xE2\x80\xA7\\u2028\\u202e\xE2\x80\xAF" },
		{ "\xE2\x81\xA5\xE2\x81\xA6\xE2\x81\xA9\xE2\x81\xAA", "\xE2\x81\xA5\\u2066\\u2069\xE2\x81\xAA" },
	};
	char shown[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *expected = rows[i].shown ? rows[i].shown : rows[i].text;
		assert_int_equal(mend_visible(rows[i].text, shown, sizeof(shown)), strlen(expected));
		assert_string_equal(shown, expected);
	}
	assert_int_equal(mend_visible("abc\n", shown, 7), 3); /* "\x0a" does not fit */
	assert_string_equal(shown, "abc");
	assert_int_equal(mend_visible("abc\n", shown, 8), 7);
}

static void test_mended_text_is_utf8(void **state)
{
	char mended[MEND_ROOM(8)];

	(void)state;
	assert_int_equal(mend_text("a\xC9\xE7\x83\xA7", mended), 7);
	assert_string_equal(mended, "a\xEF\xBF\xBD\xE7\x83\xA7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_the_nearest_word),
		cmocka_unit_test(test_words_that_are_too_long_are_like_no_other),
		cmocka_unit_test(test_visible_text_shows_what_it_holds),
		cmocka_unit_test(test_mended_text_is_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
