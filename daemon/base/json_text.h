/* json_text.h - turns texts whose encoding was not checked into JSON strings. Pure. */
#ifndef EMIS_DAEMON_BASE_JSON_TEXT_H
#define EMIS_DAEMON_BASE_JSON_TEXT_H

#include <jansson.h>

/* The text as a JSON string; the caller owns it. Bytes that are not UTF-8 become U+FFFD: jansson's own functions, and
 * json_pack() with "s", return NULL for them. A NULL text counts as "". Returns NULL only when out of
 * memory. */
json_t *json_text(const char *text);

/* Like json_text(), but a NULL or empty text becomes JSON's null. */
json_t *json_text_or_null(const char *text);

#endif
