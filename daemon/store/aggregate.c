/* aggregate.c - the files of means, and means written as rows: hours, days and months of a year in roll-YYYY.db,
 * minutes in min-open.db until aggregate_pack.c makes their day small. The key begins with the start, so that the rows
 * of a minute lie together. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "daemon/store/aggregate_internal.h"
#include "daemon/store/salvage_internal.h"

/* o2_ref is -1 for series without one: UNIQUE does not compare NULLs. AUTOINCREMENT: when damage has lost a series, its
 * id must not be given to another series, which would get its rows. */
#define SERIES_TABLE                                                                                                   \
	"CREATE TABLE series(id INTEGER PRIMARY KEY AUTOINCREMENT, outlet TEXT NOT NULL, factor TEXT NOT NULL,"        \
	" basis TEXT NOT NULL, o2_ref REAL NOT NULL, UNIQUE(outlet, factor, basis, o2_ref)) STRICT;"

/* series has no REFERENCES, which would take a quarter of the time of an insert. value is NULL unless valid. counts
 * holds the number of sub-values by flag, as "N58 C2". amount is m3 or kg of the period. A number that is not known is
 * NULL. */
#define MEAN_TABLE(name)                                                                                               \
	"CREATE TABLE " name "(start_ms INTEGER NOT NULL, series INTEGER NOT NULL,"                                    \
	" value REAL, min REAL, max REAL, valid INTEGER NOT NULL, flag TEXT NOT NULL, n_valid INTEGER NOT NULL,"       \
	" n_due INTEGER NOT NULL, counts TEXT NOT NULL, amount REAL, PRIMARY KEY(start_ms, series))"                   \
	" STRICT, WITHOUT ROWID;"

/* The key begins with the day: a new day is appended at the end, and a series of a day is found at once. n is the
 * number of minutes. */
#define MINUTES_TABLE                                                                                                  \
	"CREATE TABLE minutes(day_ms INTEGER NOT NULL, outlet TEXT NOT NULL, factor TEXT NOT NULL,"                    \
	" basis TEXT NOT NULL, o2_ref REAL NOT NULL, n INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL,"    \
	" PRIMARY KEY(day_ms, outlet, factor, basis, o2_ref)) STRICT, WITHOUT ROWID;"

static const char *const open_migrations[] = { SERIES_TABLE MEAN_TABLE("minute") };
static const char *const month_migrations[] = { MINUTES_TABLE };
static const char *const year_migrations[] = { SERIES_TABLE MEAN_TABLE("hour") MEAN_TABLE("day") MEAN_TABLE("month") };
static const struct db_schema open_schema = { open_migrations, 1 };
static const struct db_schema month_schema = { month_migrations, 1 };
static const struct db_schema year_schema = { year_migrations, 1 };

#define OPEN_NAME "min-open.db"

/* The id of a series in a file. */
struct series_id {
	int id; /* 0 ends the series of a point */
	enum series_kind kind;
	double o2_ref; /* -1 without one */
};

/* A file with rows of means, open for writing. */
struct row_file {
	struct sqlite3 *db;                 /* NULL while it is not open */
	int number;                         /* the year; 0 of min-open.db */
	sqlite3_stmt *insert[PERIOD_COUNT]; /* NULL for periods that the file does not hold */
	struct series_id *series;           /* POINT_SERIES for each point */
};

struct store_aggregate {
	struct row_file open;   /* min-open.db: minutes of days that are not packed yet */
	struct row_file year;   /* roll-YYYY.db: hours, days, months */
	struct sqlite3 *packed; /* min-YYYYMM.db of `month`: packed days of minutes; NULL while it is not open */
	int month;
};

/* ---- files ---- */

int store_aggregate_open(struct store *store)
{
	store->aggregate = calloc(1, sizeof(*store->aggregate));
	return store->aggregate ? 0 : store_out_of_memory(store);
}

static void close_file(struct row_file *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(file->insert); i++) {
		sqlite3_finalize(file->insert[i]);
	}
	sqlite3_close(file->db);
	free(file->series);
	memset(file, 0, sizeof(*file));
}

void store_aggregate_close_files(struct store *store)
{
	struct store_aggregate *a = store->aggregate;

	close_file(&a->open);
	close_file(&a->year);
	sqlite3_close(a->packed);
	a->packed = NULL;
	store_packing_note_change(store);
}

void store_aggregate_close(struct store *store)
{
	if (store->aggregate) {
		store_aggregate_close_files(store);
		free(store->aggregate);
		store->aggregate = NULL;
	}
}

int store_aggregate_month(const struct store *store, struct utc at)
{
	struct time_parts parts = time_to_parts(at, store->site->judging.offset_min);

	return parts.year * 100 + parts.month;
}

int store_aggregate_year(const struct store *store, struct utc at)
{
	return time_to_parts(at, store->site->judging.offset_min).year;
}

static int has_form(const struct dirent *entry, const char *prefix, size_t digits)
{
	const char *name = entry->d_name;
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && strspn(name + n, "0123456789") == digits &&
		strcmp(name + n + digits, ".db") == 0;
}

int store_aggregate_is_month(const struct dirent *entry)
{
	return has_form(entry, "min-", 6);
}

int store_aggregate_is_year(const struct dirent *entry)
{
	return has_form(entry, "roll-", 4);
}

static struct sqlite3 *open_by_name(struct store *store, const char *name, bool check)
{
	const struct db_schema *schema = strcmp(name, OPEN_NAME) == 0 ? &open_schema
		: strncmp(name, "min-", 4) == 0                       ? &month_schema
								      : &year_schema;

	return store_open_file(store, name, schema, check);
}

bool store_aggregate_mend(struct store *store, int r)
{
	struct store_aggregate *a = store->aggregate;
	struct sqlite3 *const files[] = { a->open.db, a->year.db, a->packed };
	char names[ARRAY_SIZE(files)][32] = { "" };
	unsigned before = store->n_damages;

	if (r != -EBADMSG) {
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *path = files[i] ? sqlite3_db_filename(files[i], "main") : NULL;
		snprintf(names[i], sizeof(names[i]), "%.31s", path ? strrchr(path, '/') + 1 : "");
	}
	store_aggregate_close_files(store);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		sqlite3_close(names[i][0] ? open_by_name(store, names[i], true) : NULL);
	}
	return store->n_damages > before;
}

static int open_rows(struct store *store, struct row_file *file, const char *name)
{
	bool minutes = file == &store->aggregate->open;

	file->db = open_by_name(store, name, store->unclean);
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
			(void)store_out_of_memory(store); /* the sentence is wanted, the result stays -EIO */
		}
		close_file(file);
		return -EIO;
	}
	return 0;
}

int store_aggregate_open_days(struct store *store, struct sqlite3 **ret_db)
{
	struct row_file *file = &store->aggregate->open;
	int r = file->db ? 0 : open_rows(store, file, OPEN_NAME);

	if (r == 0) {
		*ret_db = file->db;
	}
	return r;
}

int store_aggregate_open_year(struct store *store, int year, struct sqlite3 **ret_db)
{
	struct row_file *file = &store->aggregate->year;
	char name[32];
	int r = 0;

	if (!file->db || file->number != year) {
		close_file(file);
		snprintf(name, sizeof(name), "roll-%04d.db", year);
		r = open_rows(store, file, name);
		file->number = year;
	}
	if (r == 0) {
		*ret_db = file->db;
	}
	return r;
}

int store_aggregate_open_month(struct store *store, int month, bool create, struct sqlite3 **ret_db)
{
	struct store_aggregate *a = store->aggregate;
	char name[32], path[PATH_SIZE * 2];

	if (!a->packed || a->month != month) {
		sqlite3_close(a->packed);
		a->packed = NULL;
		snprintf(name, sizeof(name), "min-%06d.db", month);
		store_path(store, name, path, sizeof(path));
		if (create || access(path, F_OK) == 0) {
			a->packed = open_by_name(store, name, store->unclean);
			a->month = month;
			if (!a->packed) {
				return -EIO;
			}
		}
	}
	*ret_db = a->packed;
	return 0;
}

/* ---- writing ---- */

/* Looks up the id of the series in the file; a new series gets one. */
static int ask_series(struct store *store, struct row_file *file, const struct mean_record *record, int *ret_id)
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

/* ask_series(), but the file is asked only once for each series. */
static int series_of(struct store *store, struct row_file *file, const struct mean_record *record, int *ret_id)
{
	const struct outlet *outlet = record->outlet;
	size_t number = store_point_number(
		store, (size_t)(outlet - store->site->outlets), (size_t)(record->point - outlet->points));
	struct series_id wanted = { .kind = record->kind, .o2_ref = isnan(record->o2_ref) ? -1.0 : record->o2_ref };
	struct series_id *known = &file->series[number * POINT_SERIES];

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

static int insert_mean(struct store *store, struct row_file *file, const struct mean_record *record)
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

/* The number of the file that a mean belongs to: its year, or 0 for minutes. */
static int file_of(const struct store *store, const struct mean_record *record)
{
	return record->mean.rule->period == PERIOD_MINUTE ? 0 : store_aggregate_year(store, record->mean.start);
}

/* Writes the means that belong to one file, in one transaction. */
static int write_file(struct store *store, int number, const struct mean_record *records, size_t n)
{
	struct row_file *file = number == 0 ? &store->aggregate->open : &store->aggregate->year;
	struct sqlite3 *db = NULL;
	int r = number == 0 ? store_aggregate_open_days(store, &db) : store_aggregate_open_year(store, number, &db);

	r = r == 0 ? store_db_exec(db, "BEGIN IMMEDIATE", store->error) : r;
	if (r < 0) {
		return r;
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (file_of(store, &records[i]) == number) {
			r = insert_mean(store, file, &records[i]);
		}
		if (number == 0 && records[i].mean.rule->period == PERIOD_MINUTE) {
			store_packing_note_minute(store, records[i].mean.start);
		}
	}
	r = store_db_end(db, r, store->error);
	if (r < 0) {
		/* Ids that the transaction gave are no longer in the file. */
		memset(file->series, 0, (store->n_points * POINT_SERIES + 1) * sizeof(*file->series));
	}
	return r;
}

static int write_files(struct store *store, const struct mean_record *records, size_t n)
{
	int done = -1, r = 0;

	/* Minutes first, then the years in their order. */
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
