#include "daemon/store/series_internal.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

void store_series_name(const struct outlet *outlet, const struct point *point, char *ret_name)
{
	snprintf(ret_name, SERIES_NAME_SIZE, "%s/%s", outlet->id, point->factor->key);
}

size_t store_point_number(const struct store *store, size_t outlet, size_t point)
{
	size_t number = point;

	for (size_t i = 0; i < outlet; i++) {
		number += store->site->outlets[i].n_points;
	}
	return number;
}

bool store_series_read(const struct store *store, struct sqlite3_stmt *row, int column, struct series_name *ret_name)
{
	const char *outlet = (const char *)sqlite3_column_text(row, column);
	const char *factor = (const char *)sqlite3_column_text(row, column + 1);
	const char *basis = (const char *)sqlite3_column_text(row, column + 2);
	double o2_ref = sqlite3_column_double(row, column + 3);

	if (!outlet || !factor || !basis || !series_kind_from_name(basis, &ret_name->kind) ||
		!text_copy(ret_name->outlet, sizeof(ret_name->outlet), outlet) ||
		!text_copy(ret_name->factor, sizeof(ret_name->factor), factor)) {
		return false;
	}
	ret_name->o2_ref = o2_ref < 0.0 ? NAN : o2_ref;
	for (size_t i = 0; i < store->site->n_outlets; i++) {
		if (strcmp(store->site->outlets[i].id, outlet) == 0) {
			ret_name->medium = store->site->outlets[i].medium;
			return true;
		}
	}
	return false;
}

int store_series_all(struct store *store, struct sqlite3 *db, struct series_names *ret_names)
{
	sqlite3_stmt *s = store_db_prepare(
		db, "SELECT id, " SERIES_COLUMNS ", count(*) OVER () FROM series ORDER BY id", store->error);
	struct series_names names = { 0 };
	int step = SQLITE_ERROR;

	while (s && (step = sqlite3_step(s)) == SQLITE_ROW) {
		if (!names.names) {
			names.names = calloc((size_t)sqlite3_column_int64(s, 5), sizeof(*names.names));
		}
		if (!names.names) {
			break;
		}
		names.names[names.n].id = sqlite3_column_int(s, 0);
		names.n += store_series_read(store, s, 1, &names.names[names.n]);
	}
	int r = step == SQLITE_DONE ? 0 : s ? store_db_fail(db, "cannot read", store->error) : -EIO;
	sqlite3_finalize(s);
	if (r < 0) {
		free(names.names);
		return r;
	}
	*ret_names = names;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct series_name *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

const struct series_name *store_series_find(const struct series_names *names, int id)
{
	struct series_name wanted = { .id = id };

	return names->n == 0 ? NULL : bsearch(&wanted, names->names, names->n, sizeof(*names->names), compare_ids);
}
