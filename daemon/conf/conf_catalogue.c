/* conf_catalogue.c - reads factors, limits or a profile without emisd.conf, for the tools. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf/conf_internal.h"

struct site *site_load_catalogue(const char *directory, const char *catalogue, struct conf_errors *errors)
{
	size_t before = errors->n;
	struct site *site = calloc(1, sizeof(*site));
	struct conf_load load = { .site = site, .directory = directory, .catalogue = catalogue, .errors = errors };

	if (!site) {
		return NULL;
	}
	load.warnings = errors;
	conf_load_factors(&load);
	if (errors->n == before) { /* without factors every limit would be a mistake */
		conf_load_limits(&load);
	}
	conf_judging_defaults(&site->judging);
	site->judging.offset_min = CHINA_OFFSET_MIN;
	if (errors->n > before) {
		site_free(site);
		return NULL;
	}
	return site;
}

struct site *site_load_factors(const char *catalogue, struct conf_errors *errors)
{
	struct site *site = calloc(1, sizeof(*site));
	struct conf_load load = { .site = site, .directory = catalogue, .catalogue = catalogue, .errors = errors };

	if (site) {
		conf_load_factors(&load);
	}
	return site;
}

struct site *site_load_profile(
	const char *catalogue, const char *name, const struct profile **ret_profile, struct conf_errors *errors)
{
	struct site *site = calloc(1, sizeof(*site));
	struct conf_load load = { .site = site, .directory = catalogue, .catalogue = catalogue, .errors = errors };
	const char *slash = strchr(name, '/');
	size_t before = errors->n;
	char map[48];

	if (!site) {
		return NULL;
	}
	snprintf(map, sizeof(map), "%.*s", slash ? (int)(slash - name) : (int)strlen(name), name);
	const struct profile *profile = conf_load_profile(&load, map, slash ? slash + 1 : "");
	if (!profile || errors->n > before) {
		site_free(site);
		return NULL;
	}
	*ret_profile = profile;
	return site;
}
