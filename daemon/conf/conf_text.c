#include "daemon/conf/conf_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

bool conf_text_is_utf8(const char *text, size_t n, const char *path, struct conf_errors *errors)
{
	size_t at;
	const char *trouble = text_encoding_trouble(text, n, &at);
	int line = 1;

	for (size_t i = 0; trouble && i < at; i++) {
		line += text[i] == '\n';
	}
	if (trouble) {
		conf_complain(errors, path, line, "the file %s", trouble);
	}
	return trouble == NULL;
}

char *conf_text_read(const char *path, struct conf_errors *errors)
{
	struct stat st;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		conf_complain(errors, path, 0, "cannot be opened: %s", strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		conf_complain(errors, path, 0, "is not a regular file");
	} else if (st.st_size > CONF_MAX_BYTES) {
		conf_complain(
			errors, path, 0, "has %lld bytes; at most %d are read", (long long)st.st_size, CONF_MAX_BYTES);
	} else if ((text = calloc(1, (size_t)st.st_size + 1)) == NULL) {
		conf_complain(errors, path, 0, "out of memory");
	} else if (read(fd, text, (size_t)st.st_size) != st.st_size) {
		conf_complain(errors, path, 0, "cannot be read whole");
		free(text);
		text = NULL;
	} else if (!conf_text_is_utf8(text, (size_t)st.st_size, path, errors)) {
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}

/* Skips a string or a comment that starts at *text, and counts its lines. False for a comment without end. */
static bool skip_string_or_comment(const char **text, int *line)
{
	const char *p = *text;

	if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
		p += strcspn(p, "\n");
	} else if (p[0] == '/' && p[1] == '*') {
		const char *end = strstr(p + 2, "*/");
		if (!end) {
			return false;
		}
		for (; p < end; p++) {
			*line += *p == '\n';
		}
		p += 2;
	} else if (*p == '"') {
		for (p++; *p && *p != '"'; p++) {
			*line += *p == '\n';
			p += *p == '\\' && p[1];
		}
		p += *p == '"';
	}
	*text = p;
	return true;
}

/* Complains about an integer that does not fit 32 bits and has no L behind it: libconfig reads 4294967296 as 0 and
 * 0xFFFFFFFF as -1. Returns the end of the number. */
static const char *check_number(const char *p, const char *path, int line, struct conf_errors *errors)
{
	bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	size_t n = hex ? 2 + strspn(p + 2, "0123456789abcdefABCDEF") : strspn(p, "0123456789");

	if (!hex && (p[n] == '.' || p[n] == 'e' || p[n] == 'E')) {
		return p + n + strspn(p + n, "0123456789.eE+-");
	}
	errno = 0;
	unsigned long long value = strtoull(p, NULL, hex ? 16 : 10);
	if (p[n] != 'L' && (errno || value > INT32_MAX)) {
		conf_complain(errors, path, line, "%.*s does not fit 32 bits: write %.*sL", (int)n, p, (int)n, p);
	}
	return p + n + (p[n] == 'L') + (p[n] == 'L' && p[n + 1] == 'L');
}

bool conf_text_check(const char *text, const char *path, struct conf_errors *errors)
{
	size_t before = errors->n;
	int line = 1;

	if (strncmp(text, "\xEF\xBB\xBF", 3) == 0) {
		conf_complain(errors, path, 1, "starts with a byte order mark; save the file as UTF-8 without one");
		return false;
	}
	for (const char *p = text; *p;) {
		const char *start = p;
		int start_line = line;
		if (!skip_string_or_comment(&p, &line)) {
			conf_complain(errors, path, start_line, "this comment is never closed");
			return false;
		}
		if (p != start) {
			continue;
		}
		if (isalpha((unsigned char)*p) || *p == '_' || *p == '@') {
			p += strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-*@");
		} else if (isdigit((unsigned char)*p)) {
			p = check_number(p, path, line, errors);
		} else {
			line += *p++ == '\n';
		}
	}
	return errors->n == before;
}
