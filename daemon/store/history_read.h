/* history_read.h - one point's history out of the store's files, beside a running emisd or without one. Only
 * reads; every read transaction is of one day's minutes, one month's hours or one hour's readings, and ends well within
 * a second, so that emisd's checkpoints are never held up. For store*.c only. */
#ifndef EMIS_DAEMON_STORE_HISTORY_READ_H
#define EMIS_DAEMON_STORE_HISTORY_READ_H

#include "daemon/store/store_internal.h"

struct history_query {
	const char *directory;
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE];
	enum series_kind kind;
	double o2_ref; /* -1 without one */
	enum period period;
	struct utc from;  /* inclusive */
	struct utc to;    /* exclusive */
	int offset_min;   /* of the wall clock that periods follow */
	unsigned damaged; /* pieces that were passed over */
	char error[STORE_ERROR_SIZE];
};

/* The offset that the store's state.db tells; China's without. 0, or -errno with a sentence in query->error. */
int history_read_offset(struct history_query *query);

/* Hands out every series of means (of readings when `raw`: kind and o2_ref mean nothing then) that the files know, one
 * more than once when several do. 0 or -errno. */
int history_read_series(struct history_query *query, bool raw,
	void (*take)(void *context, const struct series_name *name), void *context);

/* Hands out the means of the query by start. 0 or -errno. */
int history_read_means(struct history_query *query, void (*take)(void *context, const struct mean *mean, double amount),
	void *context);

/* ---- for history_raw.c ---- */

struct dirent;

/* NULL when there is no such file, and when it cannot be read: *r is then a negative errno. */
struct sqlite3 *history_open(struct history_query *query, const char *name, int *r);
/* Calls `each` with every file of the kind, by number, until one fails. 0 or what that gave. */
int history_each_file(struct history_query *query, int (*is_one)(const struct dirent *),
	int (*each)(struct history_query *query, const char *name, void *context), void *context);
/* 20260302 of "raw-20260302.db". */
int64_t history_file_number(const char *name);
/* The local date of a moment as YYYYMMDD; 0 before 1970, 99991231 at the end of time. */
int64_t history_date(const struct history_query *query, struct utc at);

/* ---- history_raw.c ---- */

/* Hands out the readings of the query, of each hour by their stamps. 0 or -errno. */
int history_read_raw(struct history_query *query, void (*take)(void *context, const struct reading *reading, bool late),
	void *context);

#endif
