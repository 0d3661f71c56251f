/* text.h - fixed-size strings. Pure. */
#ifndef EMIS_COMMON_TEXT_H
#define EMIS_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Copies text into buf of `size` bytes. False, with buf holding the part that fits, when it
 * does not fit. */
bool text_copy(char *buf, size_t size, const char *text);

/* Letters, digits, '-', '_' and '.', 1 to max bytes: what may stand in a topic, a file name
 * and an alarm id. */
bool text_is_name(const char *text, size_t max);

#endif
