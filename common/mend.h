/* mend.h - makes UTF-8 of any bytes, for texts that go into JSON. Pure. */
#ifndef EMIS_COMMON_MEND_H
#define EMIS_COMMON_MEND_H

#include <stddef.h>

/* Bytes that mend_text() may need for a text of n bytes, with the zero at the end. */
#define MEND_ROOM(n) ((n) * 3 + 1)

/* Copies text into ret, which has MEND_ROOM(strlen(text)) bytes. Each byte that is not part of well-formed UTF-8
 * (Unicode 15, table 3-7: no overlong form, no surrogate, nothing above U+10FFFF) becomes U+FFFD. Returns the length. */
size_t mend_text(const char *text, char *ret);

/* Length of the well-formed UTF-8 character at text, 1 to 4; 0 when there is none. Reads no byte behind a zero. */
size_t mend_character(const char *text);

#endif
