/* mend.h - makes UTF-8 of any bytes, for JSON, and visible text of it, for terminals and journals. Pure. */
#ifndef EMIS_COMMON_MEND_H
#define EMIS_COMMON_MEND_H

#include <stddef.h>

/* Bytes that mend_text() may need for a text of n bytes, with the zero at the end. */
#define MEND_ROOM(n) ((n)*3 + 1)

/* Copies text into ret, which has MEND_ROOM(strlen(text)) bytes. Each byte that is not part of well-formed UTF-8
 * (Unicode 15, table 3-7: no overlong form, no surrogate, nothing above U+10FFFF) becomes U+FFFD. Returns the length.
 */
size_t mend_text(const char *text, char *ret);

/* Copies as much of text as fits into ret of `size` bytes, size > 0, so that it shows what it holds and does nothing:
 * bytes that are not UTF-8 and control characters become \xNN; C1 controls, and characters that turn or break a line
 * (U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069), become \uNNNN. Returns the length. */
size_t mend_visible(const char *text, char *ret, size_t size);

/* Length of the well-formed UTF-8 character at text, 1 to 4; 0 when there is none. Reads no byte behind a zero. */
size_t mend_character(const char *text);

#endif
