#include "daemon/config_audit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/audit.h"
#include "daemon/store/state.h"

#define META "configuration"
#define CONFIRM "confirm limit "

/* ---- the settings as lines "key = value" ---- */

static void print_number(FILE *out, const char *word, double value)
{
	if (!isnan(value)) {
		fprintf(out, " %s %.10g", word, value);
	}
}

static void print_limits(const struct outlet *outlet, FILE *out)
{
	for (size_t p = 0; p < outlet->n_points; p++) {
		for (size_t i = 0; i < outlet->points[p].n_limits; i++) {
			const struct limit *l = outlet->points[p].limits[i];
			fprintf(out, "limit %s at %s =", l->key, outlet->id);
			print_number(out, "min", l->min);
			print_number(out, "max", l->max);
			print_number(out, "o2", l->o2_ref);
			print_number(out, "share", l->share_of_month);
			fprintf(out, " %s, %s, %s %s\n", l->unit, limit_period_name(l->period), l->document->number,
				l->clause);
			if (l->confirmed_by[0]) {
				fprintf(out, CONFIRM "%s at %s = %s\n", l->key, outlet->id, l->confirmed_by);
			}
		}
	}
}

static void print_feed(const struct site *site, const struct feed *feed, FILE *out)
{
	const struct channel *c = feed->channel;
	const struct reg_field *f = &c->field;

	fprintf(out, "register of %s.%s = function %u address %u type %d order %d scale %.10g offset %.10g",
		site->instruments[feed->instrument].name, c->name, (unsigned)f->function, (unsigned)f->address,
		(int)f->type, (int)f->order, c->scale, c->offset);
	if (c->spanned) {
		fprintf(out, " span %.10g..%.10g to %.10g..%.10g", c->span_raw_low, c->span_raw_high, c->span_low,
			c->span_high);
	}
	print_number(out, "raw_min", c->raw_min);
	print_number(out, "raw_max", c->raw_max);
	print_number(out, "min", c->min);
	print_number(out, "max", c->max);
	fprintf(out, " %s\n", c->unit);
}

/* The configuration as emisd --print shows it. The caller frees it; NULL when out of memory. */
static char *normal_form(const struct site *site)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		site_print(site, out);
	}
	if (!out || fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* All settings as lines "key = value". The caller frees the text; NULL when out of memory. */
static char *describe_settings(const struct site *site)
{
	char *form = normal_form(site), *text = NULL;
	size_t size = 0;
	FILE *out = form ? open_memstream(&text, &size) : NULL;
	bool good = out && conf_flatten(form, out);

	for (size_t i = 0; good && i < site->n_outlets; i++) {
		print_limits(&site->outlets[i], out);
	}
	for (size_t i = 0; good && i < site->n_feeds; i++) {
		print_feed(site, &site->feeds[i], out);
	}
	free(form);
	if (!out || fclose(out) != 0 || !good) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- comparing ---- */

/* The lines of a text, sorted by key. The pointers in `line` point into `text`; both are owned. */
struct lines {
	char *text;
	char **line;
	size_t n;
};

/* Compares the keys of two lines, as strcmp() does. */
static int compare_keys(const char *a, const char *b)
{
	size_t na = strcspn(a, "="), nb = strcspn(b, "=");
	int order = strncmp(a, b, na < nb ? na : nb);

	return order ? order : (na > nb) - (na < nb);
}

/* For qsort(). */
static int compare_line_pointers(const void *a, const void *b)
{
	return compare_keys(*(char *const *)a, *(char *const *)b);
}

/* Cuts the text into lines; the lines own the text from now on. False when out of memory. */
static bool cut_lines(char *text, struct lines *ret)
{
	size_t n = 0;

	for (const char *p = text; p && *p; p++) {
		n += *p == '\n';
	}
	*ret = (struct lines){ text, calloc(n + 1, sizeof(char *)), 0 };
	/* The stored text may come from a damaged file: the last line may have no newline, and a line may have no
	 * value. */
	for (char *p = text; ret->line && p && *p;) {
		char *end = strchrnul(p, '\n');
		bool last = *end == '\0';
		*end = '\0';
		if (strstr(p, " = ")) {
			ret->line[ret->n++] = p;
		}
		p = last ? NULL : end + 1;
	}
	if (ret->line) {
		qsort(ret->line, ret->n, sizeof(char *), compare_line_pointers);
	}
	return ret->line && text;
}

static void free_lines(struct lines *lines)
{
	free(lines->line);
	free(lines->text);
}

/* Splits "key = value" in place and returns the value; the line then holds the key alone. */
static char *split_value(char *line)
{
	char *equals = strstr(line, " = ");

	*equals = '\0'; /* not NULL: cut_lines() leaves out lines without " = " */
	return equals + 3;
}

/* Adds a change; old_line is NULL for a new setting, new_line for one that is gone. */
static int add_change(struct store_changes *changes, char *old_line, char *new_line)
{
	struct store_change *grown = realloc(changes->change, (changes->n + 1) * sizeof(*grown));

	if (!grown) {
		return -ENOMEM;
	}
	changes->change = grown;
	struct store_change *c = &changes->change[changes->n++];
	c->old_value = old_line ? split_value(old_line) : "";
	c->new_value = new_line ? split_value(new_line) : "";
	c->what = new_line ? new_line : old_line;
	return 0;
}

/* Collects all settings that differ; with `only_confirmed` only the limits that the site confirms. 0 or -ENOMEM. */
static int collect_changes(struct lines *old, struct lines *new, bool only_confirmed, struct store_changes *changes)
{
	size_t i = 0, k = 0;
	int r = 0;

	while (r == 0 && (i < old->n || k < new->n)) {
		int order = i == old->n ? 1 : k == new->n ? -1 : compare_keys(old->line[i], new->line[k]);
		char *before = order <= 0 ? old->line[i++] : NULL, *after = order >= 0 ? new->line[k++] : NULL;
		bool same = before && after && strcmp(before, after) == 0;
		const char *key = after ? after : before ? before : "";
		if (!same && (!only_confirmed || strncmp(key, CONFIRM, strlen(CONFIRM)) == 0)) {
			r = add_change(changes, before, after);
		}
	}
	return r;
}

int config_audit(const struct site *site, struct store *store)
{
	char *now = describe_settings(site), *before = store_meta_text(store, META);
	char *kept = now ? strdup(now) : NULL;
	struct lines old = { 0 }, new = { 0 };
	struct store_changes changes = { 0 };
	bool first = before && before[0] == '\0';
	int r = 0;

	if (!kept || !before || strcmp(before, now) == 0) {
		r = kept && before ? 0 : -ENOMEM;
		free(now);
		free(before);
		free(kept);
		return r;
	}
	bool good = cut_lines(now, &new);
	good = cut_lines(before, &old) && good;
	r = good ? collect_changes(&old, &new, first, &changes) : -ENOMEM;
	r = r == 0 ? store_audit_changes(store, "configuration", &changes, META, kept) : r;
	free(changes.change);
	free_lines(&old);
	free_lines(&new);
	free(kept);
	return r;
}
