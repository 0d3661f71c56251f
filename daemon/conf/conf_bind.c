/* conf_bind.c - finds the limits of the catalogue that apply to the points of an outlet, and reads which of them the
 * site confirms. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "daemon/conf/conf_internal.h"

bool site_wants_tier(const struct site *site, size_t outlet, const char *tier)
{
	return conf_wants_tier(site->tiers[outlet], tier);
}

bool conf_wants_tier(char (*tiers)[16], const char *tier)
{
	for (size_t i = 0; i < OUTLET_TIERS && tiers[i][0]; i++) {
		if (strcmp(tiers[i], tier) == 0) {
			return true;
		}
	}
	return false;
}

/* Copies a limit for changes by one outlet; the catalogue's row stays as it is. NULL when out of memory. */
static struct limit *copy_limit(struct conf_load *load, const struct limit *limit)
{
	struct limit *copy = malloc(sizeof(*copy));
	struct limit **slot = copy
		? conf_grow_array(load, &load->site->own_limits, &load->site->n_own_limits, sizeof(struct limit *))
		: NULL;

	if (!slot) {
		free(copy);
		return NULL;
	}
	*copy = *limit;
	*slot = copy;
	return copy;
}

const char *site_refusal(const struct outlet *outlet, const struct limit *limit, char *buf, size_t size)
{
	if (!isnan(limit->gas_volume_per_tonne)) {
		snprintf(buf, size,
			"is set for %g m3 of exhaust per tonne of product; emisd measures no production and does not "
			"judge it",
			limit->gas_volume_per_tonne);
		return buf;
	}
	if (limit->when_factor[0] && outlet_point(outlet, limit->when_factor) < 0) {
		snprintf(buf, size, "depends on %s, which the outlet does not measure; it is not judged",
			limit->when_factor);
		return buf;
	}
	return NULL;
}

/* The number of different reference oxygen contents among the limits of the point. */
static size_t count_o2_refs(const struct point *point)
{
	size_t n = 0;

	for (size_t i = 0; i < point->n_limits; i++) {
		bool first = !isnan(point->limits[i]->o2_ref);
		for (size_t k = 0; k < i; k++) {
			first = first && fabs(point->limits[k]->o2_ref - point->limits[i]->o2_ref) > 1e-9;
		}
		n += first;
	}
	return n;
}

/* Binds one limit to its point. When the limit cannot be judged although operators may expect it, reports why. */
static void bind_limit(struct conf_load *load, struct conf_node node, struct outlet *outlet, const struct limit *limit)
{
	int index = outlet_point(outlet, limit->factor);
	char why[160];

	if (index < 0) {
		return; /* not every factor of a document is measured on line */
	}
	struct point *point = &outlet->points[index];
	if (site_refusal(outlet, limit, why, sizeof(why))) {
		conf_complain(load->warnings, conf_path(node), conf_line(node), "%s: the limit %s %s", outlet->id,
			limit->key, why);
		return;
	}
	if (limit->o2_ref_if_air_added && outlet->air_added != 1) {
		if (outlet->air_added < 0) {
			conf_node_complain(node,
				"%s: the limit %s refers to %g %% oxygen only where air is added to burn the gas; say "
				"air_added = true or false",
				outlet->id, limit->key, limit->o2_ref);
		}
		struct limit *copy = copy_limit(load, limit);
		if (!copy) {
			return;
		}
		copy->o2_ref = NAN; /* the value is judged as measured, GB 37824-2019 4.6 */
		limit = copy;
	}
	if (point->n_limits == POINT_LIMITS) {
		conf_node_complain(node,
			"%s: more than %d limits apply to %s, which is too many; judge the outlet by fewer tiers or "
			"sectors",
			outlet->id, POINT_LIMITS, limit->factor);
		return;
	}
	point->limits[point->n_limits++] = limit;
	if (count_o2_refs(point) > POINT_SERIES - 2) {
		conf_node_complain(node, "%s: the limits of %s refer to more than %d different oxygen contents",
			outlet->id, limit->factor, POINT_SERIES - 2);
	}
}

/* Cuts the sector to as many parts between dots as the word has: for the word "coatings-ink", "coatings-inks.process"
 * becomes "coatings-inks". */
static void cut_sector(const char *word, const char *sector, char *buf, size_t size)
{
	size_t parts = 1, n = 0;

	for (const char *c = word; *c; c++) {
		parts += *c == '.';
	}
	for (; sector[n] && n + 1 < size; n++) {
		parts -= sector[n] == '.';
		if (parts == 0) {
			break;
		}
	}
	snprintf(buf, size, "%.*s", (int)n, sector);
}

const char *site_nearest_sector(const struct site *site, const char *sector)
{
	const char *found = NULL;
	char nearest[48] = "", cut[48];

	for (size_t i = 0; i < site->n_limits; i++) {
		const char *kept = nearest[0] ? nearest : NULL;
		cut_sector(sector, site->limits[i].sector, cut, sizeof(cut));
		text_keep_nearest(sector, cut, &kept);
		if (kept == cut) {
			snprintf(nearest, sizeof(nearest), "%s", cut);
			found = site->limits[i].sector;
		}
	}
	return found;
}

/* Complains that the outlet's sector has no limit of this tier. True when the sector has other tiers; false when the
 * catalogue does not know the sector at all, because it is misspelt. */
static bool complain_of_sector(
	const struct site *site, struct conf_node node, const struct outlet *outlet, const char *tier)
{
	const char *nearest = site_nearest_sector(site, outlet->sector);
	char has[80] = "", hint[TEXT_HINT_SIZE];

	for (size_t i = 0; i < site->n_limits; i++) {
		const struct limit *limit = &site->limits[i];
		size_t n = strlen(has);
		if (outlet_falls_under(outlet, limit) && !strstr(has, limit->tier)) {
			snprintf(has + n, sizeof(has) - n, "%s%s", n ? ", " : "", limit->tier);
		}
	}
	if (has[0]) {
		conf_node_complain(node, "%s: the catalogue has no %s limit for the sector \"%s\"; it has %s ones",
			outlet->id, tier, outlet->sector, has);
	} else {
		conf_node_complain(node, "%s: the catalogue has no sector \"%s\"%s", outlet->id, outlet->sector,
			nearest ? text_did_you_mean(nearest, hint) : "; emisctl limits --all lists the sectors");
	}
	return has[0] != '\0';
}

void conf_bind_limits(struct conf_load *load, struct conf_node node, struct outlet *outlet, char (*tiers)[16])
{
	for (size_t t = 0; t < OUTLET_TIERS && tiers[t][0]; t++) {
		bool found = false;
		for (size_t i = 0; i < load->site->n_limits; i++) {
			const struct limit *limit = &load->site->limits[i];
			found |= outlet_falls_under(outlet, limit) && strcmp(limit->tier, tiers[t]) == 0;
		}
		if (!found && !complain_of_sector(load->site, node, outlet, tiers[t])) {
			return; /* the sector is unknown; the other tiers would give the same complaint */
		}
	}
	for (size_t i = 0; i < load->site->n_limits; i++) {
		const struct limit *limit = &load->site->limits[i];
		if (outlet_falls_under(outlet, limit) && conf_wants_tier(tiers, limit->tier)) {
			bind_limit(load, node, outlet, limit);
		}
	}
}

/* ---- limits whose number was not read in a document and is confirmed by the permit ---- */

/* Finds the limit of this key among the limits of the outlet's points, and returns the place of its pointer. NULL when
 * it applies to none. */
static const struct limit **find_bound(struct outlet *outlet, const char *key)
{
	for (size_t p = 0; p < outlet->n_points; p++) {
		struct point *point = &outlet->points[p];
		for (size_t i = 0; i < point->n_limits; i++) {
			if (strcmp(point->limits[i]->key, key) == 0) {
				return &point->limits[i];
			}
		}
	}
	return NULL;
}

static void confirm_limit(
	struct conf_load *load, struct conf_node node, struct outlet *outlet, const char *key, const char *by)
{
	const struct limit **bound = find_bound(outlet, key);

	if (!bound || (*bound)->verified) {
		conf_node_complain(node,
			"confirmed: \"%s\" is not an unconfirmed limit of a point of %s; remove it or correct the key",
			key, outlet->id);
		return;
	}
	struct limit *copy = copy_limit(load, *bound);
	if (copy) {
		snprintf(copy->confirmed_by, sizeof(copy->confirmed_by), "%s", by);
		*bound = copy;
	}
}

static void warn_unconfirmed(struct conf_load *load, struct conf_node node, const struct outlet *outlet)
{
	for (size_t p = 0; p < outlet->n_points; p++) {
		for (size_t i = 0; i < outlet->points[p].n_limits; i++) {
			const struct limit *limit = outlet->points[p].limits[i];
			if (!limit_citable(limit)) {
				conf_complain(load->warnings, conf_path(node), conf_line(node),
					"%s: nobody has read the number of the limit %s in its document; its alarms "
					"say \"unconfirmed\" until `confirmed` names the permit or document",
					outlet->id, limit->key);
			}
		}
	}
}

void conf_read_confirmed(struct conf_load *load, struct conf_node outlet_node, struct outlet *outlet)
{
	static const char *const keys[] = { "limits", "by", NULL };
	struct conf_node list = conf_list(outlet_node, "confirmed", false);
	const struct limit *any = NULL;
	char key[sizeof(any->key)], by[sizeof(any->confirmed_by)];

	for (size_t i = 0; i < conf_count(list); i++) {
		struct conf_node node = conf_at(list, i);
		conf_allow_keys(node, keys);
		struct conf_node limits = conf_array(node, "limits", true);
		if (!conf_string(node, "by", true, by, sizeof(by))) {
			continue;
		}
		if (by[0] == '\0') {
			conf_node_complain(node, "by: name the permit or document and its page");
			continue;
		}
		for (size_t k = 0; k < conf_count(limits); k++) {
			if (conf_string_at(limits, k, key, sizeof(key))) {
				confirm_limit(load, node, outlet, key, by);
			}
		}
	}
	warn_unconfirmed(load, outlet_node, outlet);
}
