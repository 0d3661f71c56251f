/* shim_read_error.c - a disk with a read error: reading a file whose name ends in .csv fails with EIO after its first
 * READ_ERROR_AT bytes. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct failing {
	FILE *file;
	long left;
};

static ssize_t read_some(void *cookie, char *buf, size_t size)
{
	struct failing *failing = cookie;

	if (failing->left == 0) {
		errno = EIO;
		return -1;
	}
	size_t n = fread(buf, 1, size < (size_t)failing->left ? size : (size_t)failing->left, failing->file);
	failing->left -= (long)n;
	return (ssize_t)n;
}

static int seek(void *cookie, off64_t *at, int whence)
{
	struct failing *failing = cookie;

	if (fseek(failing->file, (long)*at, whence) < 0) {
		return -1;
	}
	*at = ftell(failing->file);
	return 0;
}

FILE *fopen(const char *path, const char *mode)
{
	typedef FILE *open_function(const char *, const char *);
	static struct failing failing;
	const char *at = getenv("READ_ERROR_AT");
	open_function *real;

	*(void **)&real = dlsym(RTLD_NEXT, "fopen");
	FILE *file = real(path, mode);
	size_t n = strlen(path);
	if (!at || !file || n < 4 || strcmp(path + n - 4, ".csv") != 0) {
		return file;
	}
	failing = (struct failing){ file, strtol(at, NULL, 10) };
	return fopencookie(&failing, "r", (cookie_io_functions_t){ .read = read_some, .seek = seek });
}
