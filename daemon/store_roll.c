/* store_roll.c - roll-YYYY.db: the means. Keyed by period and start first, so that a minute's rows lie together. */
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/store_parts.h"

static const char *const migrations[] = {
	/* o2_ref is -1 for series without one: a key column cannot be NULL. value is NULL unless valid. counts
	 * holds the sub-values by flag, "N58 C2". */
	"CREATE TABLE mean(period TEXT NOT NULL, start_ms INTEGER NOT NULL, outlet TEXT NOT NULL, factor TEXT NOT NULL,"
	" basis TEXT NOT NULL, o2_ref REAL NOT NULL, value REAL, min REAL, max REAL, valid INTEGER NOT NULL,"
	" flag TEXT NOT NULL, n_valid INTEGER NOT NULL, n_due INTEGER NOT NULL, counts TEXT NOT NULL,"
	" simulated INTEGER NOT NULL,"
	" PRIMARY KEY(period, start_ms, outlet, factor, basis, o2_ref)) STRICT, WITHOUT ROWID;",

	/* m3 or kg of the period; NULL when not known */
	"ALTER TABLE mean ADD COLUMN amount REAL;",
};

void store_roll_close(struct store *store)
{
	sqlite3_finalize(store->roll.insert);
	sqlite3_close(store->roll.db);
	memset(&store->roll, 0, sizeof(store->roll));
}

static int year_of(const struct store *store, struct utc at)
{
	char text[TIME_TEXT_SIZE];

	return atoi(time_format_compact(at, store->site->judging.offset_min, text)) / 10000;
}

static int open_year(struct store *store, int year)
{
	char name[32];

	if (store->roll.db && store->roll.year == year) {
		return 0;
	}
	store_roll_close(store);
	snprintf(name, sizeof(name), "roll-%04d.db", year);
	store->roll.db = store_open_file(store, name, migrations, ARRAY_SIZE(migrations), store->unclean);
	if (!store->roll.db) {
		return -EIO;
	}
	store->roll.year = year;
	store->roll.insert = store_db_prepare(store->roll.db,
		"INSERT OR REPLACE INTO mean VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
		"?16)",
		store->error);
	if (!store->roll.insert) {
		store_roll_close(store);
		return -EIO;
	}
	return 0;
}

static void count_text(const unsigned counts[FLAG_COUNT], char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; i < FLAG_COUNT; i++) {
		if (counts[i] > 0 && n + 16 < size) {
			n += (size_t)snprintf(
				text + n, size - n, "%s%c%u", n ? " " : "", flag_letter((enum flag)i), counts[i]);
		}
	}
}

static int insert_mean(struct store *store, const struct mean_record *record)
{
	const struct mean *m = &record->mean;
	sqlite3_stmt *insert = store->roll.insert;
	char counts[96], flag[2] = { flag_letter(m->flag), '\0' };

	count_text(m->counts, counts, sizeof(counts));
	sqlite3_bind_text(insert, 1, period_name(m->rule->period), -1, SQLITE_STATIC);
	sqlite3_bind_int64(insert, 2, m->start.ms);
	sqlite3_bind_text(insert, 3, record->outlet->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(insert, 4, record->point->factor->key, -1, SQLITE_STATIC);
	sqlite3_bind_text(insert, 5, series_kind_name(record->kind), -1, SQLITE_STATIC);
	sqlite3_bind_double(insert, 6, isnan(record->o2_ref) ? -1.0 : record->o2_ref);
	store_db_bind_number(insert, 7, m->value);
	store_db_bind_number(insert, 8, m->min);
	store_db_bind_number(insert, 9, m->max);
	sqlite3_bind_int(insert, 10, m->valid);
	sqlite3_bind_text(insert, 11, flag, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(insert, 12, m->n_valid);
	sqlite3_bind_int64(insert, 13, m->n_due);
	sqlite3_bind_text(insert, 14, counts, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(insert, 15, store->clock->simulated);
	store_db_bind_number(insert, 16, record->amount);
	return store_db_run(insert, store->error);
}

int store_roll_write(struct store *store, const struct mean_record *records, size_t n)
{
	for (size_t i = 0; i < n;) {
		/* A minute at new year and its day belong to two files: one transaction each. */
		int year = year_of(store, records[i].mean.start);
		int r = open_year(store, year);
		r = r == 0 ? store_db_exec(store->roll.db, "BEGIN IMMEDIATE", store->error) : r;
		if (r < 0) {
			return r;
		}
		for (; r == 0 && i < n && year_of(store, records[i].mean.start) == year; i++) {
			r = insert_mean(store, &records[i]);
		}
		r = store_db_end(store->roll.db, r, store->error);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* ---- reading ---- */

/* "N58 C2" */
static void read_counts(const char *text, unsigned *counts)
{
	while (*text) {
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

static double column_number(sqlite3_stmt *row, int column)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN : sqlite3_column_double(row, column);
}

/* False when the row is of no configured outlet or makes no sense. */
static bool read_row(const struct store *store, sqlite3_stmt *row, struct stored_mean *m)
{
	const struct outlet *outlet = NULL;
	enum period period;

	memset(m, 0, sizeof(*m));
	(void)text_copy(m->outlet, sizeof(m->outlet), (const char *)sqlite3_column_text(row, 2));
	(void)text_copy(m->factor, sizeof(m->factor), (const char *)sqlite3_column_text(row, 3));
	for (size_t i = 0; i < store->site->n_outlets; i++) {
		outlet = strcmp(store->site->outlets[i].id, m->outlet) == 0 ? &store->site->outlets[i] : outlet;
	}
	if (!outlet || !period_from_name((const char *)sqlite3_column_text(row, 0), &period) ||
		!series_kind_from_name((const char *)sqlite3_column_text(row, 4), &m->kind) ||
		!flag_from_letter((char)sqlite3_column_text(row, 10)[0], &m->mean.flag)) {
		return false;
	}
	m->mean.rule = mean_rule_of(outlet->medium, period);
	m->mean.start.ms = sqlite3_column_int64(row, 1);
	m->mean.end.ms = m->mean.start.ms + m->mean.rule->ms;
	m->o2_ref = sqlite3_column_double(row, 5) < 0.0 ? NAN : sqlite3_column_double(row, 5);
	m->mean.value = column_number(row, 6);
	m->mean.min = column_number(row, 7);
	m->mean.max = column_number(row, 8);
	m->mean.valid = sqlite3_column_int(row, 9);
	m->mean.n_valid = (unsigned)sqlite3_column_int64(row, 11);
	m->mean.n_due = (unsigned)sqlite3_column_int64(row, 12);
	read_counts((const char *)sqlite3_column_text(row, 13), m->mean.counts);
	m->amount = column_number(row, 14);
	return true;
}

static int read_year(struct store *store, struct utc from, struct utc until,
	void (*take)(void *context, const struct stored_mean *mean), void *context)
{
	sqlite3_stmt *s = store_db_prepare(store->roll.db,
		"SELECT period, start_ms, outlet, factor, basis, o2_ref, value, min, max, valid, flag, n_valid, n_due,"
		" counts, amount FROM mean WHERE period IN ('hour', 'day') AND start_ms >= ?1 AND start_ms < ?2"
		" ORDER BY start_ms",
		store->error);
	struct stored_mean mean;
	int step = SQLITE_ERROR;

	if (!s) {
		return -EIO;
	}
	sqlite3_bind_int64(s, 1, from.ms);
	sqlite3_bind_int64(s, 2, until.ms);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		if (read_row(store, s, &mean)) {
			take(context, &mean);
		}
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? 0 : store_db_fail(store->roll.db, "cannot read", store->error);
}

int store_roll_read(struct store *store, struct utc from, struct utc until,
	void (*take)(void *context, const struct stored_mean *mean), void *context)
{
	int r = 0;

	for (int year = year_of(store, from); r == 0 && year <= year_of(store, until); year++) {
		r = open_year(store, year);
		r = r == 0 ? read_year(store, from, until, take, context) : r;
	}
	return r;
}
