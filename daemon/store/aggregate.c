/* aggregate.c - the means as rows: hours, days and months of a year in roll-YYYY.db, the minutes of the open days in
 * min-open.db until aggregate_pack.c makes them small. Keyed by start first, so that a minute's rows lie together. */
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "daemon/store/store_internal.h"

/* o2_ref is -1 for series without one: NULL would be unlike itself. Ids are never given twice, so that rows whose
 * series was lost to damage never become another's. */
#define SERIES_TABLE                                                                                                   \
	"CREATE TABLE series(id INTEGER PRIMARY KEY AUTOINCREMENT, outlet TEXT NOT NULL, factor TEXT NOT NULL,"        \
	" basis TEXT NOT NULL, o2_ref REAL NOT NULL, UNIQUE(outlet, factor, basis, o2_ref)) STRICT;"

/* No REFERENCES series: it would be a quarter of an insert's cost. value is NULL unless valid. counts holds the
 * sub-values by flag, "N58 C2". amount is m3 or kg of the period. What is not known is NULL. */
#define MEAN_TABLE(name)                                                                                               \
	"CREATE TABLE " name "(start_ms INTEGER NOT NULL, series INTEGER NOT NULL,"                                    \
	" value REAL, min REAL, max REAL, valid INTEGER NOT NULL, flag TEXT NOT NULL, n_valid INTEGER NOT NULL,"       \
	" n_due INTEGER NOT NULL, counts TEXT NOT NULL, amount REAL, PRIMARY KEY(start_ms, series))"                   \
	" STRICT, WITHOUT ROWID;"

/* By day first: a day is appended at the end, and a series of a day is found at once. n is the number of minutes. */
#define MINUTES_TABLE                                                                                                  \
	"CREATE TABLE minutes(day_ms INTEGER NOT NULL, outlet TEXT NOT NULL, factor TEXT NOT NULL,"                    \
	" basis TEXT NOT NULL, o2_ref REAL NOT NULL, n INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL,"    \
	" PRIMARY KEY(day_ms, outlet, factor, basis, o2_ref)) STRICT, WITHOUT ROWID;"

static const char *const open_migrations[] = { SERIES_TABLE MEAN_TABLE("minute") };
static const char *const month_migrations[] = { MINUTES_TABLE };
static const char *const year_migrations[] = { SERIES_TABLE MEAN_TABLE("hour") MEAN_TABLE("day") MEAN_TABLE("month") };

#define OPEN_NAME "min-open.db"

struct sqlite3 *store_aggregate_open_file(struct store *store, const char *name, bool check)
{
	const char *const *migrations = strcmp(name, OPEN_NAME) == 0 ? open_migrations
		: strncmp(name, "min-", 4) == 0                      ? month_migrations
								     : year_migrations;

	return store_open_file(store, name, migrations, 1, check);
}

void store_aggregate_init(struct store *store)
{
	store->roll.packing.day.ms = store->roll.packing.due.ms = INT64_MIN;
	store->roll.cache.hour.ms = store->roll.cache.told.ms = INT64_MIN;
}

static void close_file(struct aggregate_file *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(file->insert); i++) {
		sqlite3_finalize(file->insert[i]);
	}
	sqlite3_close(file->db);
	free(file->series);
	memset(file, 0, sizeof(*file));
}

void store_aggregate_close(struct store *store)
{
	close_file(&store->roll.open);
	close_file(&store->roll.year);
	sqlite3_close(store->roll.packed);
	free(store->roll.cache.series);
	memset(&store->roll, 0, sizeof(store->roll));
	store_aggregate_init(store);
}

int store_aggregate_month(const struct store *store, struct utc at)
{
	char text[TIME_TEXT_SIZE];

	return atoi(time_format_compact(at, store->site->judging.offset_min, text)) / 100;
}

int store_aggregate_year(const struct store *store, struct utc at)
{
	return store_aggregate_month(store, at) / 100;
}

bool store_aggregate_mend(struct store *store, int r)
{
	struct sqlite3 *const files[] = { store->roll.open.db, store->roll.year.db, store->roll.packed };
	char names[3][32] = { "", "", "" };
	unsigned before = store->n_damages;

	if (r != -EBADMSG) {
		return false;
	}
	for (size_t i = 0; i < 3; i++) {
		const char *path = files[i] ? sqlite3_db_filename(files[i], "main") : NULL;
		snprintf(names[i], sizeof(names[i]), "%.31s", path ? strrchr(path, '/') + 1 : "");
	}
	store_aggregate_close(store);
	for (size_t i = 0; i < 3; i++) {
		sqlite3_close(names[i][0] ? store_aggregate_open_file(store, names[i], true) : NULL);
	}
	return store->n_damages > before;
}

static int open_file(struct store *store, struct aggregate_file *file, const char *name)
{
	bool minutes = file == &store->roll.open;

	file->db = store_aggregate_open_file(store, name, store->unclean);
	file->series = calloc(store->n_points * POINT_SERIES + 1, sizeof(*file->series));
	bool good = file->db && file->series;
	for (int p = minutes ? PERIOD_MINUTE : PERIOD_HOUR; good && p <= (minutes ? PERIOD_MINUTE : PERIOD_MONTH);
		p++) {
		char sql[128];
		snprintf(sql, sizeof(sql),
			"INSERT OR REPLACE INTO %s VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
			period_name((enum period)p));
		file->insert[p] = store_db_prepare(file->db, sql, store->error);
		good = file->insert[p];
	}
	if (!good) {
		if (file->db && !file->series) {
			snprintf(store->error, sizeof(store->error), "out of memory");
		}
		close_file(file);
		return -EIO;
	}
	return 0;
}

int store_aggregate_open_days(struct store *store)
{
	return store->roll.open.db ? 0 : open_file(store, &store->roll.open, OPEN_NAME);
}

int store_aggregate_open_year(struct store *store, int year)
{
	struct aggregate_file *file = &store->roll.year;
	char name[32];

	if (file->db && file->number == year) {
		return 0;
	}
	close_file(file);
	snprintf(name, sizeof(name), "roll-%04d.db", year);
	int r = open_file(store, file, name);
	file->number = year;
	return r;
}

/* ---- writing ---- */

/* Asks the file for the id, which it gives if it has none. */
static int ask_series(struct store *store, struct aggregate_file *file, const struct mean_record *record, int *ret_id)
{
	sqlite3_stmt *add = store_db_prepare(
		file->db, "INSERT OR IGNORE INTO series(" SERIES_COLUMNS ") VALUES(?1, ?2, ?3, ?4)", store->error);
	sqlite3_stmt *find = store_db_prepare(file->db,
		"SELECT id FROM series WHERE outlet=?1 AND factor=?2 AND basis=?3 AND o2_ref=?4", store->error);
	sqlite3_stmt *const both[] = { add, find };
	int r = add && find ? 0 : -EIO;

	for (size_t i = 0; r == 0 && i < 2; i++) {
		sqlite3_bind_text(both[i], 1, record->outlet->id, -1, SQLITE_STATIC);
		sqlite3_bind_text(both[i], 2, record->point->factor->key, -1, SQLITE_STATIC);
		sqlite3_bind_text(both[i], 3, series_kind_name(record->kind), -1, SQLITE_STATIC);
		sqlite3_bind_double(both[i], 4, isnan(record->o2_ref) ? -1.0 : record->o2_ref);
	}
	r = r == 0 ? store_db_run(add, store->error) : r;
	if (r == 0 && sqlite3_step(find) == SQLITE_ROW) {
		*ret_id = sqlite3_column_int(find, 0);
	} else if (r == 0) {
		r = store_db_fail(file->db, "cannot read", store->error);
	}
	sqlite3_finalize(add);
	sqlite3_finalize(find);
	return r;
}

/* The same, remembered. */
static int series_of(struct store *store, struct aggregate_file *file, const struct mean_record *record, int *ret_id)
{
	const struct outlet *outlet = record->outlet;
	size_t number = store_point_number(
		store, (size_t)(outlet - store->site->outlets), (size_t)(record->point - outlet->points));
	struct aggregate_series wanted = { .kind = record->kind,
		.o2_ref = isnan(record->o2_ref) ? -1.0 : record->o2_ref };
	struct aggregate_series *known = &file->series[number * POINT_SERIES];

	for (size_t i = 0; i < POINT_SERIES; i++) {
		if (known[i].id == 0) {
			int r = ask_series(store, file, record, &wanted.id);
			if (r < 0) {
				return r;
			}
			known[i] = wanted;
		}
		if (known[i].kind == wanted.kind && known[i].o2_ref == wanted.o2_ref) {
			*ret_id = known[i].id;
			return 0;
		}
	}
	return ask_series(store, file, record, ret_id);
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

static int insert_mean(struct store *store, struct aggregate_file *file, const struct mean_record *record)
{
	const struct mean *m = &record->mean;
	sqlite3_stmt *insert = file->insert[m->rule->period];
	char counts[96], flag = flag_letter(m->flag);
	int series = 0, r = series_of(store, file, record, &series);

	if (r < 0) {
		return r;
	}
	count_text(m->counts, counts, sizeof(counts));
	sqlite3_bind_int64(insert, 1, m->start.ms);
	sqlite3_bind_int(insert, 2, series);
	store_db_bind_number(insert, 3, m->value);
	store_db_bind_number(insert, 4, m->min);
	store_db_bind_number(insert, 5, m->max);
	sqlite3_bind_int(insert, 6, m->valid);
	sqlite3_bind_text(insert, 7, &flag, 1, SQLITE_STATIC);
	sqlite3_bind_int64(insert, 8, m->n_valid);
	sqlite3_bind_int64(insert, 9, m->n_due);
	sqlite3_bind_text(insert, 10, counts, -1, SQLITE_STATIC);
	store_db_bind_number(insert, 11, record->amount);
	return store_db_run(insert, store->error);
}

/* The year's file that a mean belongs to; 0 for minutes. */
static int file_of(const struct store *store, const struct mean_record *record)
{
	return record->mean.rule->period == PERIOD_MINUTE ? 0 : store_aggregate_year(store, record->mean.start);
}

/* A minute was written: if it belongs to the day that is being packed or to an earlier one, packing begins anew. */
static void pack_again(struct store *store, struct utc start)
{
	struct aggregate_packing *packing = &store->roll.packing;

	if (packing->day.ms != INT64_MIN && start.ms < packing->day.ms + DAY_MS) {
		packing->day.ms = INT64_MIN;
	}
	if (start.ms + DAY_MS + PACK_GRACE_MS < packing->due.ms) {
		packing->due.ms = INT64_MIN;
	}
}

/* What belongs to one file, in one transaction. */
static int write_file(struct store *store, int number, const struct mean_record *records, size_t n)
{
	struct aggregate_file *file = number == 0 ? &store->roll.open : &store->roll.year;
	int r = number == 0 ? store_aggregate_open_days(store) : store_aggregate_open_year(store, number);

	r = r == 0 ? store_db_exec(file->db, "BEGIN IMMEDIATE", store->error) : r;
	if (r < 0) {
		return r;
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (file_of(store, &records[i]) == number) {
			r = insert_mean(store, file, &records[i]);
		}
		if (number == 0 && records[i].mean.rule->period == PERIOD_MINUTE) {
			pack_again(store, records[i].mean.start);
		}
	}
	r = store_db_end(file->db, r, store->error);
	if (r < 0) {
		memset(file->series, 0, (store->n_points * POINT_SERIES + 1) * sizeof(*file->series)); /* taken back */
	}
	return r;
}

static int write_files(struct store *store, const struct mean_record *records, size_t n)
{
	int done = -1, r = 0;

	/* One transaction a file: minutes, then the years in their order. */
	while (r == 0) {
		int next = -1;
		for (size_t i = 0; i < n; i++) {
			int number = file_of(store, &records[i]);
			next = number > done && (next < 0 || number < next) ? number : next;
		}
		if (next < 0) {
			return 0;
		}
		r = write_file(store, next, records, n);
		done = next;
	}
	return r;
}

int store_aggregate_write(struct store *store, const struct mean_record *records, size_t n)
{
	int r = write_files(store, records, n);

	return store_aggregate_mend(store, r) ? write_files(store, records, n) : r;
}

/* ---- reading ---- */

/* "N58 C2" */
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

void store_aggregate_tell(const struct store *store, const struct series_name *name, enum period period,
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

/* The hours and days of a year's file, by start. */
static int read_year(struct store *store, struct utc from, struct utc until,
	void (*take)(void *context, const struct stored_mean *mean), void *context)
{
	struct sqlite3 *db = store->roll.year.db;
	struct series_names names;
	int step = SQLITE_ERROR, r = store_series_all(store, db, &names);

	if (r < 0) {
		return r;
	}
	/* Both tables lie in this order: they are merged, not sorted. */
	sqlite3_stmt *s = store_db_prepare(db,
		"SELECT 1, series, start_ms, " MEAN_COLUMNS
		" FROM hour WHERE start_ms >= ?1 AND start_ms < ?2 UNION ALL "
		"SELECT 2, series, start_ms, " MEAN_COLUMNS " FROM day WHERE start_ms >= ?1 AND start_ms < ?2"
		" ORDER BY start_ms",
		store->error);
	if (s) {
		sqlite3_bind_int64(s, 1, from.ms);
		sqlite3_bind_int64(s, 2, until.ms);
	}
	while (s && (step = sqlite3_step(s)) == SQLITE_ROW) {
		struct stored_mean mean;
		const struct series_name *name = store_series_find(&names, sqlite3_column_int(s, 1));
		if (name && store_aggregate_get(s, 3, &mean.mean, &mean.amount)) {
			enum period period = sqlite3_column_int(s, 0) == 1 ? PERIOD_HOUR : PERIOD_DAY;
			store_aggregate_tell(store, name, period, (struct utc){ sqlite3_column_int64(s, 2) }, &mean);
			take(context, &mean);
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
	int r = 0;

	for (int year = store_aggregate_year(store, from); r == 0 && year <= store_aggregate_year(store, until);
		year++) {
		r = store_aggregate_open_year(store, year);
		r = r == 0 ? read_year(store, from, until, take, context) : r;
		if (store_aggregate_mend(store, r)) { /* what came before the damage comes again */
			r = store_aggregate_open_year(store, year);
			r = r == 0 ? read_year(store, from, until, take, context) : r;
		}
	}
	return r;
}
