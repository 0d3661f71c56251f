#include "common/mend.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"

/* Unicode 15, table 3-7: a range of first bytes, the range of second bytes that it allows, and the length. The third
 * and fourth bytes are 0x80 to 0xBF. */
static const struct {
	unsigned char first, last; /* byte 1 */
	unsigned char low, high;   /* byte 2 */
	unsigned char size;
} sequences[] = {
	{ 0xC2, 0xDF, 0x80, 0xBF, 2 },
	{ 0xE0, 0xE0, 0xA0, 0xBF, 3 },
	{ 0xE1, 0xEC, 0x80, 0xBF, 3 },
	{ 0xED, 0xED, 0x80, 0x9F, 3 },
	{ 0xEE, 0xEF, 0x80, 0xBF, 3 },
	{ 0xF0, 0xF0, 0x90, 0xBF, 4 },
	{ 0xF1, 0xF3, 0x80, 0xBF, 4 },
	{ 0xF4, 0xF4, 0x80, 0x8F, 4 },
};

size_t mend_character(const char *text)
{
	unsigned char first = (unsigned char)text[0];
	size_t i = 0, n = 2;

	if (first < 0x80) {
		return 1;
	}
	while (i < ARRAY_SIZE(sequences) && (first < sequences[i].first || first > sequences[i].last)) {
		i++;
	}
	if (i == ARRAY_SIZE(sequences) || (unsigned char)text[1] < sequences[i].low ||
		(unsigned char)text[1] > sequences[i].high) {
		return 0;
	}
	while (n < sequences[i].size && ((unsigned char)text[n] & 0xC0) == 0x80) {
		n++;
	}
	return n == sequences[i].size ? n : 0;
}

size_t mend_text(const char *text, char *ret)
{
	size_t n = 0;

	while (*text) {
		size_t size = mend_character(text);
		memcpy(ret + n, size > 0 ? text : "\xEF\xBF\xBD", size > 0 ? size : 3);
		n += size > 0 ? size : 3;
		text += size > 0 ? size : 1;
	}
	ret[n] = '\0';
	return n;
}

/* The code point of a well-formed character of 2 or 3 bytes; 0 for other lengths, which disturbs_display() never
 * needs. */
static unsigned code_of(const unsigned char *c, size_t n)
{
	return n == 2    ? (c[0] & 0x1FU) << 6 | (c[1] & 0x3FU)
		: n == 3 ? (c[0] & 0x0FU) << 12 | (c[1] & 0x3FU) << 6 | (c[2] & 0x3FU)
			 : 0;
}

static bool disturbs_display(unsigned code)
{
	return (code >= 0x80 && code <= 0x9F) || code == 0x200E || code == 0x200F ||
		(code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

size_t mend_visible(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	while (*text) {
		size_t length = mend_character(text);
		unsigned char first = (unsigned char)text[0];
		unsigned code = code_of((const unsigned char *)text, length);
		char shown[8];
		if (length == 0 || first < 0x20 || first == 0x7F) {
			snprintf(shown, sizeof(shown), "\\x%02x", (unsigned)first);
			length = 1;
		} else if (disturbs_display(code)) {
			snprintf(shown, sizeof(shown), "\\u%04x", code);
		} else {
			memcpy(shown, text, length);
			shown[length] = '\0';
		}
		size_t more = strlen(shown);
		if (n + more >= size) {
			break;
		}
		memcpy(ret + n, shown, more);
		n += more;
		text += length;
	}
	ret[n] = '\0';
	return n;
}
