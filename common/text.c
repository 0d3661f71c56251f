#include "common/text.h"

#include <stdio.h>
#include <string.h>

#include "common/mend.h"

bool text_copy(char *buf, size_t size, const char *text)
{
	size_t n = strlen(text);
	bool fits = n < size;

	if (!fits) {
		n = size - 1;
	}
	memcpy(buf, text, n);
	buf[n] = '\0';
	return fits;
}

bool text_is_name(const char *text, size_t max)
{
	size_t n = strlen(text);

	return n >= 1 && n <= max &&
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n;
}

/* ---- encodings ---- */

size_t text_utf8_length(const char *bytes, size_t n)
{
	size_t at = 0;

	while (at < n) {
		size_t length = (signed char)bytes[at] >= 0 ? 1 : mend_character(bytes + at);
		if (length == 0) {
			break;
		}
		at += length;
	}
	return at;
}

/* UTF-16 (Notepad calls it Unicode) has a byte order mark at its start, or zero in every other byte of Latin
 * letters. */
static bool looks_like_utf16(const char *bytes, size_t n)
{
	bool has_byte_order_mark = n >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0);
	bool has_zeros = n >= 4 && ((bytes[1] == 0 && bytes[3] == 0) || (bytes[0] == 0 && bytes[2] == 0));

	return has_byte_order_mark || has_zeros;
}

const char *text_encoding_trouble(const char *bytes, size_t n, size_t *ret_at)
{
	const char *zero = memchr(bytes, 0, n);
	size_t good = text_utf8_length(bytes, n);

	if (looks_like_utf16(bytes, n)) {
		*ret_at = 0;
		return "is UTF-16 (what Notepad calls Unicode): save it as UTF-8";
	}
	if (zero && (size_t)(zero - bytes) < good) {
		*ret_at = (size_t)(zero - bytes);
		return "holds a zero byte: it is damaged or not a text file; save it as UTF-8 text";
	}
	if (good < n) {
		*ret_at = good;
		return "is not UTF-8, perhaps GBK: save it as UTF-8";
	}
	return NULL;
}

/* ---- misspelt words ---- */

#define LONGEST_WORD 63

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t text_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST_WORD + 1], n = strlen(a), m = strlen(b);

	if (n > LONGEST_WORD || m > LONGEST_WORD) {
		return LONGEST_WORD + 1;
	}
	for (size_t k = 0; k <= m; k++) {
		rows[0][k] = k;
	}
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t k = 1; k <= m; k++) {
			bool same = lower(a[i - 1]) == lower(b[k - 1]);
			row[k] = least(least(above[k], row[k - 1]) + 1, above[k - 1] + (same ? 0 : 1));
			if (i > 1 && k > 1 && lower(a[i - 1]) == lower(b[k - 2]) &&
				lower(a[i - 2]) == lower(b[k - 1])) {
				row[k] = least(row[k], two_above[k - 2] + 1);
			}
		}
	}
	return rows[n % 3][m];
}

void text_keep_nearest(const char *word, const char *candidate, const char **nearest)
{
	size_t distance = text_distance(word, candidate);

	if (3 * distance <= strlen(candidate) + 1 && (!*nearest || distance < text_distance(word, *nearest))) {
		*nearest = candidate;
	}
}

const char *text_did_you_mean(const char *nearest, char *buf)
{
	buf[0] = '\0';
	if (nearest) {
		snprintf(buf, TEXT_HINT_SIZE, "; did you mean \"%.100s\"?", nearest);
	}
	return buf;
}
