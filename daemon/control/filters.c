/* filters.c - checks that --outlet, --factor, --tier and --sector name something that is known. Without the check a
 * misspelt name would show "no alarms". */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"

/* The search for a word among names. */
struct search {
	const char *word;
	const char *nearest; /* the name that is most similar so far */
	bool found;
};

static void compare_name(struct search *w, const char *name)
{
	w->found = w->found || strcmp(name, w->word) == 0;
	text_keep_nearest(w->word, name, &w->nearest);
}

/* False with a sentence when the word was not among the names. */
static bool check_found(const struct search *w, const char *what, char *error, size_t size)
{
	char hint[TEXT_HINT_SIZE];

	if (!w->found) {
		snprintf(error, size, "there is no %s \"%.60s\"%s", what, w->word, text_did_you_mean(w->nearest, hint));
	}
	return w->found;
}

bool filters_check_outlet(const struct site *site, const char *outlet, char *error, size_t size)
{
	struct search w = { .word = outlet };

	compare_name(&w, GATEWAY);
	for (size_t i = 0; i < site->n_outlets; i++) {
		compare_name(&w, site->outlets[i].id);
	}
	return check_found(&w, "outlet", error, size);
}

static bool check_factor(const struct site *site, const char *factor, char *error, size_t size)
{
	struct search w = { .word = factor };

	for (size_t i = 0; i < site->n_factors; i++) {
		compare_name(&w, site->factors[i].key);
	}
	return check_found(&w, "factor", error, size);
}

static bool check_tier(const char *tier, char *error, size_t size)
{
	struct search w = { .word = tier };

	for (size_t i = 0; conf_tiers[i]; i++) {
		compare_name(&w, conf_tiers[i]);
	}
	return check_found(&w, "tier", error, size);
}

/* The word must be a sector of the catalogue, or the beginning of one up to a dot. */
static bool check_sector(const struct site *site, const char *sector, char *error, size_t size)
{
	size_t n = strlen(sector);
	struct search w = { .word = sector, .nearest = site_nearest_sector(site, sector) };

	for (size_t i = 0; i < site->n_limits; i++) {
		const char *known = site->limits[i].sector;
		w.found = w.found || (strncmp(known, sector, n) == 0 && (known[n] == '\0' || known[n] == '.'));
	}
	return check_found(&w, "sector", error, size);
}

bool filters_check(const struct daemon *d, const json_t *request, char *error, size_t size)
{
	const char *outlet = json_string_value(json_object_get(request, "outlet"));
	const char *factor = json_string_value(json_object_get(request, "factor"));
	const char *tier = json_string_value(json_object_get(request, "tier"));
	const char *sector = json_string_value(json_object_get(request, "sector"));

	return (!outlet || filters_check_outlet(d->site, outlet, error, size)) &&
		(!factor || check_factor(d->site, factor, error, size)) && (!tier || check_tier(tier, error, size)) &&
		(!sector || check_sector(d->site, sector, error, size));
}
