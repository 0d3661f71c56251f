/* conf_errors.h - complaints about configuration files: collected, so that all are reported at once. */
#ifndef EMIS_DAEMON_CONF_CONF_ERRORS_H
#define EMIS_DAEMON_CONF_CONF_ERRORS_H

#include <stdarg.h>
#include <stddef.h>

struct conf_errors {
	char **lines;
	size_t n;
};

/* Adds "path:line: sentence", or "path: sentence" when line is 0. */
void conf_complain(struct conf_errors *errors, const char *path, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void conf_complain_args(struct conf_errors *errors, const char *path, int line, const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));
/* Prints all complaints to standard error, each with the prefix before it, and frees them. */
void conf_errors_print(struct conf_errors *errors, const char *prefix);
void conf_errors_finish(struct conf_errors *errors);

#endif
