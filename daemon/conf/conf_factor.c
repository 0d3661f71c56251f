/* conf_factor.c - reads factors.conf. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "daemon/conf/conf_internal.h"

static const char *const media[] = { "gas", "water", "process", NULL };

const struct factor *site_factor(const struct site *site, const char *key)
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

	conf_allow_keys(node, keys);
	bool good = conf_topic_level(node, "key", f.key, sizeof(f.key));
	(void)conf_string(node, "code", false, f.code, sizeof(f.code)); /* not every factor has one */
	good &= conf_string(node, "name", true, f.name, sizeof(f.name));
	good &= conf_string(node, "name_zh", true, f.name_zh, sizeof(f.name_zh));
	good &= conf_string(node, "unit", true, f.unit, sizeof(f.unit));
	good &= conf_choice(node, "medium", true, media, &medium);
	good &= conf_int(node, "decimals", true, CONF_RANGE(0, 9), &decimals);
	(void)conf_double(node, "molar_mass", false, CONF_RANGE(1.0, 1000.0), &f.molar_mass); /* optional */
	(void)conf_bool(node, "flow_weighted", false, &f.flow_weighted);                      /* optional */
	if (good && site_factor(load->site, f.key)) {
		conf_node_complain(node, "the factor \"%s\" is described twice; remove one", f.key);
		good = false;
	}
	struct factor *slot =
		good ? conf_grow_array(load, &load->site->factors, &load->site->n_factors, sizeof(f)) : NULL;
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

	conf_find_file(load, "factors.conf", path, sizeof(path));
	struct conf *conf = conf_open(path, load->errors);
	if (!conf) {
		return;
	}
	conf_allow_keys(conf_root(conf), keys);
	struct conf_node list = conf_list(conf_root(conf), "factors", true);
	for (size_t i = 0; i < conf_count(list); i++) {
		read_factor(load, conf_at(list, i));
	}
	conf_close(conf);
}

const char *conf_nearest_factor(const struct site *site, const char *key, char *buf)
{
	const char *nearest = NULL;

	for (size_t i = 0; i < site->n_factors; i++) {
		text_keep_nearest(key, site->factors[i].key, &nearest);
	}
	return text_did_you_mean(nearest, buf);
}
