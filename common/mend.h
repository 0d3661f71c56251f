/* mend.h - turns any bytes into valid UTF-8 (for JSON) or into text that is safe to display (for terminals and
 * journals). Pure. */
#ifndef EMIS_COMMON_MEND_H
#define EMIS_COMMON_MEND_H

#include <stddef.h>

/* Buffer size that mend_text() needs for a text of n bytes, with the final zero. */
#define MEND_ROOM(n) ((n)*3 + 1)

/* Copies text into ret, which has MEND_ROOM(strlen(text)) bytes. Each byte that is not part of well-formed UTF-8
 * (Unicode 15, table 3-7: no overlong form, no surrogate, nothing above U+10FFFF) becomes U+FFFD. Returns the length
 * in bytes. */
size_t mend_text(const char *text, char *ret);

/* Copies text into ret of `size` bytes, size > 0, in a form that is safe to display, and cuts it to fit. Bytes that
 * are not UTF-8 and control characters become \xNN. C1 controls, and characters that change the direction of text or
 * break a line (U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069), become \uNNNN. Returns the length in bytes. */
size_t mend_visible(const char *text, char *ret, size_t size);

/* Length in bytes of the well-formed UTF-8 character at text, 1 to 4; 0 when the bytes there are not one. Never
 * reads past a zero byte. */
size_t mend_character(const char *text);

#endif
