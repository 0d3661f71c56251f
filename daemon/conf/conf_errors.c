#include "daemon/conf/conf_errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void conf_complain_args(struct conf_errors *errors, const char *path, int line, const char *format, va_list args)
{
	char sentence[1024], whole[2048];

	vsnprintf(sentence, sizeof(sentence), format, args);
	if (line > 0) {
		snprintf(whole, sizeof(whole), "%s:%d: %s", path, line, sentence);
	} else {
		snprintf(whole, sizeof(whole), "%s: %s", path, sentence);
	}
	char **lines = realloc(errors->lines, (errors->n + 1) * sizeof(*lines));
	if (!lines) {
		return; /* out of memory: this complaint is lost; those before it refuse the file */
	}
	errors->lines = lines;
	lines[errors->n] = strdup(whole);
	if (lines[errors->n]) {
		errors->n++;
	}
}

void conf_complain(struct conf_errors *errors, const char *path, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_complain_args(errors, path, line, format, args);
	va_end(args);
}

void conf_errors_finish(struct conf_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++) {
		free(errors->lines[i]);
	}
	free(errors->lines);
	memset(errors, 0, sizeof(*errors));
}

void conf_errors_print(struct conf_errors *errors, const char *prefix)
{
	for (size_t i = 0; i < errors->n; i++) {
		fprintf(stderr, "%s%s\n", prefix, errors->lines[i]);
	}
	conf_errors_finish(errors);
}
