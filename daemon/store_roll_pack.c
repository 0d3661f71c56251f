/* store_roll_pack.c - min-YYYYMM.db: the minutes of a day that is over, one row a series. Made from the rows of
 * min-open.db, one series a call, so that the main loop never waits long. Rows that come later for a packed day are put
 * into it: what is written again replaces what it was. */
#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/log.h"
#include "daemon/store_pack_day.h"
#include "daemon/store_parts.h"

#define GRACE_MS HOUR_MS              /* after a day's end: results of slow analysers come late */
#define ROWS_SPAN_MS (10 * MINUTE_MS) /* of which rows are deleted at a time */

static int has_form(const struct dirent *entry, const char *prefix, size_t digits)
{
	const char *name = entry->d_name;
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && strspn(name + n, "0123456789") == digits &&
		strcmp(name + n + digits, ".db") == 0;
}

int store_roll_is_month(const struct dirent *entry)
{
	return has_form(entry, "min-", 6);
}

int store_roll_is_year(const struct dirent *entry)
{
	return has_form(entry, "roll-", 4);
}

int store_roll_open_month(struct store *store, int month, bool create)
{
	struct store_roll *roll = &store->roll;
	char name[32], path[PATH_SIZE * 2];

	if (roll->packed && roll->month == month) {
		return 0;
	}
	sqlite3_close(roll->packed);
	roll->packed = NULL;
	snprintf(name, sizeof(name), "min-%06d.db", month);
	store_path(store, name, path, sizeof(path));
	if (!create && access(path, F_OK) != 0) {
		return 0;
	}
	roll->packed = store_roll_open_file(store, name, store->unclean);
	roll->month = month;
	return roll->packed ? 0 : -EIO;
}

bool store_roll_get_day(struct sqlite3_stmt *row, int column, struct day_minute *slots)
{
	const unsigned char *data = sqlite3_column_blob(row, column + 1);
	size_t size = (size_t)sqlite3_column_bytes(row, column + 1);

	return data && crc32(0, data, (uInt)size) == (uint32_t)sqlite3_column_int64(row, column) &&
		unpack_day(data, size, slots);
}

void store_roll_tell_damage(struct store *store, struct utc day, unsigned n)
{
	char text[TIME_TEXT_SIZE];

	if (n == 0 || store->roll.cache.told.ms == day.ms) {
		return;
	}
	store->roll.cache.told = day;
	time_format(day, store->site->judging.offset_min, text);
	snprintf(store->damage, sizeof(store->damage),
		"the minutes of %u series of %.10s are damaged and were passed over", n, text);
	store->n_damages++;
	log_error("%s", store->damage);
}

static int out_of_memory(struct store *store)
{
	snprintf(store->error, sizeof(store->error), "out of memory");
	return -ENOMEM;
}

/* The rows of the series and day over what is there in `slots`. Returns how many, or -errno. */
static int read_rows(struct store *store, struct utc day, int64_t series, struct day_minute *slots)
{
	struct sqlite3 *db = store->roll.open.db;
	sqlite3_stmt *s = store_db_prepare(
		db, "SELECT " MEAN_COLUMNS " FROM minute WHERE start_ms=?1 AND series=?2", store->error);
	int n = 0, step = SQLITE_DONE;

	/* One by one, for the key begins with the start: each is found at once, and all rows of a day are many. */
	for (int i = 0; s && i < DAY_SLOTS && (step == SQLITE_DONE || step == SQLITE_ROW); i++) {
		sqlite3_bind_int64(s, 1, day.ms + i * MINUTE_MS);
		sqlite3_bind_int64(s, 2, series);
		step = sqlite3_step(s);
		if (step == SQLITE_ROW && store_roll_get(s, 0, &slots[i].mean, &slots[i].amount)) {
			slots[i].present = true;
			n++;
		}
		sqlite3_reset(s); /* the step told of errors */
	}
	if (!s || (step != SQLITE_DONE && step != SQLITE_ROW)) {
		n = s ? store_db_fail(db, "cannot read", store->error) : -EIO;
	}
	sqlite3_finalize(s);
	return n;
}

/* Puts the name of the series, in the columns from 1 on of `row`, and the day as the first five parameters. */
static void bind_key(sqlite3_stmt *s, struct utc day, sqlite3_stmt *row)
{
	sqlite3_bind_int64(s, 1, day.ms);
	for (int i = 1; i <= 4; i++) {
		sqlite3_bind_value(s, i + 1, sqlite3_column_value(row, i));
	}
}

/* What is packed of the series and day already. A damaged row gives nothing and is replaced. */
static int read_packed(struct store *store, struct utc day, sqlite3_stmt *row, struct day_minute *slots)
{
	struct sqlite3 *db = store->roll.packed;
	sqlite3_stmt *s = store_db_prepare(db,
		"SELECT crc, data FROM minutes WHERE day_ms=?1 AND outlet=?2 AND factor=?3 AND basis=?4 AND o2_ref=?5",
		store->error);
	int step = SQLITE_ERROR;

	if (!s) {
		return -EIO;
	}
	bind_key(s, day, row);
	step = sqlite3_step(s);
	if (step == SQLITE_ROW && !store_roll_get_day(s, 0, slots)) {
		memset(slots, 0, DAY_SLOTS * sizeof(*slots));
		store_roll_tell_damage(store, day, 1);
	}
	int r = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_db_fail(db, "cannot read", store->error);
	sqlite3_finalize(s);
	return r;
}

static int put_packed(struct store *store, struct utc day, sqlite3_stmt *row, const struct day_minute *slots)
{
	sqlite3_stmt *s = store_db_prepare(store->roll.packed,
		"INSERT OR REPLACE INTO minutes VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", store->error);
	size_t size = 0, n = 0;
	unsigned char *data = pack_day(slots, &size);
	int r = -EIO;

	for (size_t i = 0; i < DAY_SLOTS; i++) {
		n += slots[i].present;
	}
	if (s && data) {
		bind_key(s, day, row);
		sqlite3_bind_int64(s, 6, (int64_t)n);
		sqlite3_bind_int64(s, 7, (int64_t)crc32(0, data, (uInt)size));
		sqlite3_bind_blob(s, 8, data, (int)size, SQLITE_STATIC);
		r = store_db_run(s, store->error);
	}
	sqlite3_finalize(s);
	free(data);
	return s && !data ? out_of_memory(store) : r;
}

/* The series of the row (id, outlet, factor, basis, o2_ref). */
static int pack_series(struct store *store, struct utc day, sqlite3_stmt *row)
{
	struct day_minute *slots = calloc(DAY_SLOTS, sizeof(*slots));
	int r = slots ? store_roll_open_month(store, store_roll_month(store, day), true) : out_of_memory(store);

	r = r == 0 ? read_packed(store, day, row, slots) : r;
	r = r == 0 ? read_rows(store, day, sqlite3_column_int64(row, 0), slots) : r;
	if (r > 0) {
		r = put_packed(store, day, row, slots);
	}
	free(slots);
	return r;
}

/* Packs the next series of the day. 1, or 0 when there is none, or -errno. */
static int pack_next(struct store *store)
{
	struct roll_packing *packing = &store->roll.packing;
	sqlite3_stmt *s = store_db_prepare(store->roll.open.db,
		"SELECT id, " SERIES_COLUMNS " FROM series WHERE id > ?1 ORDER BY id LIMIT 1", store->error);
	int r = -EIO, step = SQLITE_DONE;

	if (!s) {
		return r;
	}
	sqlite3_bind_int64(s, 1, packing->series);
	step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		r = pack_series(store, packing->day, s);
		if (r == 0) {
			packing->series = sqlite3_column_int64(s, 0);
			r = 1;
		}
	} else {
		r = step == SQLITE_DONE ? 0 : store_db_fail(store->roll.open.db, "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return r;
}

/* Deletes some of the day's rows. 1, or 0 when there were none, or -errno. */
static int delete_rows(struct store *store)
{
	struct sqlite3 *db = store->roll.open.db;
	struct utc day = store->roll.packing.day;
	sqlite3_stmt *s = store_db_prepare(db,
		"DELETE FROM minute WHERE start_ms < ?1 AND start_ms < (SELECT min(start_ms) FROM minute) + ?2",
		store->error);
	int r = -EIO;

	if (s) {
		sqlite3_bind_int64(s, 1, day.ms + DAY_MS);
		sqlite3_bind_int64(s, 2, ROWS_SPAN_MS);
		r = store_db_run(s, store->error);
	}
	sqlite3_finalize(s);
	return r < 0 ? r : sqlite3_changes(db) > 0;
}

void store_roll_pack_again(struct store *store, struct utc start)
{
	struct roll_packing *packing = &store->roll.packing;

	if (packing->day.ms != INT64_MIN && start.ms < packing->day.ms + DAY_MS) {
		packing->day.ms = INT64_MIN;
	}
	if (start.ms + DAY_MS + GRACE_MS < packing->due.ms) {
		packing->due.ms = INT64_MIN;
	}
}

/* The oldest day with rows that is over. *ret_day is untouched when there is none. */
static int find_day(struct store *store, struct utc until, struct utc *ret_day)
{
	struct sqlite3 *db = store->roll.open.db;
	int offset = store->site->judging.offset_min;
	sqlite3_stmt *s = store_db_prepare(db, "SELECT min(start_ms) FROM minute", store->error);
	int r = s && sqlite3_step(s) == SQLITE_ROW ? 0 : store_db_fail(db, "cannot read", store->error);

	if (r == 0) {
		bool any = sqlite3_column_type(s, 0) != SQLITE_NULL;
		struct utc day = time_floor(any ? (struct utc){ sqlite3_column_int64(s, 0) } : until, DAY_MS, offset);
		struct utc due = { day.ms + DAY_MS + GRACE_MS };
		if (any && due.ms <= until.ms) {
			*ret_day = day;
		} else {
			store->roll.packing.due = due;
		}
	}
	sqlite3_finalize(s);
	return r;
}

static int pack(struct store *store, struct utc until)
{
	struct roll_packing *packing = &store->roll.packing;

	if (until.ms < packing->due.ms) {
		return 0;
	}
	int r = store_roll_open_days(store);
	if (r == 0 && packing->day.ms == INT64_MIN) {
		packing->series = 0;
		r = find_day(store, until, &packing->day);
		if (r < 0 || packing->day.ms == INT64_MIN) {
			return r;
		}
	}
	r = r == 0 ? pack_next(store) : r;
	if (r == 1 && store->roll.cache.hour.ms >= packing->day.ms) {
		store->roll.cache.hour.ms = INT64_MIN; /* it may be of this day */
	}
	if (r == 0) {
		r = delete_rows(store);
		if (r == 0) {
			packing->day.ms = INT64_MIN;
			r = 1; /* there may be another day */
		}
	}
	return r;
}

int store_roll_pack(struct store *store, struct utc until)
{
	int r = pack(store, until);

	return store_roll_mend(store, r) ? 1 : r;
}
