/* test_syntax.c - explanations of texts that libconfig refuses; a text that it accepts gets no explanation. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "daemon/conf/conf_syntax.h"
#include "daemon/conf/conf_text.h"

/* Checks that every shipped file is accepted. Returns the number of files. */
static size_t all_are_good(const char *folder)
{
	struct dirent **entries;
	char path[512], sentence[400];
	int n = scandir(folder, &entries, NULL, alphasort), line;
	size_t read = 0;

	for (int i = 0; i < n; i++) {
		struct conf_errors errors = { 0 };
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		char *text = strstr(entries[i]->d_name, ".conf") ? conf_text_read(path, &errors) : NULL;
		if (text && conf_syntax_explain(text, &line, sentence, sizeof(sentence))) {
			fail_msg("%s:%d: %s", path, line, sentence);
		}
		read += text != NULL;
		free(text);
		free(entries[i]);
		conf_errors_finish(&errors);
	}
	if (n >= 0) {
		free(entries);
	}
	return read;
}

static void test_what_is_shipped_is_good(void **state)
{
	(void)state;
	assert_int_equal(all_are_good(SHARE), 2);
	assert_true(all_are_good(SHARE "/profiles.d") >= 25);
	assert_true(all_are_good(SHARE "/limits.d") >= 40);
}

static void test_what_the_language_allows(void **state)
{
	static const char *const good[] = { "", "# nothing\n", "a = 1", "a = 1;", "a : 1,", "a = 1 b = 2", "a = { };",
		"a = ( );", "a = [ ];", "a = { b = 1, c = 2; };", "a = ( 1, \"x\", { }, ( [ 1, 2 ] ) )",
		"a = \"x\" \"y\";", "a = 0x1F; b = 1.5e3L;", "a = TRUE; /* ; */ b = -1;", "a-b_c* = \"\\\"\";",
		"a = .5;", "a=1;b=2", "a={b=1;c=2;d=\"x\"e=3}" };
	char sentence[400];
	int line;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		if (conf_syntax_explain(good[i], &line, sentence, sizeof(sentence))) {
			fail_msg("%s: %s", good[i], sentence);
		}
	}
}

static void test_where_it_is_wrong(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *words;
	} rows[] = {
		{ "a = 1;\nb 2;", 2, "found 2, expected = behind the name of a setting" },
		{ "a = ;", 1, "found ;, expected a value" },
		{ "a = word;", 1, "a text needs quotes: \"word\"" },
		{ "a = ( 1, 2\nb = 3;", 2, "the ( of line 1 is not closed" },
		{ "a = { b = 1;\n\n", 3, "found the end of the file" },
		{ "a = ( 1, );", 1, "take the last comma away" },
		{ "a = ( 1 2 );", 1, "put a comma between two elements" },
		{ "a = 2s;", 1, "needs quotes: \"2s\"" },
		{ "a = \"x;\nb = 1;", 1, "the string that begins in line 1 goes over a line end" },
		{ "a = 1；", 1, "found ； (a fullwidth semicolon)" },
		{ "a = １;", 1, "found １ (a fullwidth character)" },
		{ "} a = 1;", 1, "found }" },
		{ "a = ( ];", 1, "found ]" },
		{ "= 1;", 1, "found =" },
	};
	char sentence[400];
	int line;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool wrong = conf_syntax_explain(rows[i].text, &line, sentence, sizeof(sentence));
		if (!wrong || line != rows[i].line || !strstr(sentence, rows[i].words)) {
			fail_msg("%s: found %d: \"%s\"", rows[i].text, wrong ? line : 0, wrong ? sentence : "nothing");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_shipped_is_good),
		cmocka_unit_test(test_what_the_language_allows),
		cmocka_unit_test(test_where_it_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
