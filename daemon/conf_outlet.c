/* conf_outlet.c - the outlets of emisd.conf: points, what feeds them, the limits that apply. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/conf_parts.h"

static const char *const tier_names[] = { "ultra-low", "special", "local", "general", "own", NULL };

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

/* "gas.so2": an instrument's channel in the factor's unit. */
static bool read_source(struct conf_load *load, struct conf_node node, struct point *point, struct feed *feed)
{
	char from[NAME_SIZE + CHANNEL_NAME_SIZE];
	const struct site *site = load->site;

	if (!conf_string(node, "from", true, from, sizeof(from))) {
		return false;
	}
	const char *dot = strrchr(from, '.');
	if (!dot || dot == from || dot[1] == '\0') {
		conf_node_complain(node, "from: \"%s\" does not read INSTRUMENT.CHANNEL, as in \"gas.so2\"", from);
		return false;
	}
	feed->instrument = find_instrument(site, from, (size_t)(dot - from));
	if (feed->instrument == site->n_instruments) {
		conf_node_complain(node, "from: there is no instrument \"%.*s\"", (int)(dot - from), from);
		return false;
	}
	const struct profile *profile = site->instruments[feed->instrument].profile;
	if (!profile || profile->n_channels == 0) {
		return false; /* the profile has its own complaint */
	}
	feed->channel = profile_channel(profile, dot + 1);
	if (!feed->channel) {
		conf_node_complain(node, "from: the profile \"%s\" has no channel \"%s\"", profile->name, dot + 1);
		return false;
	}
	point->ppm = strcmp(feed->channel->unit, "ppm") == 0 && strcmp(point->factor->unit, "mg/m3") == 0;
	if (point->ppm && isnan(point->factor->molar_mass)) {
		conf_node_complain(node, "%s comes in ppm, and %s has no molar_mass in factors.conf to convert it",
			from, point->factor->key);
		return false;
	}
	if (!point->ppm && strcmp(feed->channel->unit, point->factor->unit) != 0) {
		conf_node_complain(node, "%s is in %s, but %s is measured and judged in %s", from, feed->channel->unit,
			point->factor->key, point->factor->unit);
		return false;
	}
	return true;
}

/* "plc.state": a status of another instrument's profile. */
static bool read_flags(struct conf_load *load, struct conf_node node, struct feed *feed)
{
	struct conf_node names = conf_array(node, "flags", false);
	const struct site *site = load->site;
	char from[NAME_SIZE + CHANNEL_NAME_SIZE];

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
		flag->instrument = dot ? find_instrument(site, from, (size_t)(dot - from)) : site->n_instruments;
		if (flag->instrument == site->n_instruments) {
			conf_node_complain(node,
				"flags: \"%s\" does not read INSTRUMENT.STATUS with the name of an instrument", from);
			return false;
		}
		const struct profile *profile = site->instruments[flag->instrument].profile;
		flag->status = profile ? profile_status(profile, dot + 1) : NULL;
		if (!flag->status) {
			conf_node_complain(node, "flags: the profile of \"%.*s\" has no status \"%s\"",
				(int)(dot - from), from, dot + 1);
			return false;
		}
		feed->n_flags++;
	}
	return true;
}

static void read_point(struct conf_load *load, struct conf_node node, struct outlet *outlet, size_t outlet_index)
{
	static const char *const keys[] = { "factor", "from", "flags", "basis", "state", NULL };
	static const char *const bases[] = { "dry", "wet", NULL };
	static const char *const states[] = { "standard", "actual", NULL };
	char key[FACTOR_KEY_SIZE];
	size_t basis = 0, state = 0;
	struct point point = { 0 };
	struct feed feed = { .outlet = outlet_index, .point = outlet->n_points };

	conf_allow(node, keys);
	if (!conf_name(node, "factor", true, key, sizeof(key))) {
		return;
	}
	point.factor = conf_factor(load->site, key);
	if (!point.factor) {
		conf_node_complain(node, "factor: \"%s\" is not in factors.conf", key);
		return;
	}
	if (point.factor->medium != outlet->medium) {
		conf_node_complain(node, "factor: %s is a %s factor, but outlet %s is %s", key,
			point.factor->medium == MEDIUM_GAS ? "gas" : "water", outlet->id,
			outlet->medium == MEDIUM_GAS ? "gas" : "water");
		return;
	}
	if (outlet_point(outlet, key) >= 0) {
		conf_node_complain(node, "factor: outlet %s has two points for %s", outlet->id, key);
		return;
	}
	(void)conf_choice(node, "basis", false, bases, &basis);  /* dry unless said */
	(void)conf_choice(node, "state", false, states, &state); /* standard unless said */
	point.wet = basis == 1;
	point.actual = state == 1;
	if (outlet->medium == MEDIUM_WATER && (conf_has(node, "basis") || conf_has(node, "state"))) {
		conf_node_complain(node, "basis and state belong to gas");
		return;
	}
	if (!read_source(load, node, &point, &feed) || !read_flags(load, node, &feed)) {
		return;
	}
	struct feed *slot = conf_grow(load, &load->site->feeds, &load->site->n_feeds, sizeof(feed));
	if (slot) {
		*slot = feed;
		outlet->points[outlet->n_points++] = point;
	}
}

/* An input that a conversion needs and nobody measures would silently become a default. */
static void check_inputs(struct conf_node node, const struct outlet *outlet)
{
	for (size_t i = 0; i < outlet->n_points; i++) {
		const struct point *point = &outlet->points[i];
		const char *key = point->factor->key;
		if (point->wet && outlet_point(outlet, "humidity") < 0) {
			conf_node_complain(
				node, "%s: %s is measured wet; drying it needs a point for humidity", outlet->id, key);
		}
		if (point->actual && (outlet_point(outlet, "temp") < 0 || outlet_point(outlet, "pressure") < 0)) {
			conf_node_complain(node,
				"%s: %s is measured at stack conditions; standard state needs points for temp and "
				"pressure",
				outlet->id, key);
		}
		if (point->actual && isnan(outlet->barometric_pa)) {
			conf_node_complain(node,
				"%s: %s is measured at stack conditions; standard state needs barometric_kpa",
				outlet->id, key);
		}
		for (size_t k = 0; k < point->n_limits; k++) {
			if (!isnan(point->limits[k]->o2_ref) && outlet_point(outlet, "o2") < 0) {
				conf_node_complain(node,
					"%s: the limit %s refers to %g %% oxygen; that needs a point for o2",
					outlet->id, point->limits[k]->key, point->limits[k]->o2_ref);
			}
		}
	}
}

static bool wants_tier(char (*tiers)[16], const char *tier)
{
	for (size_t i = 0; i < OUTLET_TIERS && tiers[i][0]; i++) {
		if (strcmp(tiers[i], tier) == 0) {
			return true;
		}
	}
	return false;
}

bool site_wants_tier(const struct site *site, size_t outlet, const char *tier)
{
	return wants_tier(site->tiers[outlet], tier);
}

/* Binds one limit to its point; says why not where an operator might expect it to be judged. */
static void bind_limit(struct conf_load *load, struct conf_node node, struct outlet *outlet, const struct limit *limit)
{
	int index = outlet_point(outlet, limit->factor);
	const char *path = conf_path(node);

	if (index < 0) {
		return; /* not every factor of a document is measured on line */
	}
	struct point *point = &outlet->points[index];
	if (!limit->verified) {
		conf_complain(load->warnings, path, conf_line(node),
			"%s: the limit %s is not verified and is not judged", outlet->id, limit->key);
	} else if (limit->when_factor[0] && outlet_point(outlet, limit->when_factor) < 0) {
		conf_complain(load->warnings, path, conf_line(node),
			"%s: the limit %s depends on %s, which the outlet does not measure; it is not judged",
			outlet->id, limit->key, limit->when_factor);
	} else if (point->n_limits == POINT_LIMITS) {
		conf_node_complain(
			node, "%s: more than %d limits apply to %s", outlet->id, POINT_LIMITS, limit->factor);
	} else {
		point->limits[point->n_limits++] = limit;
	}
}

static void bind_limits(struct conf_load *load, struct conf_node node, struct outlet *outlet, char (*tiers)[16])
{
	for (size_t t = 0; t < OUTLET_TIERS && tiers[t][0]; t++) {
		bool found = false;
		for (size_t i = 0; i < load->site->n_limits; i++) {
			const struct limit *limit = &load->site->limits[i];
			found |= limit_covers_sector(limit, outlet->sector) &&
				strcmp(limit->document->tier, tiers[t]) == 0;
		}
		if (!found) {
			conf_node_complain(node, "%s: the catalogue has no %s limit for the sector \"%s\"", outlet->id,
				tiers[t], outlet->sector);
		}
	}
	for (size_t i = 0; i < load->site->n_limits; i++) {
		const struct limit *limit = &load->site->limits[i];
		if (limit_covers_sector(limit, outlet->sector) && wants_tier(tiers, limit->document->tier)) {
			bind_limit(load, node, outlet, limit);
		}
	}
}

static void read_tiers(struct conf_node node, char (*tiers)[16])
{
	struct conf_node array = conf_array(node, "tiers", true);
	char text[16];

	if (conf_count(array) > OUTLET_TIERS) {
		conf_node_complain(node, "tiers: there are only %d", OUTLET_TIERS);
		return;
	}
	for (size_t i = 0; i < conf_count(array); i++) {
		size_t known = 0;
		if (!conf_string_at(array, i, text, sizeof(text))) {
			continue;
		}
		while (tier_names[known] && strcmp(tier_names[known], text) != 0) {
			known++;
		}
		if (!tier_names[known] || wants_tier(tiers, text)) {
			conf_node_complain(node, "tiers: \"%s\" %s", text,
				tier_names[known] ? "stands there twice"
						  : "is none of: ultra-low, special, local, general, own");
			continue;
		}
		size_t used = 0;
		while (tiers[used][0]) {
			used++;
		}
		memcpy(tiers[used], text, sizeof(text));
	}
}

static void read_outlet(struct conf_load *load, struct conf_node node, size_t index)
{
	static const char *const keys[] = { "id", "name", "medium", "sector", "tiers", "barometric_kpa", "points",
		NULL };
	static const char *const media[] = { "gas", "water", NULL };
	struct outlet *outlet = &load->site->outlets[index];
	char(*tiers)[16] = load->site->tiers[index];
	size_t medium = 0;

	conf_allow(node, keys);
	(void)conf_name(node, "id", true, outlet->id, sizeof(outlet->id)); /* complaints refuse the file */
	(void)conf_string(node, "name", false, outlet->name, sizeof(outlet->name));
	(void)conf_choice(node, "medium", true, media, &medium);
	(void)conf_name(node, "sector", true, outlet->sector, sizeof(outlet->sector));
	outlet->medium = (enum medium)medium;
	outlet->barometric_pa = NAN;
	if (conf_double(node, "barometric_kpa", false, 50.0, 110.0, &outlet->barometric_pa)) {
		outlet->barometric_pa *= 1000.0;
	}
	for (size_t i = 0; i < index; i++) {
		if (strcmp(load->site->outlets[i].id, outlet->id) == 0) {
			conf_node_complain(node, "the outlet \"%s\" is described twice", outlet->id);
		}
	}
	read_tiers(node, tiers);
	struct conf_node points = conf_list(node, "points", true);
	if (conf_count(points) > OUTLET_POINTS) {
		conf_node_complain(node, "%zu points; an outlet can have %d", conf_count(points), OUTLET_POINTS);
		return;
	}
	for (size_t i = 0; i < conf_count(points); i++) {
		read_point(load, conf_at(points, i), outlet, index);
	}
	bind_limits(load, node, outlet, tiers);
	check_inputs(node, outlet);
}

void conf_load_outlets(struct conf_load *load, struct conf_node root)
{
	struct conf_node list = conf_list(root, "outlets", true);
	struct site *site = load->site;

	for (size_t i = 0; i < conf_count(list); i++) {
		size_t n_tiers = site->n_outlets;
		if (!conf_grow(load, &site->tiers, &n_tiers, sizeof(*site->tiers)) ||
			!conf_grow(load, &site->outlets, &site->n_outlets, sizeof(*site->outlets))) {
			return;
		}
		read_outlet(load, conf_at(list, i), i);
	}
}
