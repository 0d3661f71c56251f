/* conf_point.c - reads the points of an outlet: what they measure, which channel feeds them, and which other points
 * they need. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/convert.h"
#include "daemon/conf/conf_internal.h"

#define MAX_AGE_POLLS 3
#define MAX_AGE_MARGIN_MS 5000

static size_t find_instrument(const struct site *site, const char *name, size_t length)
{
	for (size_t i = 0; i < site->n_instruments; i++) {
		if (strlen(site->instruments[i].name) == length &&
			strncmp(site->instruments[i].name, name, length) == 0) {
			return i;
		}
	}
	return site->n_instruments;
}

static void complain_of_instrument(
	struct conf_node node, const char *key, const struct site *site, const char *name, size_t length)
{
	char found[NAME_SIZE + CHANNEL_NAME_SIZE], words[CONF_WORDS_SIZE];

	snprintf(found, sizeof(found), "%.*s", (int)length, name);
	conf_node_complain(node, "%s: there is no instrument \"%s\"%s", key, found,
		conf_names(found, site->instruments[0].name, site->n_instruments, sizeof(site->instruments[0]), words));
}

/* Checks that the channel has the factor's unit, or one that can be converted: ppm, or, for a velocity, the dynamic
 * pressure of a pitot tube. */
static bool check_unit(struct conf_node node, const char *from, struct point *point, const struct channel *channel)
{
	const struct factor *factor = point->factor;
	const char *expected = point->pitot_kp > 0.0 ? "Pa" : factor->unit;

	point->ppm = strcmp(channel->unit, "ppm") == 0 && strcmp(factor->unit, "mg/m3") == 0;
	if (point->ppm && isnan(factor->molar_mass)) {
		conf_node_complain(node, "%s comes in ppm, and %s has no molar_mass in factors.conf to convert it",
			from, factor->key);
		return false;
	}
	if (!point->ppm && strcmp(channel->unit, expected) != 0) {
		conf_node_complain(node, "%s is in %s, but %s is measured and judged in %s", from, channel->unit,
			factor->key, expected);
		return false;
	}
	return true;
}

/* Reads `from`: a channel of an instrument, as in "gas.so2". */
static bool read_source(struct conf_load *load, struct conf_node node, struct point *point, struct feed *feed)
{
	char from[NAME_SIZE + CHANNEL_NAME_SIZE];
	char words[CONF_WORDS_SIZE];
	const struct site *site = load->site;

	if (!conf_string(node, "from", true, from, sizeof(from))) {
		return false;
	}
	const char *dot = strrchr(from, '.');
	if (!dot || dot == from || dot[1] == '\0') {
		conf_node_complain(
			node, "from: found \"%s\", expected INSTRUMENT.CHANNEL, for example \"gas.so2\"", from);
		return false;
	}
	feed->instrument = find_instrument(site, from, (size_t)(dot - from));
	if (feed->instrument == site->n_instruments) {
		complain_of_instrument(node, "from", site, from, (size_t)(dot - from));
		return false;
	}
	const struct profile *profile = site->instruments[feed->instrument].profile;
	if (!profile || profile->n_channels == 0) {
		return false; /* the profile has its own complaint */
	}
	feed->channel = profile_channel(profile, dot + 1);
	if (!feed->channel) {
		conf_node_complain(node, "from: the profile \"%s\" has no channel \"%s\"%s", profile->name, dot + 1,
			conf_names(dot + 1, profile->channels[0].name, profile->n_channels, sizeof(struct channel),
				words));
		return false;
	}
	return check_unit(node, from, point, feed->channel);
}

/* Reads `flags`: statuses of other instruments, as in "plc.state". */
static bool read_flags(struct conf_load *load, struct conf_node node, struct feed *feed)
{
	struct conf_node names = conf_array(node, "flags", false);
	const struct site *site = load->site;
	char from[NAME_SIZE + CHANNEL_NAME_SIZE], words[CONF_WORDS_SIZE];

	if (conf_count(names) > FEED_FLAGS) {
		conf_node_complain(node, "flags: at most %d are possible", FEED_FLAGS);
		return false;
	}
	for (size_t i = 0; i < conf_count(names); i++) {
		struct feed_flag *flag = &feed->flags[i];
		if (!conf_string_at(names, i, from, sizeof(from))) {
			return false;
		}
		const char *dot = strrchr(from, '.');
		if (!dot) {
			conf_node_complain(node,
				"flags: found \"%s\", expected INSTRUMENT.STATUS, for example \"plc.state\"", from);
			return false;
		}
		flag->instrument = find_instrument(site, from, (size_t)(dot - from));
		if (flag->instrument == site->n_instruments) {
			complain_of_instrument(node, "flags", site, from, (size_t)(dot - from));
			return false;
		}
		const struct profile *profile = site->instruments[flag->instrument].profile;
		flag->status = profile ? profile_status(profile, dot + 1) : NULL;
		if (!flag->status) {
			conf_node_complain(node, "flags: the profile of \"%.*s\" has no status \"%s\"%s",
				(int)(dot - from), from, dot + 1,
				profile ? conf_names(dot + 1, profile->statuses[0].name, profile->n_statuses,
						  sizeof(struct status), words)
					: "");
			return false;
		}
		feed->n_flags++;
	}
	return true;
}

/* Reads `computed`: a value that no instrument gives. */
static bool read_computed(struct conf_node node, struct point *point, const struct outlet *outlet)
{
	static const char *const names[] = { "no+no2", "velocity", NULL };
	static const char *const factors[] = { "nox", "gasflow" };
	size_t choice = 0;

	if (!conf_choice(node, "computed", true, names, &choice)) {
		return false;
	}
	point->computed = (enum computed)(choice + COMPUTED_NOX);
	if (strcmp(point->factor->key, factors[choice]) != 0 || outlet->medium != MEDIUM_GAS) {
		conf_node_complain(node, "computed: \"%s\" makes %s of a gas outlet, not %s", names[choice],
			factors[choice], point->factor->key);
		return false;
	}
	return true;
}

static bool read_pitot(struct conf_node node, struct point *point)
{
	static const char *const keys[] = { "kp", "density", NULL };
	struct conf_node pitot = conf_group(node, "pitot", false);

	if (!pitot.setting) {
		return true;
	}
	conf_allow_keys(pitot, keys);
	bool good = conf_double(pitot, "kp", true, CONF_RANGE(0.1, 2.0), &point->pitot_kp);
	good &= conf_double(pitot, "density", true, CONF_RANGE(0.1, 5.0), &point->gas_density);
	if (strcmp(point->factor->key, "velocity") != 0) {
		conf_node_complain(pitot, "pitot makes a velocity, not %s", point->factor->key);
		return false;
	}
	return good;
}

/* Complains about a setting that belongs to another medium or factor, because it would be ignored in silence. */
static bool check_belongs(struct conf_node node, const char *key, bool here, const char *where)
{
	if (!here && conf_has(node, key)) {
		conf_node_complain(node, "%s belongs to %s", key, where);
		return false;
	}
	return true;
}

static bool read_numbers(struct conf_node node, struct point *point, const struct outlet *outlet)
{
	static const char *const bases[] = { "dry", "wet", NULL };
	static const char *const states[] = { "standard", "actual", NULL };
	bool gas = outlet->medium == MEDIUM_GAS;
	const char *key = point->factor->key;
	size_t basis = 0, state = 0;

	(void)conf_choice(node, "basis", false, bases, &basis);  /* dry unless configured */
	(void)conf_choice(node, "state", false, states, &state); /* standard unless configured */
	point->wet = basis == 1;
	point->actual = state == 1;
	(void)conf_double(
		node, "kv", false, CONF_RANGE(0.01, 10.0), &point->field_coefficient); /* the rest is optional, too */
	(void)conf_double(node, "slope", false, CONF_RANGE(0.001, 1000.0), &point->slope);
	(void)conf_double(node, "intercept", false, CONF_RANGE(-1e4, 1e4), &point->intercept);
	(void)conf_double(node, "wrap", false, CONF_RANGE(1.0, 1e15), &point->counter_wrap);
	(void)conf_double(node, "range", false, CONF_RANGE(1e-6, 1e9), &point->range);
	point->has_least = conf_double(node, "least", false, CONF_RANGE(-1e9, 1e9), &point->least);
	(void)conf_duration(node, "hold", false, CONF_RANGE(MINUTE_MS, HOUR_MS), &point->hold_ms);
	(void)conf_duration(node, "cycle", false, CONF_RANGE(10 * MINUTE_MS, DAY_MS), &point->cycle_ms);
	bool good = check_belongs(node, "basis", gas, "gas") && check_belongs(node, "state", gas, "gas");
	good &= check_belongs(node, "hold", gas, "gas; water analysers have a cycle");
	good &= check_belongs(node, "cycle", !gas, "water; a gas analyser's result has a hold");
	good &= check_belongs(node, "kv", strcmp(key, "velocity") == 0, "velocity");
	good &= check_belongs(node, "slope", strcmp(key, "pm") == 0 || strcmp(key, "tsp") == 0, "dust");
	if (conf_has(node, "intercept") && !conf_has(node, "slope")) {
		conf_node_complain(node, "intercept needs slope");
		good = false;
	}
	good &= check_belongs(node, "wrap", strcmp(key, "flow-total") == 0, "flow-total");
	if (point->cycle_ms > 0 &&
		(point->cycle_ms < HOUR_MS ? HOUR_MS % point->cycle_ms : DAY_MS % point->cycle_ms) != 0) {
		conf_node_complain(node,
			"cycle: an hour (or, for a longer cycle, a day) is not made of whole cycles; choose a cycle "
			"that divides it");
		good = false;
	}
	return good && read_pitot(node, point);
}

static const struct factor *read_factor(struct conf_load *load, struct conf_node node, const struct outlet *outlet)
{
	static const char *const media[] = {
		[MEDIUM_GAS] = "gas", [MEDIUM_WATER] = "water", [MEDIUM_PROCESS] = "process"
	};
	char key[FACTOR_KEY_SIZE], words[CONF_WORDS_SIZE];

	if (!conf_name(node, "factor", true, key, sizeof(key))) {
		return NULL;
	}
	const struct factor *factor = site_factor(load->site, key);
	if (!factor) {
		conf_node_complain(node, "factor: \"%s\" is not in factors.conf%s", key,
			conf_nearest_factor(load->site, key, words));
		return NULL;
	}
	if (!outlet_takes(outlet, factor->medium)) {
		conf_node_complain(node, "factor: %s is a %s factor, but outlet %s is %s", key, media[factor->medium],
			outlet->id, media[outlet->medium]);
		return NULL;
	}
	if (outlet_point(outlet, key) >= 0) {
		conf_node_complain(node, "factor: outlet %s has two points for %s", outlet->id, key);
		return NULL;
	}
	return factor;
}

static void add_point(struct conf_load *load, struct outlet *outlet, const struct point *point)
{
	struct point *slot = conf_grow_array(load, &outlet->points, &outlet->n_points, sizeof(*slot));

	if (slot) {
		*slot = *point;
	}
}

/* How old a reading may be before the instrument counts as silent: three intervals of its channel and a margin for slow
 * answers. Both numbers are our choice. */
static int64_t max_age_ms(const struct instrument_conf *instrument, const struct channel *channel)
{
	int64_t every_ms = (int64_t)channel->field.every_s * SECOND_MS;

	return MAX_AGE_POLLS * (every_ms > instrument->poll_ms ? every_ms : instrument->poll_ms) + MAX_AGE_MARGIN_MS;
}

void conf_read_point(struct conf_load *load, struct conf_node node, struct outlet *outlet, size_t outlet_index)
{
	static const char *const keys[] = { "factor", "from", "computed", "flags", "basis", "state", "pitot", "kv",
		"slope", "intercept", "wrap", "range", "least", "hold", "cycle", NULL };
	struct point point = { 0 };
	struct feed feed = { .outlet = outlet_index, .point = outlet->n_points };

	conf_allow_keys(node, keys);
	point.factor = read_factor(load, node, outlet);
	if (!point.factor || !read_numbers(node, &point, outlet)) {
		return;
	}
	if (conf_has(node, "computed")) {
		if (conf_has(node, "from") || conf_has(node, "flags")) {
			conf_node_complain(node, "a point is either computed or comes from an instrument");
		} else if (read_computed(node, &point, outlet)) {
			add_point(load, outlet, &point);
		}
		return;
	}
	if (!read_source(load, node, &point, &feed) || !read_flags(load, node, &feed)) {
		return;
	}
	if (point.cycle_ms > 0 && feed.channel->result_time.registers == 0) {
		conf_node_complain(node,
			"cycle: the channel \"%s\" has no result_time in its profile; without it a new result cannot "
			"be told "
			"from the last one",
			feed.channel->name);
		return;
	}
	if (!point.has_least && !isnan(feed.channel->min)) {
		/* decode_channel() gives no value below the channel's min. */
		point.least = point_in_unit(&point, feed.channel->min);
		point.has_least = !isnan(point.least); /* a pitot tube gives no velocity at a pressure below zero */
	}
	point.max_age_ms = max_age_ms(&load->site->instruments[feed.instrument], feed.channel);
	struct feed *slot = conf_grow_array(load, &load->site->feeds, &load->site->n_feeds, sizeof(feed));
	if (slot) {
		*slot = feed;
		add_point(load, outlet, &point);
	}
}

void conf_set_computed_bounds(struct outlet *outlet)
{
	int nox = outlet_point(outlet, "nox"), no = outlet_point(outlet, "no"), no2 = outlet_point(outlet, "no2");

	if (nox < 0 || no < 0 || no2 < 0) {
		return;
	}
	struct point *of_both = &outlet->points[nox];
	const struct point *in[] = { &outlet->points[no], &outlet->points[no2] };
	if (of_both->computed == COMPUTED_NOX && !of_both->has_least && in[0]->has_least && in[1]->has_least) {
		of_both->has_least = true;
		of_both->least = convert_nox_mass(in[0]->least, in[1]->least);
	}
}

/* ---- inputs of computed and converted values: a missing input would become a default in silence ---- */

static void require_points(struct conf_node node, const struct outlet *outlet, const char *what, const char *why,
	const char *const *factors)
{
	for (size_t i = 0; factors[i]; i++) {
		if (outlet_point(outlet, factors[i]) < 0) {
			conf_node_complain(
				node, "%s: %s %s; that needs a point for %s", outlet->id, what, why, factors[i]);
		}
	}
}

static void check_point(struct conf_node node, const struct outlet *outlet, const struct point *point)
{
	static const char *const dry[] = { "humidity", NULL };
	static const char *const standard[] = { "temp", "pressure", NULL };
	static const char *const oxides[] = { "no", "no2", NULL };
	static const char *const flow[] = { "velocity", "temp", "pressure", "humidity", NULL };
	const char *key = point->factor->key;
	bool by_flow = point->computed == COMPUTED_FLOW;

	if (point->wet) {
		require_points(node, outlet, key, "is measured wet", dry);
	}
	if (point->actual) {
		require_points(node, outlet, key, "is measured at stack conditions", standard);
	}
	if (point->computed == COMPUTED_NOX) {
		require_points(node, outlet, key, "is computed", oxides);
	}
	if (by_flow) {
		require_points(node, outlet, key, "is computed", flow);
	}
	if ((point->actual || by_flow) && isnan(outlet->barometric_pa)) {
		conf_node_complain(node, "%s: bringing %s to standard state needs barometric_kpa", outlet->id, key);
	}
	if (by_flow && isnan(outlet->area_m2)) {
		conf_node_complain(node, "%s: computing %s needs area, in m2", outlet->id, key);
	}
	for (size_t k = 0; k < point->n_limits; k++) {
		if (!isnan(point->limits[k]->o2_ref) && outlet_point(outlet, "o2") < 0) {
			conf_node_complain(node, "%s: the limit %s refers to %g %% oxygen; that needs a point for o2",
				outlet->id, point->limits[k]->key, point->limits[k]->o2_ref);
		}
	}
}

void conf_check_inputs(struct conf_node node, const struct outlet *outlet)
{
	for (size_t i = 0; i < outlet->n_points; i++) {
		check_point(node, outlet, &outlet->points[i]);
	}
}
