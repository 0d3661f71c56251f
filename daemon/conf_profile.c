/* conf_profile.c - profiles.d/NAME.conf: the register map of an instrument. docs/profiles.md. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "core/plan.h"
#include "daemon/conf_parts.h"

/* How addresses are written in manuals. The first number of each notation is 1 and means wire 0. */
static const struct {
	const char *name;
	int64_t base;
	int64_t last;
} notations[] = { { "wire", 0, 65535 }, { "1xxxx", 10001, 19999 }, { "3xxxx", 30001, 39999 },
	{ "4xxxx", 40001, 49999 } };
static const char *const notation_names[] = { "wire", "1xxxx", "3xxxx", "4xxxx", NULL };

/* In the order of enum reg_type and enum reg_order. */
static const char *const type_names[] = { "bit", "u8hi", "u8lo", "u16", "i16", "u32", "i32", "f32", NULL };
static const char *const order_names[] = { "ABCD", "CDAB", "BADC", "DCBA", NULL };

static bool read_flag(struct conf_node group, const char *key, enum flag *ret_flag)
{
	char text[8];

	if (!conf_string(group, key, true, text, sizeof(text))) {
		return false;
	}
	if (strlen(text) != 1 || !flag_from_letter(text[0], ret_flag)) {
		conf_node_complain(group, "%s: \"%s\" is no flag; the flags are N F M S D C T B", key, text);
		return false;
	}
	return true;
}

static bool read_field(struct conf_node node, size_t notation, struct reg_field *ret_field)
{
	int64_t function = 0, address = 0;
	size_t type = 0, order = 0;
	bool good = conf_int(node, "function", true, 1, 4, &function);

	good &= conf_int(node, "address", true, notations[notation].base, notations[notation].last, &address);
	good &= conf_choice(node, "type", true, type_names, &type);
	if (!good) {
		return false;
	}
	struct reg_field field = { .function = (uint8_t)function, .type = (enum reg_type)type };
	field.address = (uint16_t)(address - notations[notation].base);
	bool wide = field_width(&field) > 1;
	bool ordered = conf_choice(node, "order", wide, order_names, &order);
	if (!wide && conf_has(node, "order")) {
		conf_node_complain(node, "order: a value of one register has none");
		return false;
	}
	if ((field.type == REG_BIT) != (function <= 2)) {
		conf_node_complain(node,
			"type \"%s\" does not go with function %lld: 1 and 2 read bits, 3 and 4 registers",
			type_names[type], (long long)function);
		return false;
	}
	if (field.address + field_width(&field) > 65536U) {
		conf_node_complain(node, "the value reaches beyond the last address 65535");
		return false;
	}
	field.order = (enum reg_order)order;
	*ret_field = field;
	return ordered || !wide;
}

static bool read_rule(struct conf_node node, struct status_rule *rule)
{
	static const char *const keys[] = { "equals", "from", "to", "mask", "flag", NULL };
	int64_t mask = 0;
	double equals = 0.0;

	conf_allow(node, keys);
	bool has_equals = conf_double(node, "equals", false, -1e9, 1e10, &equals);
	bool has_range = conf_double(node, "from", false, -1e9, 1e10, &rule->from);
	has_range = conf_double(node, "to", has_range, -1e9, 1e10, &rule->to) && has_range;
	rule->by_mask = conf_int(node, "mask", false, 1, 0xFFFFFFFFLL, &mask);
	rule->mask = (uint32_t)mask;
	if (has_equals + has_range + rule->by_mask != 1) {
		conf_node_complain(node, "a rule needs one of \"equals\", \"from\" with \"to\", or \"mask\"");
		return false;
	}
	if (has_equals) {
		rule->from = equals;
		rule->to = equals;
	}
	return read_flag(node, "flag", &rule->flag);
}

static void read_status(struct conf_node node, size_t notation, struct profile *p)
{
	static const char *const keys[] = { "name", "function", "address", "type", "order", "rules", "otherwise",
		NULL };
	struct status *status = &p->statuses[p->n_statuses];

	conf_allow(node, keys);
	bool good = conf_name(node, "name", true, status->name, sizeof(status->name));
	good &= read_field(node, notation, &status->field);
	good &= read_flag(node, "otherwise", &status->otherwise);
	struct conf_node rules = conf_list(node, "rules", true);
	if (conf_count(rules) > STATUS_RULES) {
		conf_node_complain(node, "%zu rules; at most %d are possible", conf_count(rules), STATUS_RULES);
		return;
	}
	for (size_t i = 0; i < conf_count(rules); i++) {
		good &= read_rule(conf_at(rules, i), &status->rules[status->n_rules++]);
	}
	p->n_statuses += good;
}

static bool read_status_names(struct conf_node node, const struct profile *p, struct channel *channel)
{
	struct conf_node names = conf_array(node, "status", false);
	char name[CHANNEL_NAME_SIZE];

	if (conf_count(names) > CHANNEL_STATUSES) {
		conf_node_complain(
			node, "status: %zu names; at most %d are possible", conf_count(names), CHANNEL_STATUSES);
		return false;
	}
	for (size_t i = 0; i < conf_count(names); i++) {
		size_t found = 0;
		if (!conf_string_at(names, i, name, sizeof(name))) {
			return false;
		}
		while (found < p->n_statuses && strcmp(p->statuses[found].name, name) != 0) {
			found++;
		}
		if (found == p->n_statuses) {
			conf_node_complain(node, "status: \"%s\" is not among this profile's statuses", name);
			return false;
		}
		channel->status[channel->n_status++] = (uint8_t)found;
	}
	return true;
}

static bool read_absent(struct conf_node node, struct channel *channel)
{
	struct conf_node values = conf_array(node, "absent", false);

	if (conf_count(values) > CHANNEL_ABSENT) {
		conf_node_complain(node, "absent: at most %d values are possible", CHANNEL_ABSENT);
		return false;
	}
	for (size_t i = 0; i < conf_count(values); i++) {
		if (!conf_int_at(values, i, &channel->absent[i])) {
			return false;
		}
		channel->n_absent++;
	}
	return true;
}

static void read_channel(struct conf_node node, size_t notation, struct profile *p)
{
	static const char *const keys[] = { "name", "function", "address", "type", "order", "scale", "offset", "unit",
		"min", "max", "absent", "status", NULL };
	struct channel *channel = &p->channels[p->n_channels];

	*channel = (struct channel){ .scale = 1.0, .min = NAN, .max = NAN };
	conf_allow(node, keys);
	bool good = conf_name(node, "name", true, channel->name, sizeof(channel->name));
	if (good && profile_channel(p, channel->name)) {
		conf_node_complain(node, "the channel \"%s\" stands here twice", channel->name);
		good = false;
	}
	good &= read_field(node, notation, &channel->field);
	good &= conf_string(node, "unit", true, channel->unit, sizeof(channel->unit));
	good &= read_status_names(node, p, channel) && read_absent(node, channel);
	(void)conf_double(node, "scale", false, -1e9, 1e9, &channel->scale); /* all four are optional */
	(void)conf_double(node, "offset", false, -1e9, 1e9, &channel->offset);
	(void)conf_double(node, "min", false, -1e9, 1e9, &channel->min);
	(void)conf_double(node, "max", false, -1e9, 1e9, &channel->max);
	p->n_channels += good;
}

static size_t read_head(struct conf_node root, struct profile *p)
{
	static const char *const keys[] = { "name", "maker", "model", "source", "confidence", "addresses",
		"max_registers", "max_gap", NULL };
	struct conf_node head = conf_group(root, "profile", true);
	int64_t max_registers = REQUEST_REGISTERS, max_gap = 0;
	size_t notation = 0;

	conf_allow(head, keys);
	(void)conf_string(head, "maker", true, p->maker, sizeof(p->maker)); /* a complaint refuses the file */
	(void)conf_string(head, "model", true, p->model, sizeof(p->model));
	(void)conf_string(head, "source", true, p->source, sizeof(p->source));
	(void)conf_string(head, "confidence", true, p->confidence, sizeof(p->confidence));
	(void)conf_choice(head, "addresses", true, notation_names, &notation);
	(void)conf_int(head, "max_registers", false, 1, REQUEST_REGISTERS, &max_registers);
	(void)conf_int(head, "max_gap", false, 0, REQUEST_REGISTERS, &max_gap);
	char name[sizeof(p->name)];
	if (conf_name(head, "name", true, name, sizeof(name)) && strcmp(name, p->name) != 0) {
		conf_node_complain(
			head, "the profile calls itself \"%s\", but the file is named \"%s\"", name, p->name);
	}
	p->max_registers = (unsigned)max_registers;
	p->max_gap = (unsigned)max_gap;
	return notation;
}

static void read_profile(struct conf_node root, struct profile *p)
{
	static const char *const keys[] = { "profile", "channels", "statuses", NULL };

	conf_allow(root, keys);
	size_t notation = read_head(root, p);
	struct conf_node statuses = conf_list(root, "statuses", false);
	struct conf_node channels = conf_list(root, "channels", true);
	if (conf_count(statuses) > PROFILE_STATUSES || conf_count(channels) > PROFILE_CHANNELS) {
		conf_node_complain(root, "%zu channels and %zu statuses; at most %d and %d are possible",
			conf_count(channels), conf_count(statuses), PROFILE_CHANNELS, PROFILE_STATUSES);
		return;
	}
	for (size_t i = 0; i < conf_count(statuses); i++) {
		read_status(conf_at(statuses, i), notation, p);
	}
	for (size_t i = 0; i < conf_count(channels); i++) {
		read_channel(conf_at(channels, i), notation, p);
	}
	if (plan_requests(p) < 0) {
		conf_node_complain(
			root, "reading this takes more than %d requests; allow holes with max_gap", PROFILE_REQUESTS);
	}
}

const struct profile *conf_load_profile(struct conf_load *load, const char *name)
{
	struct site *site = load->site;
	char relative[PATH_SIZE], path[PATH_SIZE * 2];

	for (size_t i = 0; i < site->n_profiles; i++) {
		if (strcmp(site->profiles[i]->name, name) == 0) {
			return site->profiles[i];
		}
	}
	struct profile *p = calloc(1, sizeof(*p));
	struct profile **slot =
		p ? conf_grow(load, &site->profiles, &site->n_profiles, sizeof(struct profile *)) : NULL;
	if (!slot) {
		free(p);
		return NULL;
	}
	*slot = p;
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(relative, sizeof(relative), "profiles.d/%s.conf", name);
	conf_find(load, relative, path, sizeof(path));
	struct conf *conf = conf_open(path, load->errors);
	if (!conf) {
		return p; /* the complaint refuses the configuration; one is enough for all its users */
	}
	read_profile(conf_root(conf), p);
	conf_close(conf);
	return p;
}
