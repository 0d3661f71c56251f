/* aggregate_pack.c - min-YYYYMM.db: the minutes of a day that is over, one row for each series. They are made from the
 * rows of min-open.db, a few series in each call, so that the main loop never waits long. Minutes that are written
 * later for a packed day replace those in its packed row. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/text.h"
#include "daemon/store/aggregate_internal.h"
#include "daemon/store/codec/minute_codec.h"
#include "daemon/store/salvage_internal.h"

#define SERIES_AT_ONCE 8              /* they take 1.5 MB while they are packed */
#define ROWS_SPAN_MS (10 * MINUTE_MS) /* rows of so much time are deleted in one call */
#define GRACE_MS HOUR_MS              /* from the end of a day to its packing: slow analysers report late */

/* Where the packing stands. */
struct store_packing {
	struct utc day;           /* that is being packed; INT64_MIN between two days */
	int64_t series;           /* id of the last one that is packed */
	struct utc due;           /* there is nothing to pack before this moment */
	struct utc day_of_damage; /* the day whose damage was logged last */
	unsigned changes;
};

int store_packing_open(struct store *store)
{
	struct store_packing *packing = calloc(1, sizeof(*packing));

	store->packing = packing;
	if (!packing) {
		return store_out_of_memory(store);
	}
	packing->day.ms = packing->due.ms = packing->day_of_damage.ms = INT64_MIN;
	return 0;
}

void store_packing_close(struct store *store)
{
	free(store->packing);
	store->packing = NULL;
}

void store_packing_note_minute(struct store *store, struct utc start)
{
	struct store_packing *packing = store->packing;

	if (packing->day.ms != INT64_MIN && start.ms < packing->day.ms + DAY_MS) {
		packing->day.ms = INT64_MIN;
	}
	if (start.ms + DAY_MS + GRACE_MS < packing->due.ms) {
		packing->due.ms = INT64_MIN;
	}
}

unsigned store_packing_changes(const struct store *store)
{
	return store->packing->changes;
}

void store_packing_note_change(struct store *store)
{
	if (store->packing) {
		store->packing->changes++;
	}
}

void store_packing_note_damage(struct store *store, struct utc day, unsigned n)
{
	char text[TIME_TEXT_SIZE];

	if (n == 0 || store->packing->day_of_damage.ms == day.ms) {
		return;
	}
	store->packing->day_of_damage = day;
	time_format(day, store->site->judging.offset_min, text);
	store_note_damage(store, "the minutes of %u series of %.10s are damaged and were passed over", n, text);
}

bool store_packing_get_day(struct sqlite3_stmt *row, int column, struct day_minute *slots)
{
	const unsigned char *data = sqlite3_column_blob(row, column + 1);
	size_t size = (size_t)sqlite3_column_bytes(row, column + 1);

	return data && crc32(0, data, (uInt)size) == (uint32_t)sqlite3_column_int64(row, column) &&
		minute_codec_unpack(data, size, slots);
}

/* Series that are packed together, so that the rows of a day are read once for all of them. */
struct pack_slice {
	struct sqlite3 *open;   /* min-open.db */
	struct sqlite3 *packed; /* of the month */
	struct utc day;
	size_t n;
	struct {
		int64_t id;
		char outlet[OUTLET_ID_SIZE];
		char factor[FACTOR_KEY_SIZE];
		char basis[16];
		double o2_ref;
		size_t n_rows;
		struct day_minute slots[DAY_SLOTS];
	} series[SERIES_AT_ONCE];
};

/* Finds the next series after the id `after`. */
static int find_series(struct store *store, int64_t after, struct pack_slice *slice)
{
	struct sqlite3 *db = slice->open;
	sqlite3_stmt *s = store_db_prepare(
		db, "SELECT id, " SERIES_COLUMNS " FROM series WHERE id > ?1 ORDER BY id LIMIT ?2", store->error);
	int step = SQLITE_ERROR;

	if (!s) {
		return -EIO;
	}
	sqlite3_bind_int64(s, 1, after);
	sqlite3_bind_int(s, 2, SERIES_AT_ONCE);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		size_t i = slice->n++;
		slice->series[i].id = sqlite3_column_int64(s, 0);
		/* All of it was written from buffers of this size. */
		(void)text_copy(slice->series[i].outlet, OUTLET_ID_SIZE, store_db_column(s, 1));
		(void)text_copy(slice->series[i].factor, FACTOR_KEY_SIZE, store_db_column(s, 2));
		(void)text_copy(slice->series[i].basis, sizeof(slice->series[i].basis), store_db_column(s, 3));
		slice->series[i].o2_ref = sqlite3_column_double(s, 4);
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? 0 : store_db_fail(db, "cannot read", store->error);
}

static void take_row(sqlite3_stmt *s, struct pack_slice *slice, int slot)
{
	int64_t id = sqlite3_column_int64(s, 0);

	for (size_t i = 0; i < slice->n; i++) {
		struct day_minute *minute = &slice->series[i].slots[slot];
		if (slice->series[i].id == id && store_aggregate_get(s, 1, &minute->mean, &minute->amount)) {
			minute->present = true;
			slice->series[i].n_rows++;
		}
	}
}

/* Puts the rows of the day over its packed minutes. One query for each minute: the key begins with the start. */
static int read_rows(struct store *store, struct pack_slice *slice)
{
	struct sqlite3 *db = slice->open;
	sqlite3_stmt *s = store_db_prepare(db,
		"SELECT series, " MEAN_COLUMNS " FROM minute WHERE start_ms=?1 AND series BETWEEN ?2 AND ?3",
		store->error);
	int step = SQLITE_DONE, r = s ? store_db_exec(db, "BEGIN", store->error) : -EIO;

	for (int i = 0; r == 0 && i < DAY_SLOTS; i++) {
		sqlite3_bind_int64(s, 1, slice->day.ms + i * MINUTE_MS);
		sqlite3_bind_int64(s, 2, slice->series[0].id);
		sqlite3_bind_int64(s, 3, slice->series[slice->n - 1].id);
		while ((step = sqlite3_step(s)) == SQLITE_ROW) {
			take_row(s, slice, i);
		}
		r = step == SQLITE_DONE ? 0 : store_db_fail(db, "cannot read", store->error);
		sqlite3_reset(s); /* an error was seen by the step */
	}
	sqlite3_finalize(s);
	return s ? store_db_end(db, r, store->error) : r;
}

/* Binds the day and the name as the first five parameters. */
static void bind_key(sqlite3_stmt *s, const struct pack_slice *slice, size_t i)
{
	sqlite3_bind_int64(s, 1, slice->day.ms);
	sqlite3_bind_text(s, 2, slice->series[i].outlet, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, slice->series[i].factor, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, slice->series[i].basis, -1, SQLITE_STATIC);
	sqlite3_bind_double(s, 5, slice->series[i].o2_ref);
}

/* Reads the minutes of the day that are packed already. A damaged row is replaced by what its rows give. */
static int read_packed(struct store *store, struct pack_slice *slice)
{
	struct sqlite3 *db = slice->packed;
	sqlite3_stmt *s = store_db_prepare(db,
		"SELECT crc, data FROM minutes WHERE day_ms=?1 AND outlet=?2 AND factor=?3 AND basis=?4 AND o2_ref=?5",
		store->error);
	int step = SQLITE_DONE;

	for (size_t i = 0; s && i < slice->n && (step == SQLITE_DONE || step == SQLITE_ROW); i++) {
		bind_key(s, slice, i);
		step = sqlite3_step(s);
		if (step == SQLITE_ROW && !store_packing_get_day(s, 0, slice->series[i].slots)) {
			memset(slice->series[i].slots, 0, sizeof(slice->series[i].slots));
			store_packing_note_damage(store, slice->day, 1);
		}
		sqlite3_reset(s); /* an error was seen by the step */
	}
	int r = !s                                          ? -EIO
		: step == SQLITE_ROW || step == SQLITE_DONE ? 0
							    : store_db_fail(db, "cannot read", store->error);
	sqlite3_finalize(s);
	return r;
}

static int put_series(struct store *store, sqlite3_stmt *s, const struct pack_slice *slice, size_t i)
{
	size_t size = 0, n = 0;
	unsigned char *data = minute_codec_pack(slice->series[i].slots, &size);

	if (!data) {
		return store_out_of_memory(store);
	}
	for (size_t slot = 0; slot < DAY_SLOTS; slot++) {
		n += slice->series[i].slots[slot].present;
	}
	bind_key(s, slice, i);
	sqlite3_bind_int64(s, 6, (int64_t)n);
	sqlite3_bind_int64(s, 7, (int64_t)crc32(0, data, (uInt)size));
	sqlite3_bind_blob(s, 8, data, (int)size, SQLITE_STATIC);
	int r = store_db_run(s, store->error);
	sqlite3_clear_bindings(s); /* they point to data */
	free(data);
	return r;
}

/* Writes the series that have rows, in one transaction. */
static int put_packed(struct store *store, const struct pack_slice *slice)
{
	struct sqlite3 *db = slice->packed;
	sqlite3_stmt *s = store_db_prepare(
		db, "INSERT OR REPLACE INTO minutes VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", store->error);
	int r = s ? store_db_exec(db, "BEGIN IMMEDIATE", store->error) : -EIO;

	if (r == 0) {
		for (size_t i = 0; r == 0 && i < slice->n; i++) {
			r = slice->series[i].n_rows > 0 ? put_series(store, s, slice, i) : 0;
		}
		r = store_db_end(db, r, store->error);
	}
	sqlite3_finalize(s);
	return r;
}

/* Packs the next series of the day. 1, or 0 when there is none, or -errno. */
static int pack_next(struct store *store, struct sqlite3 *open)
{
	struct store_packing *packing = store->packing;
	struct pack_slice *slice = calloc(1, sizeof(*slice));

	if (!slice) {
		return store_out_of_memory(store);
	}
	slice->open = open;
	slice->day = packing->day;
	int r = find_series(store, packing->series, slice), more = slice->n > 0;
	if (r == 0 && more) {
		r = store_aggregate_open_month(store, store_aggregate_month(store, slice->day), true, &slice->packed);
		r = r == 0 ? read_packed(store, slice) : r;
		r = r == 0 ? read_rows(store, slice) : r;
		r = r == 0 ? put_packed(store, slice) : r;
		packing->series = r == 0 ? slice->series[slice->n - 1].id : packing->series;
	}
	free(slice);
	return r < 0 ? r : more;
}

/* The start of the earliest row; INT64_MAX without any. 0 or -errno. */
static int first_row(struct store *store, struct sqlite3 *open, struct utc *ret_start)
{
	sqlite3_stmt *s = store_db_prepare(open, "SELECT min(start_ms) FROM minute", store->error);
	int r = !s ? -EIO : sqlite3_step(s) == SQLITE_ROW ? 0 : store_db_fail(open, "cannot read", store->error);

	if (r == 0) {
		ret_start->ms = sqlite3_column_type(s, 0) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(s, 0);
	}
	sqlite3_finalize(s);
	return r;
}

/* Deletes some of the day's rows. 1, or 0 when there are none, or -errno. */
static int delete_rows(struct store *store, struct sqlite3 *open)
{
	struct utc end = { store->packing->day.ms + DAY_MS }, first = { INT64_MAX };
	int r = first_row(store, open, &first);

	if (r < 0 || first.ms >= end.ms) {
		return r;
	}
	sqlite3_stmt *s = store_db_prepare(open, "DELETE FROM minute WHERE start_ms < ?1", store->error);
	r = -EIO;
	if (s) {
		sqlite3_bind_int64(s, 1, first.ms + ROWS_SPAN_MS < end.ms ? first.ms + ROWS_SPAN_MS : end.ms);
		r = store_db_run(s, store->error);
	}
	sqlite3_finalize(s);
	return r < 0 ? r : 1;
}

/* Makes the oldest day with rows the one to pack, if that day is over. 1, 0 when it is not or there is none, or
 * -errno. */
static int begin_day(struct store *store, struct sqlite3 *open, struct utc until)
{
	struct store_packing *packing = store->packing;
	struct utc first = { INT64_MAX };
	int r = first_row(store, open, &first);

	if (r < 0) {
		return r;
	}
	struct utc day = time_floor(first.ms < INT64_MAX ? first : until, DAY_MS, store->site->judging.offset_min);
	struct utc due = { day.ms + DAY_MS + GRACE_MS };
	if (first.ms == INT64_MAX || due.ms > until.ms) {
		packing->due = due;
		return 0;
	}
	packing->day = day;
	packing->series = 0;
	return 1;
}

/* 1 when there may be more to do, 0 when not, or -errno. */
static int pack(struct store *store, struct utc until)
{
	struct store_packing *packing = store->packing;
	struct sqlite3 *open;

	if (until.ms < packing->due.ms) {
		return 0;
	}
	int r = store_aggregate_open_days(store, &open);
	if (r == 0 && packing->day.ms == INT64_MIN) {
		r = begin_day(store, open, until);
		if (r <= 0) {
			return r;
		}
	}
	r = r >= 0 ? pack_next(store, open) : r;
	if (r == 1) {
		packing->changes++;
	}
	if (r == 0) {
		r = delete_rows(store, open);
		if (r == 0) {
			packing->day.ms = INT64_MIN; /* the day is done; there may be another one */
			r = 1;
		}
	}
	return r;
}

int store_aggregate_pack(struct store *store, struct utc until)
{
	int r = pack(store, until);

	return store_aggregate_mend(store, r) ? 1 : r;
}
