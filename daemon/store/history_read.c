#include "daemon/store/history_read.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "daemon/store/aggregate_internal.h"
#include "daemon/store/codec/minute_codec.h"
#include "daemon/store/history_internal.h"
#include "daemon/store/raw_internal.h"

#define END_OF_TIME_MS 253402300800000LL /* the year 10000 */

/* ---- files ---- */

/* True when emisd has made the file but not its tables yet. */
static bool is_being_made(struct sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	bool made = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL) != SQLITE_OK ||
		sqlite3_step(s) != SQLITE_ROW || sqlite3_column_int(s, 0) > 0;

	sqlite3_finalize(s);
	return !made;
}

struct sqlite3 *history_open(struct history_query *q, const char *name, int *r)
{
	char path[PATH_SIZE * 2];

	snprintf(path, sizeof(path), "%s/%s", q->directory, name);
	if (access(path, F_OK) != 0) {
		return NULL;
	}
	struct sqlite3 *db = store_db_open_read(path, q->error);
	*r = db ? *r : -EIO;
	if (db && is_being_made(db)) {
		sqlite3_close(db);
		db = NULL;
	}
	return db;
}

/* Lists the files of a kind, by number. Returns how many, or -errno. */
static int list(struct history_query *q, int (*is_one)(const struct dirent *), struct dirent ***ret_names)
{
	int n = scandir(q->directory, ret_names, is_one, alphasort);

	if (n < 0) {
		snprintf(q->error, sizeof(q->error), "cannot read %s: %s", q->directory, strerror(errno));
		return -errno;
	}
	return n;
}

int history_each_file(struct history_query *q, int (*is_one)(const struct dirent *),
	int (*each)(struct history_query *q, const char *name, void *context), void *context)
{
	struct dirent **names;
	int n = list(q, is_one, &names), r = n < 0 ? n : 0;

	for (int i = 0; i < n; i++) {
		r = r == 0 ? each(q, names[i]->d_name, context) : r;
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
	}
	return r;
}

int64_t history_file_number(const char *name)
{
	return atoll(strchr(name, '-') + 1);
}

int64_t history_date(const struct history_query *q, struct utc at)
{
	if (at.ms < 0 || at.ms >= END_OF_TIME_MS - DAY_MS) {
		return at.ms < 0 ? 0 : 99991231;
	}
	struct time_parts parts = time_to_parts(at, q->offset_min);
	return parts.year * 10000 + parts.month * 100 + parts.day;
}

int history_read_offset(struct history_query *q)
{
	int r = 0;
	struct sqlite3 *db = history_open(q, "state.db", &r);
	sqlite3_stmt *s = db ? store_db_prepare(db, "SELECT value FROM meta WHERE key='offset_min'", q->error) : NULL;

	q->offset_min = CHINA_OFFSET_MIN;
	if (s && sqlite3_step(s) == SQLITE_ROW) {
		q->offset_min = sqlite3_column_int(s, 0);
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	return db && !s ? -EIO : r;
}

/* ---- series ---- */

struct listing {
	void (*take)(void *context, const struct history_series *series);
	void *context;
};

static int list_file(struct history_query *q, const char *name, void *context)
{
	const struct listing *listing = context;
	bool raw = strncmp(name, "raw-", 4) == 0;
	int r = 0, step = SQLITE_DONE;
	struct sqlite3 *db = history_open(q, name, &r);
	const char *sql = raw ? "SELECT substr(name, 1, instr(name, '/') - 1), substr(name, instr(name, '/') + 1),"
				" 'measured', -1 FROM series"
			      : "SELECT " SERIES_COLUMNS " FROM series";
	sqlite3_stmt *s = db ? store_db_prepare(db, sql, q->error) : NULL;

	while (s && (step = sqlite3_step(s)) == SQLITE_ROW) {
		struct history_series found = { .o2_ref = sqlite3_column_double(s, 3) };
		const char *outlet = (const char *)sqlite3_column_text(s, 0);
		const char *factor = (const char *)sqlite3_column_text(s, 1);
		const char *basis = (const char *)sqlite3_column_text(s, 2);
		if (outlet && factor && basis && text_copy(found.outlet, sizeof(found.outlet), outlet) &&
			text_copy(found.factor, sizeof(found.factor), factor) &&
			series_kind_from_name(basis, &found.kind)) {
			listing->take(listing->context, &found);
		}
	}
	r = step == SQLITE_DONE ? r : store_db_fail(db, "cannot read", q->error);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return db && !s ? -EIO : r;
}

int history_read_series(struct history_query *q, bool raw,
	void (*take)(void *context, const struct history_series *series), void *context)
{
	struct listing listing = { take, context };

	if (raw) {
		return history_each_file(q, store_raw_is_file, list_file, &listing);
	}
	int r = list_file(q, "min-open.db", &listing);
	return r == 0 ? history_each_file(q, store_aggregate_is_year, list_file, &listing) : r;
}

/* ---- rows ---- */

struct means {
	struct history_query *q;
	void (*take)(void *context, const struct mean *mean, double amount);
	void *context;
};

/* Reads a single number; `otherwise` when there is none. 0 or -errno. */
static int ask(struct history_query *q, struct sqlite3 *db, const char *sql, int64_t otherwise, int64_t *ret)
{
	sqlite3_stmt *s = store_db_prepare(db, sql, q->error);
	int step = s ? sqlite3_step(s) : SQLITE_ERROR;

	*ret = step == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL ? sqlite3_column_int64(s, 0) : otherwise;
	int r = !s ? -EIO : step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_db_fail(db, "cannot read", q->error);
	sqlite3_finalize(s);
	return r;
}

/* Looks up the id of the series in the file; 0 when the file does not have it. 0 or -errno. */
static int find_series(struct history_query *q, struct sqlite3 *db, int64_t *ret_id)
{
	sqlite3_stmt *s = store_db_prepare(
		db, "SELECT id FROM series WHERE outlet=?1 AND factor=?2 AND basis=?3 AND o2_ref=?4", q->error);

	if (!s) {
		return -EIO;
	}
	sqlite3_bind_text(s, 1, q->outlet, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, q->factor, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, series_kind_name(q->kind), -1, SQLITE_STATIC);
	sqlite3_bind_double(s, 4, q->o2_ref);
	int step = sqlite3_step(s);
	*ret_id = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	int r = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_db_fail(db, "cannot read", q->error);
	sqlite3_finalize(s);
	return r;
}

/* A query for the rows of a series. Rows whose starts lie step_ms apart are looked up one by one, by the key; months
 * are few, and all of them are read. The parameters are series, first start, end, step. */
static sqlite3_stmt *prepare_rows(struct history_query *q, struct sqlite3 *db, enum period period)
{
	char sql[400];

	if (period == PERIOD_MONTH) {
		snprintf(sql, sizeof(sql),
			"SELECT start_ms, " MEAN_COLUMNS
			" FROM month WHERE series=?1 AND start_ms >= ?2 AND start_ms < ?3"
			" AND ?4 ORDER BY start_ms");
	} else {
		snprintf(sql, sizeof(sql),
			"WITH RECURSIVE at(ms) AS (SELECT ?2 UNION ALL SELECT ms + ?4 FROM at WHERE ms + ?4 < ?3)"
			" SELECT start_ms, " MEAN_COLUMNS " FROM at CROSS JOIN %s ON start_ms = ms AND series = ?1",
			period_name(period));
	}
	return store_db_prepare(db, sql, q->error);
}

/* Starts step_ms apart in [first, end). */
struct row_range {
	int64_t first;
	int64_t end;
	int64_t step_ms;
};

/* Runs the prepared query over the range. 0 or -errno. */
static int read_rows(struct history_query *q, sqlite3_stmt *s, const struct row_range *range,
	void (*take)(void *context, const struct mean *mean, double amount), void *context)
{
	int step;

	sqlite3_bind_int64(s, 2, range->first);
	sqlite3_bind_int64(s, 3, range->end);
	sqlite3_bind_int64(s, 4, range->step_ms);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		struct mean mean = { .start = { sqlite3_column_int64(s, 0) } };
		double amount;
		if (store_aggregate_get(s, 1, &mean, &amount)) {
			take(context, &mean, amount);
		}
	}
	int r = step == SQLITE_DONE ? 0 : store_db_fail(sqlite3_db_handle(s), "cannot read", q->error);
	sqlite3_reset(s); /* ends the read transaction; an error was seen by the step */
	return r;
}

/* The hours, days or months of a year's file. */
static int read_year(struct history_query *q, const char *name, void *context)
{
	static const struct {
		const char *first;
		const char *last;
		int64_t step_ms;
		int64_t page_ms;
	} kinds[PERIOD_COUNT] = {
		[PERIOD_HOUR] = { "SELECT min(start_ms) FROM hour", "SELECT max(start_ms) FROM hour", HOUR_MS,
			31 * DAY_MS },
		[PERIOD_DAY] = { "SELECT min(start_ms) FROM day", "SELECT max(start_ms) FROM day", DAY_MS,
			366 * DAY_MS },
		[PERIOD_MONTH] = { "SELECT min(start_ms) FROM month", "SELECT max(start_ms) FROM month", DAY_MS,
			366 * DAY_MS },
	};
	struct means *means = context;
	int64_t step_ms = kinds[q->period].step_ms, first, last, id = 0;
	int r = 0;

	assert(step_ms > 0); /* minutes have files of their own */
	if (history_file_number(name) < history_date(q, q->from) / 10000 ||
		history_file_number(name) > history_date(q, q->to) / 10000) {
		return 0;
	}
	struct sqlite3 *db = history_open(q, name, &r);
	r = db ? find_series(q, db, &id) : r;
	sqlite3_stmt *s = r == 0 && id > 0 ? prepare_rows(q, db, q->period) : NULL;
	if (s && ask(q, db, kinds[q->period].first, 0, &first) == 0 &&
		ask(q, db, kinds[q->period].last, 0, &last) == 0) {
		if (q->from.ms > first) { /* first stays a whole number of steps after the first start */
			first += (q->from.ms - first + step_ms - 1) / step_ms * step_ms;
		}
		last = last < q->to.ms ? last + 1 : q->to.ms;
		sqlite3_bind_int64(s, 1, id);
		for (; r == 0 && first < last; first += kinds[q->period].page_ms) {
			int64_t end = first + kinds[q->period].page_ms;
			struct row_range page = { first, end < last ? end : last, step_ms };
			r = read_rows(q, s, &page, means->take, means->context);
		}
	} else if (r == 0 && id > 0) {
		r = -EIO;
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	return r;
}

/* ---- minutes ---- */

struct minutes {
	struct means *means;
	struct sqlite3 *open;
	sqlite3_stmt *rows; /* of min-open.db; NULL when it has none of the series */
	int64_t first_row;  /* the earliest row of all */
	struct utc day;     /* whose slots are filled */
	struct day_minute *slots;
	struct day_minute *packed; /* room for the packed minutes of a day */
};

static void take_row(void *context, const struct mean *mean, double amount)
{
	struct minutes *m = context;
	int64_t slot = (mean->start.ms - m->day.ms) / MINUTE_MS;

	m->slots[slot] = (struct day_minute){ .present = true, .mean = *mean, .amount = amount };
}

/* Fills in the packed minutes of the day where there is no row. */
static int read_packed(struct minutes *m, sqlite3_stmt *s)
{
	struct history_query *q = m->means->q;
	int r = 0;

	sqlite3_bind_int64(s, 1, m->day.ms);
	int step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		bool good = store_packing_get_day(s, 0, m->packed);
		q->damaged += !good;
		for (size_t i = 0; good && i < DAY_SLOTS; i++) {
			if (!m->slots[i].present) {
				m->slots[i] = m->packed[i];
			}
		}
	} else if (step != SQLITE_DONE) {
		r = store_db_fail(sqlite3_db_handle(s), "cannot read", q->error);
	}
	sqlite3_reset(s); /* ends the read transaction */
	return r;
}

/* Reads rows before packed minutes, since emisd packs a day before it deletes its rows. `packed` may be NULL. */
static int read_day(struct minutes *m, struct utc day, sqlite3_stmt *packed)
{
	struct means *means = m->means;
	struct history_query *q = means->q;
	int r = 0;

	m->day = day;
	memset(m->slots, 0, DAY_SLOTS * sizeof(*m->slots));
	if (m->rows && day.ms + DAY_MS > m->first_row) {
		struct row_range minutes = { day.ms, day.ms + DAY_MS, MINUTE_MS };
		r = read_rows(q, m->rows, &minutes, take_row, m);
	}
	r = r == 0 && packed ? read_packed(m, packed) : r;
	for (size_t i = 0; r == 0 && i < DAY_SLOTS; i++) {
		struct day_minute *slot = &m->slots[i];
		slot->mean.start.ms = day.ms + (int64_t)i * MINUTE_MS;
		if (slot->present && slot->mean.start.ms >= q->from.ms && slot->mean.start.ms < q->to.ms) {
			means->take(means->context, &slot->mean, slot->amount);
		}
	}
	return r;
}

/* Reads the days that the file has. */
static int read_month(struct history_query *q, const char *name, void *context)
{
	struct minutes *m = context;
	int64_t day = 0, last = 0;
	int r = 0;

	if (history_file_number(name) < history_date(q, q->from) / 100 ||
		history_file_number(name) > history_date(q, q->to) / 100) {
		return 0;
	}
	struct sqlite3 *db = history_open(q, name, &r);
	r = db ? ask(q, db, "SELECT min(day_ms) FROM minutes", 0, &day) : r;
	r = db && r == 0 ? ask(q, db, "SELECT max(day_ms) FROM minutes", 0, &last) : r;
	sqlite3_stmt *s = db && r == 0 ? store_db_prepare(db,
						 "SELECT crc, data FROM minutes WHERE day_ms=?1 AND outlet=?2 AND"
						 " factor=?3 AND basis=?4 AND o2_ref=?5",
						 q->error)
				       : NULL;
	if (s) {
		sqlite3_bind_text(s, 2, q->outlet, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 3, q->factor, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 4, series_kind_name(q->kind), -1, SQLITE_STATIC);
		sqlite3_bind_double(s, 5, q->o2_ref);
	} else if (db) {
		r = -EIO;
	}
	for (; s && r == 0 && day <= last && day < q->to.ms; day += DAY_MS) {
		r = day + DAY_MS > q->from.ms ? read_day(m, (struct utc){ day }, s) : 0;
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	return r;
}

/* Reads the days of which no minute is packed. */
static int read_open_days(struct minutes *m)
{
	struct history_query *q = m->means->q;
	int64_t last = 0;
	int r = m->rows ? ask(q, m->open, "SELECT max(start_ms) FROM minute", 0, &last) : 0;
	struct utc day = { 0 };

	if (m->rows) {
		day = time_floor((struct utc){ m->first_row }, DAY_MS, q->offset_min);
	}
	for (; m->rows && r == 0 && day.ms <= last && day.ms < q->to.ms; day.ms += DAY_MS) {
		if (day.ms > m->day.ms && day.ms + DAY_MS > q->from.ms) {
			r = read_day(m, day, NULL);
		}
	}
	return r;
}

static int read_minutes(struct means *means)
{
	struct history_query *q = means->q;
	struct minutes m = { .means = means, .day = { INT64_MIN }, .slots = malloc(2 * DAY_SLOTS * sizeof(*m.slots)) };
	int64_t id = 0;
	int r = 0;

	if (!m.slots) {
		snprintf(q->error, sizeof(q->error), "out of memory");
		return -ENOMEM;
	}
	m.packed = m.slots + DAY_SLOTS;
	m.open = history_open(q, "min-open.db", &r);
	r = m.open ? find_series(q, m.open, &id) : r;
	r = r == 0 && id > 0 ? ask(q, m.open, "SELECT min(start_ms) FROM minute", INT64_MAX, &m.first_row) : r;
	if (r == 0 && id > 0 && m.first_row < INT64_MAX) {
		m.rows = prepare_rows(q, m.open, PERIOD_MINUTE);
		r = m.rows ? 0 : -EIO;
		sqlite3_bind_int64(m.rows, 1, id);
	}
	r = r == 0 ? history_each_file(q, store_aggregate_is_month, read_month, &m) : r;
	r = r == 0 ? read_open_days(&m) : r;
	sqlite3_finalize(m.rows);
	sqlite3_close(m.open);
	free(m.slots);
	return r;
}

int history_read_means(
	struct history_query *q, void (*take)(void *context, const struct mean *mean, double amount), void *context)
{
	struct means means = { q, take, context };

	return q->period == PERIOD_MINUTE ? read_minutes(&means)
					  : history_each_file(q, store_aggregate_is_year, read_year, &means);
}
