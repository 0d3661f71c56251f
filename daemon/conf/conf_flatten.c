/* conf_flatten.c - the settings of a text as lines, so that two configurations can be compared. */
#include <libconfig.h>
#include <stdio.h>

#include "common/array.h"
#include "daemon/conf/conf.h"

/* The name of a list element: its id, name or factor, otherwise its index. */
static void element_name(const config_setting_t *element, int index, char *name, size_t size)
{
	static const char *const keys[] = { "id", "name", "factor" };
	const char *text = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys) && !text && config_setting_is_group(element); i++) {
		(void)config_setting_lookup_string(element, keys[i], &text); /* if it is absent: next key */
	}
	if (text) {
		snprintf(name, size, "%s", text);
	} else {
		snprintf(name, size, "%d", index);
	}
}

static void print_value(const config_setting_t *setting, FILE *out)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		for (const char *p = config_setting_get_string(setting); *p; p++) {
			fputc(*p == '\n' ? ' ' : *p, out);
		}
		return;
	case CONFIG_TYPE_FLOAT:
		fprintf(out, "%.10g", config_setting_get_float(setting));
		return;
	case CONFIG_TYPE_BOOL:
		fputs(config_setting_get_bool(setting) ? "true" : "false", out);
		return;
	default:
		fprintf(out, "%lld", config_setting_get_int64(setting));
		return;
	}
}

/* Recursion is only as deep as our own normal form: lists of groups in lists of groups. */
static void flatten(const config_setting_t *setting, const char *path, FILE *out) /* NOLINT(misc-no-recursion) */
{
	int n = config_setting_is_aggregate(setting) ? config_setting_length(setting) : -1;
	char name[64], below[256];

	if (n < 0) {
		fprintf(out, "%s = ", path);
		print_value(setting, out);
		fputc('\n', out);
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);
		element_name(element, i, name, sizeof(name));
		const char *key = config_setting_name(element) ? config_setting_name(element) : name;
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", key);
		flatten(element, below, out);
	}
}

bool conf_flatten(const char *text, FILE *out)
{
	struct conf_errors errors = { 0 };
	struct conf *conf = conf_parse(text, "the normal form", &errors);

	if (conf) {
		flatten(conf_root(conf).setting, "", out);
	}
	conf_errors_finish(&errors);
	conf_close(conf);
	return conf != NULL;
}
