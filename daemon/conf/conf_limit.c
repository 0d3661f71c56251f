/* conf_limit.c - reads the limit files, one for each legal document. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "core/convert.h"
#include "daemon/conf/conf_internal.h"

bool conf_date(struct conf_node group, const char *key, bool required, struct utc *ret)
{
	char text[32];

	if (!conf_string(group, key, required, text, sizeof(text))) {
		return false;
	}
	/* A legal date begins at midnight in China, whatever the site's clock is set to. */
	if (strlen(text) != 10 || !time_parse(text, CHINA_OFFSET_MIN, ret)) {
		conf_node_complain(group, "%s: \"%s\" is not a date; write it as \"2019-04-22\"", key, text);
		return false;
	}
	return true;
}

static void read_when(struct conf_load *load, struct conf_node limit, struct limit *l)
{
	static const char *const keys[] = { "factor", "above", "at_most", NULL };
	struct conf_node node = conf_group(limit, "when", false);
	char words[CONF_WORDS_SIZE];

	l->when_above = NAN;
	l->when_at_most = NAN;
	if (!node.setting) {
		return;
	}
	conf_allow_keys(node, keys);
	if (conf_name(node, "factor", true, l->when_factor, sizeof(l->when_factor)) &&
		!site_factor(load->site, l->when_factor)) {
		conf_node_complain(node, "when: there is no factor \"%s\" in factors.conf%s", l->when_factor,
			conf_nearest_factor(load->site, l->when_factor, words));
	}
	bool above = conf_double(node, "above", false, CONF_RANGE(-1e6, 1e6), &l->when_above);
	bool at_most = conf_double(node, "at_most", false, CONF_RANGE(-1e6, 1e6), &l->when_at_most);
	if (!above && !at_most) {
		conf_node_complain(node, "when: \"above\" or \"at_most\" is missing");
	}
}

static bool read_bounds(struct conf_node node, struct limit *l)
{
	int64_t digits = 0;

	l->min = NAN;
	l->max = NAN;
	bool min = conf_double(node, "min", false, CONF_RANGE(-1e6, 1e6), &l->min);
	bool max = conf_double(node, "max", false, CONF_RANGE(0.0, 1e6), &l->max);
	if (!min && !max) {
		conf_node_complain(node, "a limit needs \"max\", \"min\" or both");
	} else if (min && max && l->min >= l->max) {
		conf_node_complain(node, "min %g is not below max %g", l->min, l->max);
		return false;
	}
	if (conf_int(node, "digits", false, CONF_RANGE(0, 9), &digits)) {
		l->digits = (int)digits;
	} else {
		int of_min = min ? num_decimals(l->min) : 0, of_max = max ? num_decimals(l->max) : 0;
		l->digits = of_min > of_max ? of_min : of_max;
	}
	return min || max;
}

/* Reads the reference conditions to which a value is converted before it is compared. All are optional. */
static bool read_reference(struct conf_node node, struct limit *l)
{
	static const char *const conditions[] = { "air-added", NULL };
	size_t condition = 0;

	l->o2_ref = NAN;
	l->excess_air = NAN;
	l->gas_volume_per_tonne = NAN;
	bool oxygen = conf_double(node, "o2_ref", false, CONF_RANGE(0.0, 20.9), &l->o2_ref);
	bool air = conf_double(node, "excess_air", false, CONF_RANGE(1.01, 100.0), &l->excess_air);
	(void)conf_double(node, "gas_volume_per_tonne", false, CONF_RANGE(1.0, 1e7), &l->gas_volume_per_tonne);
	l->o2_ref_if_air_added = conf_choice(node, "o2_ref_when", false, conditions, &condition);
	if (oxygen && air) {
		conf_node_complain(node, "o2_ref and excess_air say the same thing twice; give one");
		return false;
	}
	if (l->o2_ref_if_air_added && !oxygen) {
		conf_node_complain(node, "o2_ref_when needs o2_ref");
		return false;
	}
	if (air) {
		l->o2_ref = convert_oxygen_of_excess_air(l->excess_air);
	}
	return true;
}

static bool read_dates(struct conf_node node, struct limit *l)
{
	char existing[16] = "";

	(void)conf_date(node, "in_force", false, &l->in_force); /* otherwise the document's date */
	(void)conf_date(node, "until", false, &l->until);
	(void)conf_date(node, "built_before", false, &l->built_before);
	l->new_since = l->in_force;
	(void)conf_date(node, "new_since", false, &l->new_since);
	l->in_force_existing = l->in_force;
	if (conf_has(node, "in_force_existing") &&
		conf_string(node, "in_force_existing", false, existing, sizeof(existing)) &&
		strcmp(existing, "never") == 0) {
		l->in_force_existing = TIME_NEVER;
	} else {
		(void)conf_date(node, "in_force_existing", false, &l->in_force_existing);
	}
	if (l->until.ms <= l->in_force.ms) {
		conf_node_complain(node, "%s: until is not after in_force", l->key);
		return false;
	}
	return true;
}

/* Complains when the factor does not exist, or when the limit has another unit than its factor: it would be compared
 * with a wrong number. */
static bool check_factor(struct conf_load *load, struct conf_node node, const struct limit *l)
{
	const struct factor *factor = site_factor(load->site, l->factor);
	char words[CONF_WORDS_SIZE];

	if (!factor) {
		conf_node_complain(node, "%s: there is no factor \"%s\" in factors.conf%s", l->key, l->factor,
			conf_nearest_factor(load->site, l->factor, words));
		return false;
	}
	if (strcmp(factor->unit, l->unit) != 0) {
		conf_node_complain(node, "%s: the limit is in %s, but %s is measured in %s", l->key, l->unit, l->factor,
			factor->unit);
		return false;
	}
	return true;
}

const char *const conf_tiers[] = { "ultra-low", "special", "local", "general", "own", NULL };

static bool read_name(struct conf_node node, struct limit *l)
{
	size_t tier = 0;
	bool good = conf_name(node, "key", true, l->key, sizeof(l->key));

	good &= conf_name(node, "sector", true, l->sector, sizeof(l->sector));
	good &= conf_name(node, "factor", true, l->factor, sizeof(l->factor));
	good &= conf_string(node, "unit", true, l->unit, sizeof(l->unit));
	good &= conf_string(node, "clause", true, l->clause, sizeof(l->clause));
	good &= conf_choice(node, "tier", true, conf_tiers, &tier);
	good &= conf_bool(node, "verified", true, &l->verified);
	(void)conf_string(node, "confidence", false, l->confidence, sizeof(l->confidence)); /* optional */
	(void)conf_string(node, "note", false, l->note, sizeof(l->note));                   /* optional */
	snprintf(l->tier, sizeof(l->tier), "%s", conf_tiers[tier]);
	return good;
}

/* Compares the key with those of all earlier limits. For 400 rows this is fast enough, and the limits stay in the order
 * of the files, in which they are shown. */
static bool is_new_key(struct conf_load *load, struct conf_node node, const char *key)
{
	for (size_t i = 0; i < load->site->n_limits; i++) {
		if (strcmp(load->site->limits[i].key, key) == 0) {
			conf_node_complain(node, "the key \"%s\" is in the catalogue twice", key);
			return false;
		}
	}
	return true;
}

static void read_limit(struct conf_load *load, struct conf_node node, const struct limit *defaults)
{
	static const char *const keys[] = { "key", "sector", "tier", "factor", "min", "max", "digits", "unit", "o2_ref",
		"o2_ref_when", "excess_air", "gas_volume_per_tonne", "period", "share_of_month", "clause", "confidence",
		"verified", "in_force", "in_force_existing", "new_since", "until", "built_before", "when", "note",
		NULL };
	static const char *const periods[] = { "instant", "hour", "day", "month", NULL };
	size_t period = 0;
	struct limit l = *defaults;

	conf_allow_keys(node, keys);
	bool good = read_name(node, &l);
	good &= conf_choice(node, "period", true, periods, &period);
	l.period = (enum limit_period)period;
	l.share_of_month = NAN;
	(void)conf_double(node, "share_of_month", false, CONF_RANGE(0.0, 1.0), &l.share_of_month); /* optional */
	good &= read_bounds(node, &l);
	good &= read_reference(node, &l);
	good &= read_dates(node, &l);
	read_when(load, node, &l);
	if (!good || !is_new_key(load, node, l.key) || !check_factor(load, node, &l)) {
		return;
	}
	struct limit *slot = conf_grow_array(load, &load->site->limits, &load->site->n_limits, sizeof(l));
	if (slot) {
		*slot = l;
	}
}

/* Stores a document in its own memory: limits point to it, so it must not move when others are added. */
static const struct legal_document *keep_document(struct conf_load *load, const struct legal_document *d)
{
	struct legal_document *kept = malloc(sizeof(*kept));
	struct legal_document **slot = kept ? conf_grow_array(load, &load->site->documents, &load->site->n_documents,
						      sizeof(struct legal_document *))
					    : NULL;

	if (!slot) {
		free(kept);
		return NULL;
	}
	*kept = *d;
	*slot = kept;
	return kept;
}

static void read_limit_file(struct conf_load *load, const char *path)
{
	static const char *const file_keys[] = { "document", "limits", NULL };
	static const char *const document_keys[] = { "number", "title", "in_force", "until", NULL };
	struct conf *conf = conf_open(path, load->errors);
	struct legal_document d = { 0 };
	struct limit defaults = { .until = TIME_NEVER, .built_before = TIME_NEVER };

	if (!conf) {
		return;
	}
	conf_allow_keys(conf_root(conf), file_keys);
	struct conf_node document = conf_group(conf_root(conf), "document", true);
	conf_allow_keys(document, document_keys);
	bool good = conf_string(document, "number", true, d.number, sizeof(d.number));
	good &= conf_string(document, "title", true, d.title, sizeof(d.title));
	good &= conf_date(document, "in_force", true, &defaults.in_force);
	(void)conf_date(document, "until", false, &defaults.until); /* optional */
	defaults.document = good ? keep_document(load, &d) : NULL;
	struct conf_node list = conf_list(conf_root(conf), "limits", true);
	if (defaults.document) {
		for (size_t i = 0; i < conf_count(list); i++) {
			read_limit(load, conf_at(list, i), &defaults);
		}
	}
	conf_close(conf);
}

/* Reads all files of one directory, sorted by name, except those that exist in the directory `except`, too. */
static void read_limit_directory(struct conf_load *load, const char *directory, const char *except)
{
	struct dirent **names;
	int n = scandir(directory, &names, conf_is_file, alphasort);

	for (int i = 0; i < n; i++) {
		char path[PATH_SIZE * 3], other[PATH_SIZE * 3];
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		snprintf(other, sizeof(other), "%s/%s", except ? except : "", names[i]->d_name);
		FILE *replaced = except ? fopen(other, "re") : NULL;
		if (replaced) {
			fclose(replaced);
		} else {
			read_limit_file(load, path);
		}
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
	}
}

void conf_load_limits(struct conf_load *load)
{
	char own[PATH_SIZE * 2], shipped[PATH_SIZE * 2];

	snprintf(own, sizeof(own), "%s/limits.d", load->directory);
	snprintf(shipped, sizeof(shipped), "%s/limits.d", load->catalogue);
	read_limit_directory(load, own, NULL);
	if (strcmp(own, shipped) != 0) {
		read_limit_directory(load, shipped, own);
	}
}
