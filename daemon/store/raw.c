/* raw.c - raw-YYYYMMDD.db: every reading as it came, the evidence behind each mean. The buffer and the file of the open
 * day. raw_finish.c makes hours small, raw_read.c reads. */
#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/array.h"
#include "daemon/store/codec/reading_codec.h"
#include "daemon/store/raw_internal.h"
#include "daemon/store/salvage_internal.h"
#include "daemon/store/series_internal.h"

#define FIRST_ROOM 1024
/* 65536 readings: at 100 points every 2 s, 20 minutes without a disk, in 3 MB. */
#define RAW_BUFFER 65536

struct store_raw {
	struct raw_reading *buffer; /* grows up to RAW_BUFFER */
	size_t n;
	size_t room;
	uint64_t dropped;
	struct sqlite3 *db; /* of the local day that starts at `day`; NULL when none is open */
	struct utc day;
	sqlite3_stmt *insert;
	int *series; /* id in the file by point number (store_point_number) */
	int boot;    /* id of this boot in the file */
	struct utc finished;
};

/* A chunk holds readings of one hour: a batch, or a part of the finished hour. A secondary index or AUTOINCREMENT would
 * write more pages at each commit. Series and boots have AUTOINCREMENT: when a damaged page has lost a name, its id
 * must not be given to another name. */
static const char *const migrations[] = {
	"CREATE TABLE series(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE boot(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE chunk(id INTEGER PRIMARY KEY, hour_ms INTEGER NOT NULL, finished INTEGER NOT NULL,"
	" n INTEGER NOT NULL, boot INTEGER NOT NULL REFERENCES boot(id), mono_ms INTEGER NOT NULL,"
	" wall_ms INTEGER NOT NULL, synchronized INTEGER NOT NULL, simulated INTEGER NOT NULL, crc INTEGER NOT NULL, "
	"data BLOB NOT NULL) STRICT;",
};
static const struct db_schema schema = { migrations, ARRAY_SIZE(migrations) };

/* ---- the file of a day ---- */

void store_raw_close_day(struct store *store)
{
	struct store_raw *raw = store->raw;

	sqlite3_finalize(raw->insert);
	sqlite3_close(raw->db);
	raw->insert = NULL;
	raw->db = NULL;
}

int store_raw_open(struct store *store)
{
	struct store_raw *raw = calloc(1, sizeof(*raw));

	store->raw = raw;
	if (raw) {
		raw->series = calloc(store->n_points + 1, sizeof(*raw->series));
		raw->finished.ms = INT64_MIN;
	}
	return raw && raw->series ? 0 : store_out_of_memory(store);
}

void store_raw_close(struct store *store)
{
	if (store->raw) {
		store_raw_close_day(store);
		free(store->raw->buffer);
		free(store->raw->series);
		free(store->raw);
		store->raw = NULL;
	}
}

void store_raw_name(const struct store *store, struct utc day, char *name, size_t size)
{
	char compact[TIME_TEXT_SIZE];

	time_format_compact(day, store->site->judging.offset_min, compact);
	snprintf(name, size, "raw-%.8s.db", compact);
}

struct utc store_raw_finished(const struct store *store)
{
	return store->raw->finished;
}

void store_raw_set_finished(struct store *store, struct utc finished)
{
	store->raw->finished = finished;
}

int store_raw_id(struct store *store, struct sqlite3 *db, const char *table, const char *name, int *ret_id)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO %s(name) VALUES(?1)", table);
	sqlite3_stmt *add = store_db_prepare(db, sql, store->error);
	snprintf(sql, sizeof(sql), "SELECT id FROM %s WHERE name=?1", table);
	sqlite3_stmt *find = store_db_prepare(db, sql, store->error);
	int r = add && find ? 0 : -EIO;

	if (r == 0) {
		sqlite3_bind_text(add, 1, name, -1, SQLITE_STATIC);
		sqlite3_bind_text(find, 1, name, -1, SQLITE_STATIC);
		r = store_db_run(add, store->error);
	}
	if (r == 0 && sqlite3_step(find) != SQLITE_ROW) {
		r = store_db_fail(db, "cannot read", store->error);
	}
	if (r == 0) {
		*ret_id = sqlite3_column_int(find, 0);
	}
	sqlite3_finalize(add);
	sqlite3_finalize(find);
	return r;
}

/* Looks up the ids of all points and of this boot in the file. */
static int map_names(struct store *store, struct sqlite3 *db)
{
	struct store_raw *raw = store->raw;
	int r = store_db_exec(db, "BEGIN IMMEDIATE", store->error);

	if (r < 0) {
		return r;
	}
	r = store_raw_id(store, db, "boot", store->boot, &raw->boot);
	for (size_t o = 0, number = 0; r == 0 && o < store->site->n_outlets; o++) {
		const struct outlet *outlet = &store->site->outlets[o];
		for (size_t p = 0; r == 0 && p < outlet->n_points; p++, number++) {
			char name[SERIES_NAME_SIZE];
			store_series_name(outlet, &outlet->points[p], name);
			r = store_raw_id(store, db, "series", name, &raw->series[number]);
			if (r == 0 && raw->series[number] > UINT16_MAX) {
				snprintf(store->error, sizeof(store->error), "%s: more than %u series",
					sqlite3_db_filename(db, "main"), (unsigned)UINT16_MAX);
				r = -EOVERFLOW;
			}
		}
	}
	return store_db_end(db, r, store->error);
}

/* A new file gets small pages: a commit writes whole pages, and a batch is a few hundred bytes. */
static void make_small_pages(const struct store *store, const char *path)
{
	sqlite3 *db = NULL;

	if (access(path, F_OK) != 0 && sqlite3_open(path, &db) == SQLITE_OK) {
		/* A failure is harmless: larger pages only wear the disk more, and the next open reports the cause. */
		(void)sqlite3_exec(db,
			store->site->store.no_sync
				? "PRAGMA synchronous=OFF; PRAGMA page_size=512; PRAGMA journal_mode=WAL"
				: "PRAGMA page_size=512; PRAGMA journal_mode=WAL",
			NULL, NULL, NULL);
	}
	sqlite3_close(db);
}

static int open_day(struct store *store, struct utc day)
{
	struct store_raw *raw = store->raw;
	char path[PATH_SIZE * 2], name[32];

	store_raw_close_day(store);
	store_raw_name(store, day, name, sizeof(name));
	store_path(store, name, path, sizeof(path));
	make_small_pages(store, path);
	raw->db = store_open_file(store, name, &schema, false);
	if (!raw->db) {
		return -EIO;
	}
	raw->day = day;
	raw->insert = store_db_prepare(raw->db,
		"INSERT INTO chunk(hour_ms, finished, n, boot, mono_ms, wall_ms, simulated, crc, data, synchronized)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		store->error);
	int r = raw->insert ? map_names(store, raw->db) : -EIO;
	if (r < 0) {
		store_raw_close_day(store);
	}
	return r;
}

int store_raw_open_day(struct store *store, struct utc day, struct sqlite3 **ret_db)
{
	bool is_open = store->raw->db && store->raw->day.ms == day.ms;
	int r = is_open ? 0 : open_day(store, day);

	if (r == 0) {
		*ret_db = store->raw->db;
	}
	return r;
}

int store_raw_salvage(struct store *store, const char *name, const char *why)
{
	store_raw_close_day(store); /* the file may be that of the open day */
	struct sqlite3 *db = store_salvage(store, name, &schema, why);

	sqlite3_close(db);
	return db ? 0 : -EIO;
}

int store_raw_mend(struct store *store, struct utc day)
{
	char name[32];

	store_raw_name(store, day, name, sizeof(name));
	return store_raw_salvage(store, name, "found while it was used");
}

int store_raw_check(struct store *store, const char *name, bool whole)
{
	struct sqlite3 *db = store_open_file(store, name, &schema, whole);

	sqlite3_close(db);
	return db ? 0 : -EIO;
}

/* ---- writing ---- */

/* Makes room for one more reading: the buffer grows up to its limit, then the oldest half is dropped. False when there
 * is no memory at all. */
static bool make_room(struct store_raw *raw)
{
	if (raw->n < raw->room) {
		return true;
	}
	size_t room = raw->room ? raw->room * 2 : FIRST_ROOM;
	struct raw_reading *grown = room <= RAW_BUFFER ? realloc(raw->buffer, room * sizeof(*grown)) : NULL;
	if (grown) {
		raw->buffer = grown;
		raw->room = room;
		return true;
	}
	/* Half of it, since dropping one reading would move the whole buffer each time. */
	size_t half = raw->n / 2;
	if (half > 0) {
		memmove(raw->buffer, raw->buffer + half, (raw->n - half) * sizeof(*raw->buffer));
	}
	raw->n -= half;
	raw->dropped += half;
	return raw->n < raw->room;
}

void store_raw_add(struct store *store, const struct raw_reading *reading)
{
	struct store_raw *raw = store->raw;

	if (make_room(raw)) {
		raw->buffer[raw->n++] = *reading;
	} else {
		raw->dropped++;
	}
}

uint64_t store_raw_dropped(const struct store *store)
{
	return store->raw->dropped;
}

int store_raw_insert(struct store *store, const struct raw_chunk *chunk)
{
	sqlite3_stmt *insert = store->raw->insert;

	sqlite3_bind_int64(insert, 1, chunk->hour.ms);
	sqlite3_bind_int(insert, 2, chunk->finished);
	sqlite3_bind_int64(insert, 3, (int64_t)chunk->n);
	sqlite3_bind_int(insert, 4, chunk->boot);
	sqlite3_bind_int64(insert, 5, chunk->mono.ms);
	sqlite3_bind_int64(insert, 6, chunk->wall.ms);
	sqlite3_bind_int(insert, 7, store->clock->simulated);
	sqlite3_bind_int64(insert, 8, (int64_t)crc32(0, chunk->data, (uInt)chunk->size));
	sqlite3_bind_blob(insert, 9, chunk->data, (int)chunk->size, SQLITE_STATIC);
	sqlite3_bind_int(insert, 10, chunk->synchronized);
	int r = store_db_run(insert, store->error);
	/* The row breaks no rule of the table, so a refused row means that an index of the file is damaged. */
	r = r < 0 && (sqlite3_errcode(store->raw->db) & 0xFF) == SQLITE_CONSTRAINT ? -EBADMSG : r;
	sqlite3_clear_bindings(insert); /* they point to the caller's data */
	return r;
}

static struct utc hour_of(const struct store *store, const struct raw_reading *r)
{
	return time_floor(r->reading.at, HOUR_MS, store->site->judging.offset_min);
}

/* Inserts one row with all buffered readings of `hour`; there is at least one. */
static int insert_hour(struct store *store, struct utc hour)
{
	const struct store_raw *raw = store->raw;
	struct raw_chunk chunk = { .hour = hour,
		.boot = raw->boot,
		.mono = clock_mono(store->clock),
		.wall = clock_utc(store->clock),
		.synchronized = store->synchronized };
	unsigned char *data = NULL;

	assert(raw->n > 0);
	struct packed_reading *packed = calloc(raw->n, sizeof(*packed));
	for (size_t i = 0; packed && i < raw->n; i++) {
		const struct raw_reading *r = &raw->buffer[i];
		if (hour_of(store, r).ms == hour.ms) {
			int series = raw->series[store_point_number(store, r->outlet, r->point)];
			packed[chunk.n++] = (struct packed_reading){ (uint16_t)series, r->late, r->reading };
		}
	}
	if (packed) {
		data = reading_codec_pack(packed, chunk.n, hour.ms, false, &chunk.size);
	}
	free(packed);
	if (!data) {
		return store_out_of_memory(store);
	}
	chunk.data = data;
	int r = store_raw_insert(store, &chunk);
	free(data);
	return r;
}

static void drop_hour(struct store *store, struct utc hour)
{
	struct store_raw *raw = store->raw;
	size_t kept = 0;

	for (size_t i = 0; i < raw->n; i++) {
		if (hour_of(store, &raw->buffer[i]).ms != hour.ms) {
			raw->buffer[kept++] = raw->buffer[i];
		}
	}
	raw->n = kept;
}

int store_raw_flush(struct store *store)
{
	struct store_raw *raw = store->raw;
	struct sqlite3 *db;
	bool mended = false;
	int r = raw->n > 0 ? store_space_check(store) : 0;

	while (r == 0 && raw->n > 0) {
		struct utc hour = hour_of(store, &raw->buffer[0]);
		struct utc day = time_floor(hour, DAY_MS, store->site->judging.offset_min);
		r = store_raw_open_day(store, day, &db);
		r = r == 0 ? insert_hour(store, hour) : r;
		if (r == 0) {
			drop_hour(store, hour);
		} else if (r == -EBADMSG && !mended && store_raw_mend(store, day) == 0) {
			mended = true;
			r = 0;
		}
	}
	return r;
}
