/* conf_text.h - the text of a configuration file before libconfig sees it; for conf.c. */
#ifndef EMIS_DAEMON_CONF_CONF_TEXT_H
#define EMIS_DAEMON_CONF_CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/conf/conf_errors.h"

#define CONF_MAX_BYTES (1024 * 1024)

/* The whole file, NUL-terminated, to be freed; NULL with a complaint. */
char *conf_text_read(const char *path, struct conf_errors *errors);

/* Complains, with the line, about n bytes that are not UTF-8. */
bool conf_text_is_utf8(const char *text, size_t n, const char *path, struct conf_errors *errors);

/* Complains about what the parser would let pass. False when there was anything. */
bool conf_text_check(const char *text, const char *path, struct conf_errors *errors);

#endif
