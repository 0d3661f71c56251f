/* log.h - one line a message on standard error, which the journal collects.
 * A function logs or returns, never both; core and drivers never log. */
#ifndef EMIS_COMMON_LOG_H
#define EMIS_COMMON_LOG_H

/* The numbers are syslog's, which the journal reads from the "<6>" prefix. */
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Shows messages up to `level`. Prefixes "<N>" when standard error is the journal. Call once,
 * before threads start. */
void log_init(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
