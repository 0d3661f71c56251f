/* log.h - writes each message as one line to standard error, where the journal collects it. Any thread may log; a
 * message is cut at 1023 bytes.
 * A function logs or returns an error, never both; core and drivers never log. */
#ifndef EMIS_COMMON_LOG_H
#define EMIS_COMMON_LOG_H

/* The numbers are those of syslog; the journal reads them from a prefix such as "<6>". */
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Shows messages up to `level`. Adds the prefix "<N>" when standard error goes to the journal. Call once, before
 * threads start. */
void log_init(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
