#include "daemon/confirmations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The text of one outlet's confirmations, "key = by" a line; the caller frees it. */
static char *text_of(const struct outlet *outlet)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	for (size_t p = 0; out && p < outlet->n_points; p++) {
		for (size_t i = 0; i < outlet->points[p].n_limits; i++) {
			const struct limit *limit = outlet->points[p].limits[i];
			if (limit->confirmed_by[0]) {
				fprintf(out, "%s = %s\n", limit->key, limit->confirmed_by);
			}
		}
	}
	if (!out || fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* The value of `key` in such a text, or "". */
static void value_of(const char *text, const char *key, char *buf, size_t size)
{
	size_t n = strlen(key);

	buf[0] = '\0';
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		if (strncmp(line, key, n) == 0 && strncmp(line + n, " = ", 3) == 0) {
			snprintf(buf, size, "%.*s", (int)(strchr(line, '\n') - line - (int)n - 3), line + n + 3);
			return;
		}
	}
}

/* Audit rows for the lines of `a` whose value is another in `b`; `new_in_b` tells which of them is the new one. When
 * `b` has the key, the other call tells the change. */
static int compare(struct store *store, const char *outlet, const char *a, const char *b, bool new_in_b)
{
	char key[64], here[160], there[160], what[160];
	int r = 0;

	for (const char *line = a; r == 0 && *line; line = strchr(line, '\n') + 1) {
		snprintf(key, sizeof(key), "%.*s", (int)(strstr(line, " = ") - line), line);
		value_of(a, key, here, sizeof(here));
		value_of(b, key, there, sizeof(there));
		bool mine = new_in_b ? there[0] == '\0' : strcmp(here, there) != 0;
		if (mine) {
			snprintf(what, sizeof(what), "confirm limit %s at %s", key, outlet);
			r = store_audit(store, "configuration", what, new_in_b ? here : there, new_in_b ? there : here);
		}
	}
	return r;
}

static int note_outlet(const struct outlet *outlet, struct store *store)
{
	char key[OUTLET_ID_SIZE + 16];
	char *now = text_of(outlet);
	snprintf(key, sizeof(key), "confirmed:%s", outlet->id);
	char *before = store_meta_text(store, key);
	int r = now && before ? 0 : -ENOMEM;

	if (r == 0 && strcmp(before, now) != 0) {
		r = compare(store, outlet->id, now, before, false);
		r = r == 0 ? compare(store, outlet->id, before, now, true) : r;
		r = r == 0 ? store_set_meta(store, key, now) : r;
	}
	free(now);
	free(before);
	return r;
}

int confirmations_note(const struct site *site, struct store *store)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < site->n_outlets; i++) {
		r = note_outlet(&site->outlets[i], store);
	}
	return r;
}
