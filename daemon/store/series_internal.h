/* series_internal.h - what is measured, as points are counted and as the files name it. */
#ifndef EMIS_DAEMON_STORE_SERIES_INTERNAL_H
#define EMIS_DAEMON_STORE_SERIES_INTERNAL_H

#include "core/pipeline.h"
#include "daemon/store/store_internal.h"

/* The number of a point, counted through all outlets. */
size_t store_point_number(const struct store *store, size_t outlet, size_t point);

/* "DA001/so2"; ret_name has SERIES_NAME_SIZE. */
#define SERIES_NAME_SIZE (OUTLET_ID_SIZE + FACTOR_KEY_SIZE + 1)
void store_series_name(const struct outlet *outlet, const struct point *point, char *ret_name);

/* A row of the table `series` in a file of means. */
struct series_name {
	int id; /* in the file */
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE];
	enum series_kind kind;
	enum medium medium;
	double o2_ref; /* NAN without one */
};

struct series_names {
	struct series_name *names; /* by id, those of configured outlets; owned */
	size_t n;
};

/* Reads the four columns from `column` on. False when the outlet is not configured or the row makes no sense. */
#define SERIES_COLUMNS "outlet, factor, basis, o2_ref"
bool store_series_read(const struct store *store, struct sqlite3_stmt *row, int column, struct series_name *ret_name);

/* Reads the whole table of a file; the caller frees ret_names->names. 0 or -errno. */
int store_series_all(struct store *store, struct sqlite3 *db, struct series_names *ret_names);

/* NULL when there is none with this id. */
const struct series_name *store_series_find(const struct series_names *names, int id);

#endif
