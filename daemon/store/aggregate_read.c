/* aggregate_read.c - rows of means, read back; and the hours and days that a restart needs. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/aggregate_internal.h"

/* Reads counts by flag, as "N58 C2". */
static void read_counts(const char *text, unsigned *counts)
{
	while (text && *text) {
		enum flag flag;
		char *end = NULL;
		bool known = flag_from_letter(*text, &flag);
		unsigned long n = strtoul(text + 1, &end, 10);
		if (!known || end == text + 1) {
			return;
		}
		counts[flag] = (unsigned)n;
		text = *end == ' ' ? end + 1 : end;
	}
}

bool store_aggregate_get(struct sqlite3_stmt *row, int column, struct mean *ret_mean, double *ret_amount)
{
	const char *flag = (const char *)sqlite3_column_text(row, column + 4);

	if (!flag || !flag_from_letter(flag[0], &ret_mean->flag)) {
		return false;
	}
	ret_mean->value = store_db_number(row, column);
	ret_mean->min = store_db_number(row, column + 1);
	ret_mean->max = store_db_number(row, column + 2);
	ret_mean->valid = sqlite3_column_int(row, column + 3);
	ret_mean->n_valid = (unsigned)sqlite3_column_int64(row, column + 5);
	ret_mean->n_due = (unsigned)sqlite3_column_int64(row, column + 6);
	memset(ret_mean->counts, 0, sizeof(ret_mean->counts));
	read_counts((const char *)sqlite3_column_text(row, column + 7), ret_mean->counts);
	*ret_amount = store_db_number(row, column + 8);
	return true;
}

void store_aggregate_name(const struct store *store, const struct series_name *name, enum period period,
	struct utc start, struct stored_mean *mean)
{
	memcpy(mean->outlet, name->outlet, sizeof(mean->outlet));
	memcpy(mean->factor, name->factor, sizeof(mean->factor));
	mean->kind = name->kind;
	mean->o2_ref = name->o2_ref;
	mean->mean.rule = mean_rule_of(name->medium, period);
	mean->mean.start = start;
	mean->mean.end.ms = start.ms + mean->mean.rule->ms;
	if (period == PERIOD_MONTH) {
		mean->mean.end = time_next_month(start, store->site->judging.offset_min);
	}
}

/* The range that store_aggregate_read() reads, and its callback. */
struct mean_range {
	struct utc from;
	struct utc until;
	void (*take)(void *context, const struct stored_mean *mean);
	void *context;
};

/* The hours and days of a year's file, by start. */
static int read_year(struct store *store, int year, const struct mean_range *wanted)
{
	struct sqlite3 *db = NULL;
	struct series_names names = { 0 };
	int step = SQLITE_ERROR, r = store_aggregate_open_year(store, year, &db);

	r = r == 0 ? store_series_all(store, db, &names) : r;
	if (r < 0) {
		return r;
	}
	/* Both tables are in this order, so SQLite merges them and sorts nothing. */
	sqlite3_stmt *s = store_db_prepare(db,
		"SELECT 1, series, start_ms, " MEAN_COLUMNS
		" FROM hour WHERE start_ms >= ?1 AND start_ms < ?2 UNION ALL "
		"SELECT 2, series, start_ms, " MEAN_COLUMNS " FROM day WHERE start_ms >= ?1 AND start_ms < ?2"
		" ORDER BY start_ms",
		store->error);
	if (s) {
		sqlite3_bind_int64(s, 1, wanted->from.ms);
		sqlite3_bind_int64(s, 2, wanted->until.ms);
	}
	while (s && (step = sqlite3_step(s)) == SQLITE_ROW) {
		struct stored_mean mean;
		const struct series_name *name = store_series_find(&names, sqlite3_column_int(s, 1));
		if (name && store_aggregate_get(s, 3, &mean.mean, &mean.amount)) {
			enum period period = sqlite3_column_int(s, 0) == 1 ? PERIOD_HOUR : PERIOD_DAY;
			store_aggregate_name(store, name, period, (struct utc){ sqlite3_column_int64(s, 2) }, &mean);
			wanted->take(wanted->context, &mean);
		}
	}
	r = !s ? -EIO : step == SQLITE_DONE ? 0 : store_db_fail(db, "cannot read", store->error);
	sqlite3_finalize(s);
	free(names.names);
	return r;
}

int store_aggregate_read(struct store *store, struct utc from, struct utc until,
	void (*take)(void *context, const struct stored_mean *mean), void *context)
{
	const struct mean_range wanted = { from, until, take, context };
	int r = 0;

	for (int year = store_aggregate_year(store, from); r == 0 && year <= store_aggregate_year(store, until);
		year++) {
		r = read_year(store, year, &wanted);
		if (store_aggregate_mend(store, r)) {
			r = read_year(store, year, &wanted);
		}
	}
	return r;
}
