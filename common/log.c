#include "common/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mend.h"

static enum log_level max_level = LOG_LEVEL_INFO;
static bool to_journal;

void log_init(enum log_level level)
{
	max_level = level;
	to_journal = getenv("JOURNAL_STREAM") != NULL;
}

__attribute__((format(printf, 2, 0))) static void write_line(enum log_level level, const char *format, va_list args)
{
	char text[1024], line[1200];
	size_t length = 0;

	if (level > max_level) {
		return;
	}
	if (to_journal) {
		length = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	}
	if (vsnprintf(text, sizeof(text), format, args) < 0) {
		return;
	}
	/* A message can quote a broker, a file or an instrument: a newline in the quote must not start a new log
	 * line. */
	length += mend_visible(text, line + length, sizeof(line) - length - 1);
	line[length++] = '\n';
	/* One write() per line, so that lines of several threads do not mix. The result is ignored: when standard
	 * error is closed, there is no other place to report it. */
	ssize_t written = write(STDERR_FILENO, line, length);
	(void)written;
}

#define LOG_FUNCTION(name, level)                                                                                      \
	void name(const char *format, ...)                                                                             \
	{                                                                                                              \
		va_list args;                                                                                          \
		va_start(args, format);                                                                                \
		write_line(level, format, args);                                                                       \
		va_end(args);                                                                                          \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
