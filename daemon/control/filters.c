/* filters.c - --outlet, --factor, --tier and --sector have to name what there is: a misspelt one would show "no
 * alarms". */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"

/* False, with the sentence, when the word is none of the names seen. */
struct words {
	const char *word;
	const char *nearest;
	bool found;
};

static void see(struct words *w, const char *name)
{
	w->found = w->found || strcmp(name, w->word) == 0;
	text_keep_nearest(w->word, name, &w->nearest);
}

static bool accept_word(const struct words *w, const char *what, char *error, size_t size)
{
	char hint[TEXT_HINT_SIZE];

	if (!w->found) {
		snprintf(error, size, "there is no %s \"%.60s\"%s", what, w->word, text_did_you_mean(w->nearest, hint));
	}
	return w->found;
}

bool filters_check_outlet(const struct site *site, const char *outlet, char *error, size_t size)
{
	struct words w = { .word = outlet };

	see(&w, GATEWAY);
	for (size_t i = 0; i < site->n_outlets; i++) {
		see(&w, site->outlets[i].id);
	}
	return accept_word(&w, "outlet", error, size);
}

static bool check_factor(const struct site *site, const char *factor, char *error, size_t size)
{
	struct words w = { .word = factor };

	for (size_t i = 0; i < site->n_factors; i++) {
		see(&w, site->factors[i].key);
	}
	return accept_word(&w, "factor", error, size);
}

static bool check_tier(const char *tier, char *error, size_t size)
{
	struct words w = { .word = tier };

	for (size_t i = 0; conf_tiers[i]; i++) {
		see(&w, conf_tiers[i]);
	}
	return accept_word(&w, "tier", error, size);
}

/* A sector of the catalogue or a part of one up to a dot. */
static bool check_sector(const struct site *site, const char *sector, char *error, size_t size)
{
	size_t n = strlen(sector);
	struct words w = { .word = sector, .nearest = site_nearest_sector(site, sector) };

	for (size_t i = 0; i < site->n_limits; i++) {
		const char *known = site->limits[i].sector;
		w.found = w.found || (strncmp(known, sector, n) == 0 && (known[n] == '\0' || known[n] == '.'));
	}
	return accept_word(&w, "sector", error, size);
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
