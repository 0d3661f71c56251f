#include "daemon/conf/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/num.h"
#include "common/text.h"
#include "common/time.h"
#include "daemon/conf/conf_syntax.h"
#include "daemon/conf/conf_text.h"

struct conf {
	config_t config;
	const char *path;
	struct conf_errors *errors;
};

void conf_node_complain(struct conf_node node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_complain_args(node.conf->errors, node.conf->path, conf_line(node), format, args);
	va_end(args);
}

static void complain_of_syntax(config_t *config, const char *text, const char *path, struct conf_errors *errors)
{
	char sentence[400];
	int line = config_error_line(config);

	if (strcmp(config_error_text(config), "syntax error") != 0) { /* libconfig itself says what is wrong */
		conf_complain(errors, path, line, "%s", config_error_text(config));
	} else if (conf_syntax_explain(text, &line, sentence, sizeof(sentence))) {
		conf_complain(errors, path, line, "%s", sentence);
	} else {
		conf_complain(errors, path, line,
			"syntax error: found something here that no setting, list or value begins with");
	}
}

struct conf *conf_parse(const char *text, const char *path, struct conf_errors *errors)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf) {
		return NULL;
	}
	conf->path = path;
	conf->errors = errors;
	config_init(&conf->config);
	if (config_read_string(&conf->config, text) != CONFIG_TRUE) {
		complain_of_syntax(&conf->config, text, path, errors);
		conf_close(conf);
		return NULL;
	}
	return conf;
}

struct conf *conf_open(const char *path, struct conf_errors *errors)
{
	char *text = conf_text_read(path, errors);
	struct conf *conf = text && conf_text_check(text, path, errors) ? conf_parse(text, path, errors) : NULL;

	free(text);
	return conf;
}

void conf_close(struct conf *conf)
{
	if (conf) {
		config_destroy(&conf->config);
		free(conf);
	}
}

/* ---- nodes ---- */

struct conf_node conf_root(struct conf *conf)
{
	return (struct conf_node){ conf, config_root_setting(&conf->config) };
}

int conf_line(struct conf_node node)
{
	return node.setting ? (int)config_setting_source_line(node.setting) : 0;
}

const char *conf_path(struct conf_node node)
{
	return node.conf->path;
}

const char *conf_names(const char *found, const char *first, size_t n, size_t stride, char *buf)
{
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		text_keep_nearest(found, first + i * stride, &nearest);
	}
	size_t used = strlen(text_did_you_mean(nearest, buf));
	for (size_t i = 0; i < n && used + 40 < CONF_WORDS_SIZE; i++) {
		const char *before = i ? ", " : nearest ? " Known here: " : "; known here: ";
		used += (size_t)snprintf(buf + used, CONF_WORDS_SIZE - used, "%s%.32s", before, first + i * stride);
	}
	return buf;
}

const char *conf_words(const char *found, const char *const *words, char *buf)
{
	char names[40][32];
	size_t n = 0;

	for (; n < ARRAY_SIZE(names) && words[n]; n++) {
		(void)text_copy(names[n], sizeof(names[n]), words[n]); /* cannot fail: our own words are shorter */
	}
	return conf_names(found, names[0], n, sizeof(names[0]), buf);
}

void conf_allow_keys(struct conf_node group, const char *const *keys)
{
	int n = group.setting ? config_setting_length(group.setting) : 0;

	for (int i = 0; i < n; i++) {
		config_setting_t *member = config_setting_get_elem(group.setting, (unsigned)i);
		const char *name = config_setting_name(member);
		const char *const *key = keys;
		while (*key && strcmp(*key, name) != 0) {
			key++;
		}
		if (*key) {
			continue;
		}
		char words[CONF_WORDS_SIZE];
		conf_node_complain((struct conf_node){ group.conf, member }, "unknown key \"%s\"%s", name,
			conf_words(name, keys, words));
	}
}

static config_setting_t *member_of(struct conf_node group, const char *key)
{
	return group.setting ? config_setting_get_member(group.setting, key) : NULL;
}

bool conf_has(struct conf_node group, const char *key)
{
	return member_of(group, key) != NULL;
}

static const char *type_name(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "an integer";
	case CONFIG_TYPE_FLOAT:
		return "a number";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	default:
		return "something else";
	}
}

/* The member. When it is missing, a node without setting, with a complaint if the member is required. */
static struct conf_node find_member(struct conf_node group, const char *key, bool required)
{
	struct conf_node node = { group.conf, member_of(group, key) };

	if (!node.setting && required && group.setting) {
		conf_node_complain(group, "\"%s\" is missing", key);
	}
	return node;
}

static bool complain_of_type(struct conf_node node, const char *key, const char *expected)
{
	conf_node_complain(node, "%s: found %s, expected %s", key, type_name(node.setting), expected);
	return false;
}

struct conf_node conf_group(struct conf_node group, const char *key, bool required)
{
	struct conf_node node = find_member(group, key, required);

	if (node.setting && !config_setting_is_group(node.setting)) {
		(void)complain_of_type(node, key, "a group { }"); /* the caller sees a missing group */
		node.setting = NULL;
	}
	return node;
}

struct conf_node conf_list(struct conf_node group, const char *key, bool required)
{
	struct conf_node node = find_member(group, key, required);

	if (node.setting && !config_setting_is_list(node.setting)) {
		(void)complain_of_type(node, key, "a list ( )");
		node.setting = NULL;
	}
	for (size_t i = 0; i < conf_count(node); i++) {
		struct conf_node element = conf_at(node, i);
		if (!config_setting_is_group(element.setting)) {
			(void)complain_of_type(element, key, "groups { } only");
			return (struct conf_node){ group.conf, NULL };
		}
	}
	return node;
}

struct conf_node conf_array(struct conf_node group, const char *key, bool required)
{
	struct conf_node node = find_member(group, key, required);

	if (node.setting && !config_setting_is_array(node.setting) && !config_setting_is_list(node.setting)) {
		(void)complain_of_type(node, key, "an array [ ]");
		node.setting = NULL;
	}
	return node;
}

size_t conf_count(struct conf_node list)
{
	return list.setting ? (size_t)config_setting_length(list.setting) : 0;
}

struct conf_node conf_at(struct conf_node list, size_t index)
{
	return (struct conf_node){ list.conf, config_setting_get_elem(list.setting, (unsigned)index) };
}

/* ---- values ---- */

/* Checks a string after libconfig has replaced its escapes: \xC9, for example, gives a byte that no file may hold.
 * Strings go to topics, terminals and logs. */
static bool is_plain_text(struct conf_node node, const char *key, const char *text)
{
	if (text_utf8_length(text, strlen(text)) < strlen(text)) {
		conf_node_complain(node, "%s: the text is not UTF-8; write its characters without \\x", key);
		return false;
	}
	for (const char *c = text; *c; c++) {
		if ((*c > 0 && *c < ' ') || *c == 0x7F) {
			conf_node_complain(node, "%s: the text holds the control character 0x%02X; leave it out", key,
				(unsigned)*c);
			return false;
		}
	}
	return true;
}

static bool get_string(struct conf_node node, const char *key, char *ret, size_t size)
{
	if (config_setting_type(node.setting) != CONFIG_TYPE_STRING) {
		return complain_of_type(node, key, "a string");
	}
	const char *text = config_setting_get_string(node.setting);
	if (!is_plain_text(node, key, text)) {
		return false;
	}
	if (strlen(text) >= size) {
		conf_node_complain(node, "%s: %zu bytes, at most %zu are allowed", key, strlen(text), size - 1);
		return false;
	}
	return text_copy(ret, size, text);
}

bool conf_string(struct conf_node group, const char *key, bool required, char *ret, size_t size)
{
	struct conf_node node = find_member(group, key, required);

	return node.setting && get_string(node, key, ret, size);
}

bool conf_name(struct conf_node group, const char *key, bool required, char *ret, size_t size)
{
	char text[256];

	if (!conf_string(group, key, required, text, sizeof(text))) {
		return false;
	}
	if (!text_is_name(text, size - 1)) {
		conf_node_complain(find_member(group, key, false),
			"%s: \"%s\" is not a name; use 1 to %zu of the letters a-z A-Z 0-9 - _ .", key, text, size - 1);
		return false;
	}
	return text_copy(ret, size, text);
}

static double number_of(const config_setting_t *setting)
{
	return config_setting_type(setting) == CONFIG_TYPE_FLOAT ? config_setting_get_float(setting)
								 : (double)config_setting_get_int64(setting);
}

bool conf_double(struct conf_node group, const char *key, bool required, struct conf_range range, double *ret)
{
	struct conf_node node = find_member(group, key, required);

	if (!node.setting) {
		return false;
	}
	if (!config_setting_is_number(node.setting)) {
		return complain_of_type(node, key, "a number");
	}
	double value = number_of(node.setting);
	if (!isfinite(value) || value < range.min || value > range.max) {
		conf_node_complain(
			node, "%s: %g is out of range; allowed are %g to %g", key, value, range.min, range.max);
		return false;
	}
	*ret = value;
	return true;
}

static bool get_int(struct conf_node node, const char *key, struct conf_range range, int64_t *ret)
{
	int type = config_setting_type(node.setting);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		return complain_of_type(node, key, "an integer");
	}
	int64_t value = config_setting_get_int64(node.setting);
	if ((double)value < range.min || (double)value > range.max) {
		conf_node_complain(node, "%s: %" PRId64 " is out of range; allowed are %.0f to %.0f", key, value,
			range.min, range.max);
		return false;
	}
	*ret = value;
	return true;
}

bool conf_int(struct conf_node group, const char *key, bool required, struct conf_range range, int64_t *ret)
{
	struct conf_node node = find_member(group, key, required);

	return node.setting && get_int(node, key, range, ret);
}

bool conf_bool(struct conf_node group, const char *key, bool required, bool *ret)
{
	struct conf_node node = find_member(group, key, required);

	if (!node.setting) {
		return false;
	}
	if (config_setting_type(node.setting) != CONFIG_TYPE_BOOL) {
		return complain_of_type(node, key, "true or false");
	}
	*ret = config_setting_get_bool(node.setting) == CONFIG_TRUE;
	return true;
}

bool conf_duration(struct conf_node group, const char *key, bool required, struct conf_range range_ms, int64_t *ret_ms)
{
	char text[32];
	int64_t ms;

	struct conf_node node = find_member(group, key, required);
	if (node.setting && config_setting_is_number(node.setting)) {
		conf_node_complain(node,
			"%s: found a number without its unit, expected a duration in quotes: \"%.10gs\", \"%.10gmin\"",
			key, number_of(node.setting), number_of(node.setting));
		return false;
	}
	if (!node.setting || !get_string(node, key, text, sizeof(text))) {
		return false;
	}
	if (!time_parse_duration(text, &ms)) {
		conf_node_complain(node,
			"%s: \"%s\" is not a duration; expected a whole number and ms, s, min or h, as in \"2s\"", key,
			text);
		return false;
	}
	if ((double)ms < range_ms.min || (double)ms > range_ms.max) {
		conf_node_complain(find_member(group, key, false),
			"%s: \"%s\" is out of range; allowed are %.0f ms to %.0f ms", key, text, range_ms.min,
			range_ms.max);
		return false;
	}
	*ret_ms = ms;
	return true;
}

bool conf_size(struct conf_node group, const char *key, bool required, int64_t least, int64_t *ret_bytes)
{
	char text[32], smallest[NUM_TEXT_SIZE];
	int64_t bytes;

	struct conf_node node = find_member(group, key, required);
	if (node.setting && config_setting_is_number(node.setting)) {
		conf_node_complain(node,
			"%s: found a number without its unit, expected a size in quotes: \"%.10gMiB\", \"%.10gGiB\"",
			key, number_of(node.setting), number_of(node.setting));
		return false;
	}
	if (!node.setting || !get_string(node, key, text, sizeof(text))) {
		return false;
	}
	if (!num_parse_size(text, &bytes) || bytes < least) {
		conf_node_complain(node,
			"%s: \"%s\" is not a size of at least %s; expected a whole number and KiB, MiB or GiB", key,
			text, num_format_size(least, smallest));
		return false;
	}
	*ret_bytes = bytes;
	return true;
}

bool conf_choice(struct conf_node group, const char *key, bool required, const char *const *choices, size_t *ret_index)
{
	char text[64], words[CONF_WORDS_SIZE];

	if (!conf_string(group, key, required, text, sizeof(text))) {
		return false;
	}
	for (size_t i = 0; choices[i]; i++) {
		if (strcmp(choices[i], text) == 0) {
			*ret_index = i;
			return true;
		}
	}
	conf_node_complain(find_member(group, key, false), "%s: \"%s\" is not known%s", key, text,
		conf_words(text, choices, words));
	return false;
}

bool conf_string_at(struct conf_node array, size_t index, char *ret, size_t size)
{
	return get_string(conf_at(array, index), "element", ret, size);
}

bool conf_int_at(struct conf_node array, size_t index, int64_t *ret)
{
	return get_int(conf_at(array, index), "element", CONF_RANGE(INT64_MIN, INT64_MAX), ret);
}
