#include "cli/emisd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_REFUSED = 1 };

static void exec_emisd(char **argv)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("emisd"));

	if (n > 0) {
		path[n] = '\0';
		char *slash = strrchr(path, '/');
		memcpy(slash + 1, "emisd", sizeof("emisd"));
		(void)execv(path, argv); /* returns only when this fails: then try PATH */
	}
	(void)execvp("emisd", argv); /* returns only when this fails, too */
}

int emisd_run(const char *mode, const char *why, int argc, char **argv)
{
	char name[] = "emisd", option[32];
	char **args = calloc((size_t)argc + 3, sizeof(*args));

	if (!args) {
		fputs("emisctl: out of memory\n", stderr);
		return EXIT_REFUSED;
	}
	snprintf(option, sizeof(option), "%s", mode);
	args[0] = name;
	args[1] = option;
	memcpy(&args[2], argv + 1, (size_t)(argc - 1) * sizeof(*args));
	exec_emisd(args);
	fprintf(stderr, "emisctl: emisd, %s, cannot be started: %s\n", why, strerror(errno));
	free(args);
	return EXIT_REFUSED;
}
