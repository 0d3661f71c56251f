#include "common/mend.h"

#include <string.h>

#include "common/array.h"

/* Unicode 15, table 3-7: what the first byte demands of the second. The bytes after it are 0x80 to 0xBF. */
static const struct {
	unsigned char first, last; /* byte 1 */
	unsigned char low, high;   /* byte 2 */
	unsigned char size;
} forms[] = {
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
	while (i < ARRAY_SIZE(forms) && (first < forms[i].first || first > forms[i].last)) {
		i++;
	}
	if (i == ARRAY_SIZE(forms) || (unsigned char)text[1] < forms[i].low || (unsigned char)text[1] > forms[i].high) {
		return 0;
	}
	while (n < forms[i].size && ((unsigned char)text[n] & 0xC0) == 0x80) {
		n++;
	}
	return n == forms[i].size ? n : 0;
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
