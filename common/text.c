#include "common/text.h"

#include <string.h>

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
