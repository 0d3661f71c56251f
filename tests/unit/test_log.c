/* test_log.c - which lines reach standard error, and what they look like there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include <cmocka.h>

#include "common/log.h"

static int kept_stderr, pipe_ends[2];

static int catch_stderr(void **state)
{
	(void)state;
	kept_stderr = dup(STDERR_FILENO);
	return kept_stderr < 0 || pipe(pipe_ends) < 0 || dup2(pipe_ends[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int release_stderr(void **state)
{
	(void)state;
	(void)dup2(kept_stderr, STDERR_FILENO);
	(void)close(kept_stderr);
	(void)close(pipe_ends[0]);
	(void)close(pipe_ends[1]);
	return unsetenv("JOURNAL_STREAM");
}

/* All that was written since; the line "end" is written to know where that is. */
static void assert_logged(const char *expected)
{
	char found[4096] = "";
	size_t n = 0;

	assert_int_equal(write(STDERR_FILENO, "end", 3), 3);
	while (n < 3 || memcmp(found + n - 3, "end", 3) != 0) {
		ssize_t more = read(pipe_ends[0], found + n, sizeof(found) - 1 - n);
		assert_true(more > 0);
		n += (size_t)more;
	}
	found[n - 3] = '\0';
	assert_string_equal(found, expected);
}

static void log_each_level(void)
{
	log_error("error %d", 1);
	log_warning("warning %d", 2);
	log_info("info %d", 3);
	log_debug("debug %d", 4);
}

static void test_levels(void **state)
{
	(void)state;
	(void)unsetenv("JOURNAL_STREAM");
	log_init(LOG_LEVEL_ERROR);
	log_each_level();
	assert_logged("error 1\n");
	log_init(LOG_LEVEL_INFO);
	log_each_level();
	assert_logged("error 1\nwarning 2\ninfo 3\n");
	log_init(LOG_LEVEL_DEBUG);
	log_each_level();
	assert_logged("error 1\nwarning 2\ninfo 3\ndebug 4\n");
}

static void test_the_journal_reads_the_level(void **state)
{
	(void)state;
	assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
	log_init(LOG_LEVEL_DEBUG);
	log_each_level();
	assert_logged("<3>error 1\n<4>warning 2\n<6>info 3\n<7>debug 4\n");
}

static void test_a_message_is_one_line(void **state)
{
	char text[3000];

	(void)state;
	(void)unsetenv("JOURNAL_STREAM");
	log_init(LOG_LEVEL_INFO);
	log_info("%s", "a broker's\nown <3>words\x1B");
	assert_logged("a broker's\\x0aown <3>words\\x1b\n");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	text[1023] = '\n'; /* the longest message has 1023 bytes */
	text[1024] = '\0';
	assert_logged(text);
	/* A message that cannot be formatted (the locale "C" has no such character) leaves no line. */
	log_info("%lc", (wint_t)0x7535);
	assert_logged("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_levels, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_the_journal_reads_the_level, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_a_message_is_one_line, catch_stderr, release_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
