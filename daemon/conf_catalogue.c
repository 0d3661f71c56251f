/* conf_catalogue.c - factors.conf and the limit files. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf_parts.h"

static const char *const media[] = { "gas", "water", NULL };

const struct factor *conf_factor(const struct site *site, const char *key)
{
	for (size_t i = 0; i < site->n_factors; i++) {
		if (strcmp(site->factors[i].key, key) == 0) {
			return &site->factors[i];
		}
	}
	return NULL;
}

static void read_factor(struct conf_load *load, struct conf_node node)
{
	static const char *const keys[] = { "key", "code", "name", "name_zh", "medium", "unit", "decimals",
		"molar_mass", "flow_weighted", NULL };
	struct factor f = { .molar_mass = NAN };
	size_t medium = MEDIUM_GAS;
	int64_t decimals = 0;

	conf_allow(node, keys);
	bool good = conf_name(node, "key", true, f.key, sizeof(f.key));
	good &= conf_string(node, "code", true, f.code, sizeof(f.code));
	good &= conf_string(node, "name", true, f.name, sizeof(f.name));
	good &= conf_string(node, "name_zh", true, f.name_zh, sizeof(f.name_zh));
	good &= conf_string(node, "unit", true, f.unit, sizeof(f.unit));
	good &= conf_choice(node, "medium", true, media, &medium);
	good &= conf_int(node, "decimals", true, 0, 9, &decimals);
	(void)conf_double(node, "molar_mass", false, 1.0, 1000.0, &f.molar_mass); /* optional */
	(void)conf_bool(node, "flow_weighted", false, &f.flow_weighted);          /* optional */
	if (good && conf_factor(load->site, f.key)) {
		conf_node_complain(node, "the factor \"%s\" stands here twice", f.key);
		good = false;
	}
	struct factor *slot = good ? conf_grow(load, &load->site->factors, &load->site->n_factors, sizeof(f)) : NULL;
	if (slot) {
		f.medium = (enum medium)medium;
		f.decimals = (int)decimals;
		*slot = f;
	}
}

void conf_load_factors(struct conf_load *load)
{
	static const char *const keys[] = { "factors", NULL };
	char path[PATH_SIZE * 2];

	conf_find(load, "factors.conf", path, sizeof(path));
	struct conf *conf = conf_open(path, load->errors);
	if (!conf) {
		return;
	}
	conf_allow(conf_root(conf), keys);
	struct conf_node list = conf_list(conf_root(conf), "factors", true);
	for (size_t i = 0; i < conf_count(list); i++) {
		read_factor(load, conf_at(list, i));
	}
	conf_close(conf);
}

static bool read_date(struct conf_node group, const char *key, bool required, struct utc *ret)
{
	char text[32];

	if (!conf_string(group, key, required, text, sizeof(text))) {
		return false;
	}
	/* A legal date begins at midnight in China, whatever the site's clock is set to. */
	if (strlen(text) != 10 || !time_parse(text, 480, ret)) {
		conf_node_complain(group, "%s: \"%s\" is no date; write it as \"2019-04-22\"", key, text);
		return false;
	}
	return true;
}

static void read_when(struct conf_load *load, struct conf_node limit, struct limit *l)
{
	static const char *const keys[] = { "factor", "above", "at_most", NULL };
	struct conf_node node = conf_group(limit, "when", false);

	l->when_above = NAN;
	l->when_at_most = NAN;
	if (!node.setting) {
		return;
	}
	conf_allow(node, keys);
	if (conf_name(node, "factor", true, l->when_factor, sizeof(l->when_factor)) &&
		!conf_factor(load->site, l->when_factor)) {
		conf_node_complain(node, "when: there is no factor \"%s\" in factors.conf", l->when_factor);
	}
	bool above = conf_double(node, "above", false, -1e6, 1e6, &l->when_above);
	bool at_most = conf_double(node, "at_most", false, -1e6, 1e6, &l->when_at_most);
	if (!above && !at_most) {
		conf_node_complain(node, "when: \"above\" or \"at_most\" is missing");
	}
}

static bool read_numbers(struct conf_node node, struct limit *l)
{
	static const char *const periods[] = { "instant", "hour", "day", NULL };
	size_t period = 0;

	l->min = NAN;
	l->max = NAN;
	l->o2_ref = NAN;
	l->share_of_month = NAN;
	bool min = conf_double(node, "min", false, -1e6, 1e6, &l->min);
	bool max = conf_double(node, "max", false, 0.0, 1e6, &l->max);
	(void)conf_double(node, "o2_ref", false, 0.0, 20.9, &l->o2_ref);                /* optional */
	(void)conf_double(node, "share_of_month", false, 0.0, 1.0, &l->share_of_month); /* optional */
	bool good = conf_choice(node, "period", true, periods, &period);
	l->period = (enum limit_period)period;
	if (!min && !max) {
		conf_node_complain(node, "a limit needs \"max\", \"min\" or both");
	} else if (min && max && l->min >= l->max) {
		conf_node_complain(node, "min %g is not below max %g", l->min, l->max);
		good = false;
	}
	return good && (min || max);
}

/* The factor must exist, and a limit in another unit than its factor would be compared with the wrong
 * number. */
static bool check_factor(struct conf_load *load, struct conf_node node, const struct limit *l)
{
	const struct factor *factor = conf_factor(load->site, l->factor);

	if (!factor) {
		conf_node_complain(node, "%s: there is no factor \"%s\" in factors.conf", l->key, l->factor);
		return false;
	}
	if (strcmp(factor->unit, l->unit) != 0) {
		conf_node_complain(node, "%s: the limit is in %s, but %s is measured in %s", l->key, l->unit, l->factor,
			factor->unit);
		return false;
	}
	return true;
}

static void read_limit(struct conf_load *load, struct conf_node node, const struct limit *defaults)
{
	static const char *const keys[] = { "key", "sector", "factor", "min", "max", "unit", "o2_ref", "period",
		"share_of_month", "clause", "confidence", "verified", "in_force", "until", "when", "note", NULL };
	struct limit l = *defaults;

	conf_allow(node, keys);
	bool good = conf_name(node, "key", true, l.key, sizeof(l.key));
	good &= conf_name(node, "sector", true, l.sector, sizeof(l.sector));
	good &= conf_name(node, "factor", true, l.factor, sizeof(l.factor));
	good &= conf_string(node, "unit", true, l.unit, sizeof(l.unit));
	good &= conf_string(node, "clause", true, l.clause, sizeof(l.clause));
	good &= conf_bool(node, "verified", true, &l.verified);
	(void)conf_string(node, "confidence", false, l.confidence, sizeof(l.confidence)); /* optional */
	(void)conf_string(node, "note", false, l.note, sizeof(l.note));                   /* optional */
	(void)read_date(node, "in_force", false, &l.in_force);                            /* the document's otherwise */
	(void)read_date(node, "until", false, &l.until);                                  /* optional */
	good &= read_numbers(node, &l);
	read_when(load, node, &l);
	for (size_t i = 0; good && i < load->site->n_limits; i++) {
		if (strcmp(load->site->limits[i].key, l.key) == 0) {
			conf_node_complain(node, "the key \"%s\" is in the catalogue twice", l.key);
			return;
		}
	}
	if (!good || !check_factor(load, node, &l)) {
		return;
	}
	struct limit *slot = conf_grow(load, &load->site->limits, &load->site->n_limits, sizeof(l));
	if (slot) {
		*slot = l;
	}
}

/* Limits point at their document, so it must not move while others are added. */
static const struct legal_document *keep_document(struct conf_load *load, const struct legal_document *d)
{
	struct legal_document *kept = malloc(sizeof(*kept));
	struct legal_document **slot = kept
		? conf_grow(load, &load->site->documents, &load->site->n_documents, sizeof(struct legal_document *))
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
	static const char *const document_keys[] = { "number", "title", "tier", "in_force", "until", NULL };
	struct conf *conf = conf_open(path, load->errors);
	struct legal_document d = { 0 };
	struct limit defaults = { .until = { INT64_MAX } };

	if (!conf) {
		return;
	}
	conf_allow(conf_root(conf), file_keys);
	struct conf_node document = conf_group(conf_root(conf), "document", true);
	conf_allow(document, document_keys);
	bool good = conf_string(document, "number", true, d.number, sizeof(d.number));
	good &= conf_string(document, "title", true, d.title, sizeof(d.title));
	good &= conf_name(document, "tier", true, d.tier, sizeof(d.tier));
	good &= read_date(document, "in_force", true, &defaults.in_force);
	(void)read_date(document, "until", false, &defaults.until); /* optional */
	defaults.document = good ? keep_document(load, &d) : NULL;
	struct conf_node list = conf_list(conf_root(conf), "limits", true);
	if (defaults.document) {
		for (size_t i = 0; i < conf_count(list); i++) {
			read_limit(load, conf_at(list, i), &defaults);
		}
	}
	conf_close(conf);
}

static int is_conf_file(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

/* All files of one directory, in order of their names; those that `except` also holds are left out. */
static void read_limit_directory(struct conf_load *load, const char *directory, const char *except)
{
	struct dirent **names;
	int n = scandir(directory, &names, is_conf_file, alphasort);

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
	snprintf(shipped, sizeof(shipped), "%s/limits.d", load->share);
	read_limit_directory(load, own, NULL);
	if (strcmp(own, shipped) != 0) {
		read_limit_directory(load, shipped, own);
	}
}
