/* conf_text.h - reads and checks the text of a configuration file before libconfig parses it. */
#ifndef EMIS_DAEMON_CONF_CONF_TEXT_H
#define EMIS_DAEMON_CONF_CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/conf/conf_errors.h"

#define CONF_MAX_BYTES (1024 * 1024)

/* Reads the whole file, NUL-terminated; the caller frees the text. NULL with a complaint. */
char *conf_text_read(const char *path, struct conf_errors *errors);

/* False, with a complaint that names the line, when the n bytes are not UTF-8. */
bool conf_text_is_utf8(const char *text, size_t n, const char *path, struct conf_errors *errors);

/* Complains about mistakes that libconfig would accept. False when there was one. */
bool conf_text_check(const char *text, const char *path, struct conf_errors *errors);

#endif
