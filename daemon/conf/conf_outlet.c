/* conf_outlet.c - reads the outlets of emisd.conf. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/conf/conf_internal.h"

static void read_tiers(struct conf_node node, char (*tiers)[16])
{
	struct conf_node array = conf_array(node, "tiers", true);
	char text[16], words[CONF_WORDS_SIZE];

	if (conf_count(array) > OUTLET_TIERS) {
		conf_node_complain(node, "tiers: found more than the %d tiers that exist; remove some", OUTLET_TIERS);
		return;
	}
	for (size_t i = 0; i < conf_count(array); i++) {
		size_t known = 0;
		if (!conf_string_at(array, i, text, sizeof(text))) {
			continue;
		}
		while (conf_tiers[known] && strcmp(conf_tiers[known], text) != 0) {
			known++;
		}
		if (!conf_tiers[known] || conf_wants_tier(tiers, text)) {
			conf_node_complain(node, "tiers: \"%s\" is %s%s", text,
				conf_tiers[known] ? "there twice" : "not known",
				conf_tiers[known] ? "" : conf_words(text, conf_tiers, words));
			continue;
		}
		size_t used = 0;
		while (tiers[used][0]) {
			used++;
		}
		memcpy(tiers[used], text, sizeof(text));
	}
}

static void read_also_sectors(struct conf_node node, struct outlet *outlet)
{
	struct conf_node array = conf_array(node, "also_sectors", false);

	if (conf_count(array) > OUTLET_SECTORS) {
		conf_node_complain(node, "also_sectors: at most %d are possible", OUTLET_SECTORS);
		return;
	}
	for (size_t i = 0; i < conf_count(array); i++) {
		if (!conf_string_at(array, i, outlet->also_sectors[i], sizeof(outlet->also_sectors[i]))) {
			return;
		}
	}
}

/* Reads the settings of the outlet itself. Only id, medium and sector are required. */
static void read_outlet_settings(struct conf_node node, struct outlet *outlet)
{
	static const char *const media[] = { "gas", "water", NULL };
	size_t medium = 0;
	bool air = false;

	(void)conf_topic_level(node, "id", outlet->id, sizeof(outlet->id)); /* complaints refuse the file */
	if (strcmp(outlet->id, GATEWAY) == 0) {
		conf_node_complain(node, "id: \"%s\" stands for the box itself; give the outlet another id", GATEWAY);
	}
	(void)conf_string(node, "name", false, outlet->name, sizeof(outlet->name));
	(void)conf_choice(node, "medium", true, media, &medium);
	(void)conf_name(node, "sector", true, outlet->sector, sizeof(outlet->sector));
	outlet->medium = (enum medium)medium;
	outlet->barometric_pa = NAN;
	outlet->area_m2 = NAN;
	outlet->built = BUILT_UNKNOWN;
	outlet->air_added = -1;
	if (conf_double(node, "barometric_kpa", false, CONF_RANGE(50.0, 110.0), &outlet->barometric_pa)) {
		outlet->barometric_pa *= 1000.0;
	} else if (conf_has(node, "barometric_kpa")) {
		outlet->barometric_pa = 101325.0; /* already refused; a number avoids complaints that it is missing */
	}
	(void)conf_double(node, "area", false, CONF_RANGE(1e-4, 1e4), &outlet->area_m2);
	(void)conf_date(node, "built", false, &outlet->built);
	(void)conf_duration(node, "grace", false, CONF_RANGE(SECOND_MS, 6 * HOUR_MS), &outlet->grace_ms);
	if (conf_bool(node, "air_added", false, &air)) {
		outlet->air_added = air;
	}
	read_also_sectors(node, outlet);
}

static void read_outlet(struct conf_load *load, struct conf_node node, size_t index)
{
	static const char *const keys[] = { "id", "name", "medium", "sector", "also_sectors", "tiers", "barometric_kpa",
		"area", "built", "grace", "air_added", "confirmed", "points", NULL };
	struct outlet *outlet = &load->site->outlets[index];
	char(*tiers)[16] = load->site->tiers[index];

	conf_allow_keys(node, keys);
	read_outlet_settings(node, outlet);
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
		conf_read_point(load, conf_at(points, i), outlet, index);
	}
	conf_set_computed_bounds(outlet);
	conf_bind_limits(load, node, outlet, tiers);
	conf_read_confirmed(load, node, outlet);
	conf_check_inputs(node, outlet);
}

void conf_load_outlets(struct conf_load *load, struct conf_node root)
{
	struct conf_node list = conf_list(root, "outlets", true);
	struct site *site = load->site;

	for (size_t i = 0; i < conf_count(list); i++) {
		size_t n_tiers = site->n_outlets;
		if (!conf_grow_array(load, &site->tiers, &n_tiers, sizeof(*site->tiers)) ||
			!conf_grow_array(load, &site->outlets, &site->n_outlets, sizeof(*site->outlets))) {
			return;
		}
		read_outlet(load, conf_at(list, i), i);
	}
}
