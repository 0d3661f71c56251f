/* json_text.h - texts of anywhere as JSON strings. Pure. */
#ifndef EMIS_DAEMON_BASE_JSON_TEXT_H
#define EMIS_DAEMON_BASE_JSON_TEXT_H

#include <jansson.h>

/* The text as a JSON string; the caller owns it. Bytes that are not UTF-8 become U+FFFD: jansson's own functions, and
 * json_pack() with "s", return NULL for them. NULL counts as "". NULL only when out of memory. */
json_t *json_text(const char *text);

/* The same; JSON's null for NULL and "". */
json_t *json_text_or_null(const char *text);

#endif
