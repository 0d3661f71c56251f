/* conf_channel.c - reads the registers of a profile: channels, statuses, auxiliaries. See docs/profiles.md. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/conf/conf_field.h"
#include "daemon/conf/conf_internal.h"

/* ---- for all registers ---- */

/* False, with a complaint, when the lower bound lies above the upper one: no value would be left. */
static bool check_order(struct conf_node node, const char *low_key, double low, const char *high_key, double high)
{
	if (low > high) { /* false when one of them is NAN */
		conf_node_complain(node, "%s is %g and %s is %g; %s must not lie above %s", low_key, low, high_key,
			high, low_key, high_key);
		return false;
	}
	return true;
}

/* ---- statuses ---- */

static bool read_rule(struct conf_node node, struct status_rule *rule)
{
	static const char *const keys[] = { "equals", "from", "to", "mask", "flag", NULL };
	int64_t mask = 0;
	double equals = 0.0;

	conf_allow_keys(node, keys);
	bool has_equals = conf_double(node, "equals", false, CONF_RANGE(-1e9, 1e10), &equals);
	bool has_range = conf_double(node, "from", false, CONF_RANGE(-1e9, 1e10), &rule->from);
	has_range = conf_double(node, "to", has_range, CONF_RANGE(-1e9, 1e10), &rule->to) && has_range;
	bool has_mask = conf_int(node, "mask", false, CONF_RANGE(1, 0xFFFFFFFFLL), &mask);
	if ((has_equals && has_range) || !(has_equals || has_range || has_mask)) {
		conf_node_complain(
			node, "a rule needs \"equals\", \"from\" with \"to\", or \"mask\" with or without one of them");
		return false;
	}
	if (has_range && !check_order(node, "from", rule->from, "to", rule->to)) {
		return false;
	}
	rule->mask = (uint32_t)mask;
	rule->by_value = has_mask && (has_equals || has_range);
	if (has_equals) {
		rule->from = equals;
		rule->to = equals;
	}
	return conf_field_flag(node, "flag", &rule->flag);
}

static bool read_rules(struct conf_node node, struct status *status)
{
	struct conf_node rules = conf_list(node, "rules", true);
	bool good = true;

	if (conf_count(rules) > STATUS_RULES) {
		conf_node_complain(
			node, "found %zu rules, expected at most %d; remove some", conf_count(rules), STATUS_RULES);
		return false;
	}
	for (size_t i = 0; i < conf_count(rules); i++) {
		good &= read_rule(conf_at(rules, i), &status->rules[status->n_rules++]);
	}
	return good;
}

/* Adds a status at the end. One of the same name is an error, except in a variant, where it is replaced. */
static void put_status(struct conf_node node, struct profile *p, const struct status *status, bool replace)
{
	size_t at = 0;

	while (at < p->n_statuses && strcmp(p->statuses[at].name, status->name) != 0) {
		at++;
	}
	if (at < p->n_statuses && !replace) {
		conf_node_complain(node, "the status \"%s\" is described twice; remove or rename one", status->name);
	} else if (at == PROFILE_STATUSES) {
		conf_node_complain(node, "found more than %d statuses, the most that a profile can have; remove some",
			PROFILE_STATUSES);
	} else {
		p->statuses[at] = *status;
		p->n_statuses += at == p->n_statuses;
	}
}

static void read_status(struct conf_node node, size_t notation, struct profile *p, bool replace)
{
	static const char *const keys[] = { "name", "function", "address", "type", "order", "registers", "every",
		"count", "stride", "rules", "otherwise", NULL };
	struct status status = { 0 };
	struct records records = conf_field_records(node);
	char name[CHANNEL_NAME_SIZE];
	struct reg_field first;

	conf_allow_keys(node, keys);
	bool good = conf_name(node, "name", true, name, sizeof(name));
	good &= conf_field_read(node, notation, &records, &first);
	good &= conf_field_flag(node, "otherwise", &status.otherwise);
	if (good && status.otherwise == FLAG_NORMAL) {
		conf_node_complain(node,
			"otherwise: found N, but a code without a rule must not count as normal; write a rule for the "
			"normal codes");
		good = false;
	}
	good &= read_rules(node, &status);
	for (int64_t i = 0; good && (i == 0 || i < records.count); i++) {
		conf_field_record_name(name, &records, i, status.name);
		status.field = conf_field_of_record(&first, &records, i);
		put_status(node, p, &status, replace);
	}
}

/* Reads a register that identifies the instrument. Any value but the expected one makes all its channels D. */
static void read_identify(struct conf_node node, size_t notation, struct profile *p, bool replace)
{
	static const char *const keys[] = { "name", "function", "address", "type", "order", "registers", "every",
		"equals", "from", "to", NULL };
	static const struct records no_records = { 0, 0 };
	struct status status = { .n_rules = 1, .otherwise = FLAG_FAULT, .of_all = true };
	struct status_rule *rule = &status.rules[0];

	conf_allow_keys(node, keys);
	bool good = conf_name(node, "name", true, status.name, sizeof(status.name));
	good &= conf_field_read(node, notation, &no_records, &status.field);
	if (conf_double(node, "equals", !conf_has(node, "from"), CONF_RANGE(-1e9, 1e10), &rule->from)) {
		rule->to = rule->from;
	} else {
		good &= conf_double(node, "from", true, CONF_RANGE(-1e9, 1e10), &rule->from) &&
			conf_double(node, "to", true, CONF_RANGE(-1e9, 1e10), &rule->to) &&
			check_order(node, "from", rule->from, "to", rule->to);
	}
	if (!conf_has(node, "every")) {
		status.field.every_s = 3600; /* each new connection reads it at once, too */
	}
	if (good) {
		put_status(node, p, &status, replace);
	}
}

/* ---- auxiliaries ---- */

static void read_auxiliary(struct conf_node node, size_t notation, struct profile *p, bool replace)
{
	static const char *const keys[] = { "name", "function", "address", "type", "order", "registers", "every",
		"count", "stride", "scale", NULL };
	struct auxiliary a = { .scale = 1.0 };
	struct records records = conf_field_records(node);
	char name[CHANNEL_NAME_SIZE];
	struct reg_field first;

	conf_allow_keys(node, keys);
	bool good = conf_name(node, "name", true, name, sizeof(name));
	good &= conf_field_read(node, notation, &records, &first);
	(void)conf_double(node, "scale", false, CONF_RANGE(-1e9, 1e9), &a.scale); /* optional */
	for (int64_t i = 0; good && (i == 0 || i < records.count); i++) {
		size_t at = 0;
		conf_field_record_name(name, &records, i, a.name);
		a.field = conf_field_of_record(&first, &records, i);
		while (at < p->n_auxiliaries && strcmp(p->auxiliaries[at].name, a.name) != 0) {
			at++;
		}
		if (at == PROFILE_AUXILIARIES || (at < p->n_auxiliaries && !replace)) {
			conf_node_complain(node,
				"the auxiliary \"%s\" is described twice, or there are more than %d auxiliaries; "
				"remove or rename one",
				a.name, PROFILE_AUXILIARIES);
			return;
		}
		p->auxiliaries[at] = a;
		p->n_auxiliaries += at == p->n_auxiliaries;
	}
}

/* One record of a list entry that is repeated. */
struct record {
	const struct records *records;
	int64_t index;
};

/* Finds the auxiliary that a key of the channel names, or the auxiliary of that name for this record, and sets its
 * number, from 1. Without the key *ret_number is untouched. False with a complaint. */
static bool find_auxiliary(struct conf_node node, const char *key, const struct profile *p, const struct record *record,
	uint8_t *ret_number)
{
	char name[CHANNEL_NAME_SIZE], own[CHANNEL_NAME_SIZE];

	if (!conf_has(node, key)) {
		return true;
	}
	if (!conf_name(node, key, true, name, sizeof(name))) {
		return false;
	}
	conf_field_record_name(name, record->records, record->index, own);
	for (size_t i = 0; i < p->n_auxiliaries; i++) {
		if (strcmp(p->auxiliaries[i].name, own) == 0 || strcmp(p->auxiliaries[i].name, name) == 0) {
			*ret_number = (uint8_t)(i + 1);
			return true;
		}
	}
	conf_node_complain(node, "%s: \"%s\" is not among this profile's auxiliaries", key, name);
	return false;
}

/* ---- channels ---- */

static bool read_status_names(struct conf_node node, const struct profile *p, const struct records *records,
	int64_t index, struct channel *channel)
{
	struct conf_node names = conf_array(node, "status", false);
	char name[CHANNEL_NAME_SIZE], own[CHANNEL_NAME_SIZE];

	if (conf_count(names) > CHANNEL_STATUSES) {
		conf_node_complain(
			node, "status: %zu names; at most %d are possible", conf_count(names), CHANNEL_STATUSES);
		return false;
	}
	channel->n_status = 0;
	for (size_t i = 0; i < conf_count(names); i++) {
		if (!conf_string_at(names, i, name, sizeof(name))) {
			return false;
		}
		conf_field_record_name(name, records, index, own);
		const struct status *found = profile_status(p, own);
		found = found ? found : profile_status(p, name);
		if (!found) {
			conf_node_complain(node, "status: \"%s\" is not among this profile's statuses", name);
			return false;
		}
		channel->status[channel->n_status++] = (uint8_t)(found - p->statuses);
	}
	return true;
}

static bool read_absent(struct conf_node node, struct channel *channel)
{
	struct conf_node values = conf_array(node, "absent", false);

	if (conf_count(values) > CHANNEL_ABSENT) {
		conf_node_complain(node,
			"absent: found more than %d values, the most that a channel can have; remove some",
			CHANNEL_ABSENT);
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

/* Reads a span of raw values, such as the counts of 4 to 20 mA, and the values that it stands for. */
static bool read_span(struct conf_node channel_node, struct channel *channel)
{
	static const char *const keys[] = { "raw_low", "raw_high", "low", "high", NULL };
	struct conf_node node = conf_group(channel_node, "span", false);

	if (!node.setting) {
		return true;
	}
	conf_allow_keys(node, keys);
	bool by_register = conf_has(channel_node, "full_scale");
	bool good = conf_double(node, "raw_low", true, CONF_RANGE(-1e9, 1e10), &channel->span_raw_low) &&
		conf_double(node, "raw_high", true, CONF_RANGE(-1e9, 1e10), &channel->span_raw_high) &&
		conf_double(node, "low", true, CONF_RANGE(-1e9, 1e9), &channel->span_low);
	if (!by_register) {
		good = conf_double(node, "high", true, CONF_RANGE(-1e9, 1e9), &channel->span_high) && good;
	}
	if (good && channel->span_raw_low >= channel->span_raw_high) {
		conf_node_complain(node, "raw_low must be less than raw_high");
		good = false;
	} else if (good && !by_register && channel->span_low == channel->span_high) {
		conf_node_complain(node, "low and high are both %g: every value would be the same", channel->span_low);
		good = false;
	}
	channel->spanned = true;
	return good;
}

static bool read_units(struct conf_node node, struct channel *channel)
{
	static const char *const keys[] = { "code", "factor", NULL };
	struct conf_node units = conf_list(node, "units", conf_has(node, "unit_code"));
	bool good = true;

	if (conf_count(units) > CHANNEL_UNITS) {
		conf_node_complain(node,
			"units: found more than %d units, the most that a channel can have; remove some",
			CHANNEL_UNITS);
		return false;
	}
	for (size_t i = 0; i < conf_count(units); i++) {
		struct conf_node unit = conf_at(units, i);
		conf_allow_keys(unit, keys);
		good &= conf_int(unit, "code", true, CONF_RANGE(0, 0xFFFFFFFFLL), &channel->units[i].code);
		good &= conf_double(unit, "factor", true, CONF_RANGE(1e-12, 1e12), &channel->units[i].factor);
		channel->n_units++;
	}
	return good;
}

static bool read_result_time(struct conf_node channel_node, size_t notation, struct channel *channel)
{
	static const char *const keys[] = { "function", "address", "registers", "format", NULL };
	static const char *const formats[] = { "opaque", "bcd", "binary", NULL };
	struct conf_node node = conf_group(channel_node, "result_time", false);
	int64_t registers = 1;
	size_t format = RESULT_TIME_OPAQUE;

	if (!node.setting) {
		return conf_duration(
			       channel_node, "max_age", false, CONF_RANGE(SECOND_MS, 7 * DAY_MS), &channel->max_age_ms)
			? (conf_node_complain(channel_node, "max_age needs result_time"), false)
			: true;
	}
	conf_allow_keys(node, keys);
	bool good = conf_field_place(node, notation, &channel->result_time);
	good &= conf_int(node, "registers", true, CONF_RANGE(1, FIELD_REGISTERS), &registers);
	good &= conf_duration(channel_node, "max_age", true, CONF_RANGE(SECOND_MS, 7 * DAY_MS), &channel->max_age_ms);
	(void)conf_choice(node, "format", false, formats, &format); /* opaque unless configured */
	if (good && format != RESULT_TIME_OPAQUE && registers != (format == RESULT_TIME_BCD ? 3 : 6)) {
		conf_node_complain(
			node, "a time in %s takes %d registers", formats[format], format == RESULT_TIME_BCD ? 3 : 6);
		good = false;
	}
	channel->result_time_format = (enum result_time_format)format;
	channel->result_time.type = REG_ASCII;
	channel->result_time.registers = (uint8_t)registers;
	return good;
}

/* Reads the settings that are the same for all records of a channel. */
static bool read_channel_values(struct conf_node node, size_t notation, const struct profile *p, struct channel *c)
{
	int64_t tag = 0;
	bool good = conf_string(node, "unit", true, c->unit, sizeof(c->unit));

	(void)conf_double(node, "scale", false, CONF_RANGE(-1e9, 1e9), &c->scale); /* all of these are optional */
	(void)conf_double(node, "offset", false, CONF_RANGE(-1e9, 1e9), &c->offset);
	(void)conf_double(node, "raw_min", false, CONF_RANGE(-1e9, 1e10), &c->raw_min);
	(void)conf_double(node, "raw_max", false, CONF_RANGE(-1e9, 1e10), &c->raw_max);
	(void)conf_double(node, "min", false, CONF_RANGE(-1e9, 1e9), &c->min);
	(void)conf_double(node, "max", false, CONF_RANGE(-1e9, 1e9), &c->max);
	if (p->driver) {
		good &= conf_int(node, "tag", true, CONF_RANGE(0, 65535), &tag);
	} else if (conf_has(node, "tag")) {
		conf_node_complain(
			node, "tag: found it in a profile without a driver, but only a driver uses it; remove it");
	}
	c->tag = (unsigned)tag;
	/* The complaints refuse the file. The channel is kept, so that its points do not also complain that it is
	 * missing. */
	(void)check_order(node, "min", c->min, "max", c->max);
	(void)check_order(node, "raw_min", c->raw_min, "raw_max", c->raw_max);
	if (c->scale == 0.0) {
		conf_node_complain(node, "scale: 0 makes every value the same; expected any other number");
	}
	good &= read_absent(node, c) && read_span(node, c) && read_units(node, c);
	return read_result_time(node, notation, c) && good;
}

static void put_channel(struct conf_node node, struct profile *p, const struct channel *channel, bool replace)
{
	const struct channel *old = profile_channel(p, channel->name);

	if (old && !replace) {
		conf_node_complain(node, "the channel \"%s\" is described twice; remove or rename one", channel->name);
	} else if (!old && p->n_channels == PROFILE_CHANNELS) {
		conf_node_complain(node, "found more than %d channels, the most that a profile can have; remove some",
			PROFILE_CHANNELS);
	} else {
		p->channels[old ? (size_t)(old - p->channels) : p->n_channels++] = *channel;
	}
}

static void read_channel(struct conf_node node, size_t notation, struct profile *p, bool replace)
{
	static const char *const keys[] = { "name", "function", "address", "type", "order", "registers", "every",
		"count", "stride", "scale", "offset", "span", "full_scale", "decimals", "fraction", "unit_code",
		"units", "unit", "raw_min", "raw_max", "min", "max", "absent", "status", "result_time", "max_age",
		"tag", NULL };
	static const char *const driver_keys[] = { "name", "tag", "unit", "min", "max", "status", NULL };
	struct records records = conf_field_records(node);
	struct channel channel;
	struct reg_field first = { 0 };
	char name[CHANNEL_NAME_SIZE];

	channel_init(&channel);
	conf_allow_keys(node, p->driver ? driver_keys : keys);
	bool good = conf_name(node, "name", true, name, sizeof(name));
	good &= p->driver || conf_field_read(node, notation, &records, &first);
	good &= read_channel_values(node, notation, p, &channel);
	struct reg_field first_time = channel.result_time;
	for (int64_t i = 0; good && (i == 0 || i < records.count); i++) {
		conf_field_record_name(name, &records, i, channel.name);
		const struct record record = { &records, i };
		channel.field = conf_field_of_record(&first, &records, i);
		channel.result_time = conf_field_of_record(&first_time, &records, i);
		good = find_auxiliary(node, "full_scale", p, &record, &channel.full_scale) &&
			find_auxiliary(node, "decimals", p, &record, &channel.decimals) &&
			find_auxiliary(node, "fraction", p, &record, &channel.fraction) &&
			find_auxiliary(node, "unit_code", p, &record, &channel.unit_code) &&
			read_status_names(node, p, &records, i, &channel);
		if (good) {
			put_channel(node, p, &channel, replace);
		}
	}
}

/* ---- all lists of a group ---- */

/* How read_list() reads the entries of a list. */
struct lists {
	size_t notation;
	struct profile *profile;
	bool replace;
};

static void read_list(struct conf_node group, const char *key, const struct lists *how,
	void (*read)(struct conf_node entry, size_t notation, struct profile *p, bool replace))
{
	struct conf_node list = conf_list(group, key, false);

	for (size_t i = 0; i < conf_count(list); i++) {
		read(conf_at(list, i), how->notation, how->profile, how->replace);
	}
}

void conf_read_states(struct conf_node group, size_t notation, struct profile *p, bool replace)
{
	const struct lists how = { notation, p, replace };

	read_list(group, "statuses", &how, read_status);
	read_list(group, "identify", &how, read_identify);
	read_list(group, "auxiliaries", &how, read_auxiliary);
}

void conf_read_channels(struct conf_node group, size_t notation, struct profile *p, bool replace)
{
	const struct lists how = { notation, p, replace };

	read_list(group, "channels", &how, read_channel);
}

void conf_note_channels(struct conf_node group, const struct profile *p, struct conf_errors *notes)
{
	struct conf_node list = conf_list(group, "channels", false);
	char name[CHANNEL_NAME_SIZE], own[CHANNEL_NAME_SIZE];

	for (size_t i = 0; i < conf_count(list); i++) {
		struct conf_node node = conf_at(list, i);
		struct records records = conf_field_records(node);
		if (!conf_name(node, "name", true, name, sizeof(name))) {
			continue;
		}
		conf_field_record_name(name, &records, 0, own);
		const struct channel *channel = profile_channel(p, own);
		if (channel && !p->driver && !channel_detects_no_value(channel)) {
			conf_complain(notes, conf_path(node), conf_line(node),
				"channel \"%s\" of the profile \"%s\" has neither a range nor a word that means no "
				"value, "
				"so registers of 0xFFFF, 0x7FFF or 0x8000 may pass for one; write min and max, or "
				"absent",
				name, p->name);
		}
	}
}
