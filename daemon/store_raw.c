/* store_raw.c - raw-YYYYMMDD.db: every reading as it came, the evidence behind each mean. */
#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "daemon/store_parts.h"

/* A packed reading, little-endian: series u16, milliseconds after the batch's base i32, flag u8 with
 * bit 7 for late ones, value f64. */
#define RECORD_BYTES 15
#define LATE_BIT 0x80

static const char *const migrations[] = {
	"CREATE TABLE series(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE batch(id INTEGER PRIMARY KEY, base_ms INTEGER NOT NULL, n INTEGER NOT NULL,"
	" boot TEXT NOT NULL, mono_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL, simulated INTEGER NOT NULL,"
	" crc INTEGER NOT NULL, data BLOB NOT NULL) STRICT;",
};

/* ---- packing ---- */

static void pack(unsigned char *out, uint16_t series, int32_t offset_ms, const struct raw_reading *r)
{
	uint64_t bits;
	uint32_t offset = (uint32_t)offset_ms;

	memcpy(&bits, &r->reading.value, sizeof(bits));
	out[0] = (unsigned char)series;
	out[1] = (unsigned char)(series >> 8);
	for (int i = 0; i < 4; i++) {
		out[2 + i] = (unsigned char)(offset >> (8 * i));
	}
	out[6] = (unsigned char)((unsigned)r->reading.flag | (r->late ? LATE_BIT : 0));
	for (int i = 0; i < 8; i++) {
		out[7 + i] = (unsigned char)(bits >> (8 * i));
	}
}

/* False when the flag is none: the record is damaged. */
static bool unpack(const unsigned char *in, int64_t base_ms, uint16_t *ret_series, struct raw_reading *ret)
{
	uint64_t bits = 0;
	uint32_t offset = 0;

	*ret_series = (uint16_t)(in[0] | in[1] << 8);
	for (int i = 0; i < 4; i++) {
		offset |= (uint32_t)in[2 + i] << (8 * i);
	}
	for (int i = 0; i < 8; i++) {
		bits |= (uint64_t)in[7 + i] << (8 * i);
	}
	ret->reading.at.ms = base_ms + (int32_t)offset;
	ret->reading.flag = (enum flag)(in[6] & ~LATE_BIT);
	ret->late = in[6] & LATE_BIT;
	memcpy(&ret->reading.value, &bits, sizeof(bits));
	return (in[6] & ~LATE_BIT) < FLAG_COUNT;
}

/* ---- the file of a day ---- */

static void close_day(struct store_raw *raw)
{
	sqlite3_finalize(raw->insert);
	sqlite3_close(raw->db);
	raw->insert = NULL;
	raw->db = NULL;
}

int store_raw_open(struct store *store)
{
	store->raw.buffer = calloc(RAW_BUFFER, sizeof(*store->raw.buffer));
	store->raw.series = calloc(store->n_points + 1, sizeof(*store->raw.series));
	if (!store->raw.buffer || !store->raw.series) {
		snprintf(store->error, sizeof(store->error), "out of memory");
		return -ENOMEM;
	}
	return 0;
}

void store_raw_close(struct store *store)
{
	close_day(&store->raw);
	free(store->raw.buffer);
	free(store->raw.series);
	memset(&store->raw, 0, sizeof(store->raw));
}

static void day_path(const struct store *store, struct utc day, char *path, size_t size)
{
	char compact[TIME_TEXT_SIZE], name[32];

	time_format_compact(day, store->site->judging.offset_min, compact);
	snprintf(name, sizeof(name), "raw-%.8s.db", compact);
	store_path(store, name, path, size);
}

/* The ids of our points in this file; new names are added. */
static int map_series(struct store *store, struct sqlite3 *db)
{
	sqlite3_stmt *add = store_db_prepare(db, "INSERT OR IGNORE INTO series(name) VALUES(?1)", store->error);
	sqlite3_stmt *find = store_db_prepare(db, "SELECT id FROM series WHERE name=?1", store->error);
	int r = add && find ? store_db_exec(db, "BEGIN IMMEDIATE", store->error) : -EIO;
	bool begun = r == 0;

	for (size_t o = 0, number = 0; r == 0 && o < store->site->n_outlets; o++) {
		const struct outlet *outlet = &store->site->outlets[o];
		for (size_t p = 0; r == 0 && p < outlet->n_points; p++, number++) {
			char name[OUTLET_ID_SIZE + FACTOR_KEY_SIZE + 1];
			snprintf(name, sizeof(name), "%s/%s", outlet->id, outlet->points[p].factor->key);
			sqlite3_bind_text(add, 1, name, -1, SQLITE_TRANSIENT);
			sqlite3_bind_text(find, 1, name, -1, SQLITE_TRANSIENT);
			r = store_db_run(add, store->error);
			if (r == 0 && sqlite3_step(find) != SQLITE_ROW) {
				r = store_db_fail(db, "cannot read", store->error);
			}
			store->raw.series[number] = r == 0 ? sqlite3_column_int(find, 0) : 0;
			sqlite3_reset(find); /* its row was read */
		}
	}
	if (begun) {
		r = store_db_end(db, r, store->error);
	}
	sqlite3_finalize(add);
	sqlite3_finalize(find);
	return r;
}

static int open_day(struct store *store, struct utc day)
{
	struct store_raw *raw = &store->raw;
	char path[PATH_SIZE * 2];

	if (raw->db && raw->day.ms == day.ms) {
		return 0;
	}
	close_day(raw);
	day_path(store, day, path, sizeof(path));
	raw->db = store_db_open(path, migrations, 1, store->error);
	if (!raw->db) {
		return -EIO;
	}
	raw->day = day;
	raw->insert = store_db_prepare(raw->db,
		"INSERT INTO batch(base_ms, n, boot, mono_ms, wall_ms, simulated, crc, data)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		store->error);
	if (!raw->insert || map_series(store, raw->db) < 0) {
		close_day(raw);
		return -EIO;
	}
	return 0;
}

/* ---- writing ---- */

void store_raw_add(struct store *store, const struct raw_reading *reading)
{
	struct store_raw *raw = &store->raw;

	if (raw->n == RAW_BUFFER) {
		/* Half at once, or each further reading would move the whole buffer. */
		size_t half = RAW_BUFFER / 2;
		memmove(raw->buffer, raw->buffer + half, (RAW_BUFFER - half) * sizeof(*raw->buffer));
		raw->n -= half;
		raw->dropped += half;
	}
	raw->buffer[raw->n++] = *reading;
}

uint64_t store_raw_dropped(const struct store *store)
{
	return store->raw.dropped;
}

static struct utc day_of(const struct store *store, const struct raw_reading *r)
{
	return time_floor(r->reading.at, DAY_MS, store->site->judging.offset_min);
}

/* One row with all buffered readings of `day`. */
static int insert_day(struct store *store, struct utc day)
{
	struct store_raw *raw = &store->raw;
	unsigned char *data = malloc(raw->n * RECORD_BYTES);
	int64_t base_ms = raw->buffer[0].reading.at.ms;
	int n = 0;

	if (!data) {
		snprintf(store->error, sizeof(store->error), "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < raw->n; i++) {
		const struct raw_reading *r = &raw->buffer[i];
		if (day_of(store, r).ms == day.ms) {
			size_t number = store_point_number(store, r->outlet, r->point);
			pack(data + n * RECORD_BYTES, (uint16_t)raw->series[number],
				(int32_t)(r->reading.at.ms - base_ms), r);
			n++;
		}
	}
	sqlite3_bind_int64(raw->insert, 1, base_ms);
	sqlite3_bind_int(raw->insert, 2, n);
	sqlite3_bind_text(raw->insert, 3, store->boot, -1, SQLITE_STATIC);
	sqlite3_bind_int64(raw->insert, 4, clock_mono(store->clock).ms);
	sqlite3_bind_int64(raw->insert, 5, clock_utc(store->clock).ms);
	sqlite3_bind_int(raw->insert, 6, store->clock->simulated);
	sqlite3_bind_int64(raw->insert, 7, (int64_t)crc32(0, data, (uInt)(n * RECORD_BYTES)));
	sqlite3_bind_blob(raw->insert, 8, data, n * RECORD_BYTES, SQLITE_STATIC);
	int r = store_db_run(raw->insert, store->error);
	sqlite3_clear_bindings(raw->insert); /* data ends here */
	free(data);
	return r;
}

static void drop_day(struct store *store, struct utc day)
{
	struct store_raw *raw = &store->raw;
	size_t kept = 0;

	for (size_t i = 0; i < raw->n; i++) {
		if (day_of(store, &raw->buffer[i]).ms != day.ms) {
			raw->buffer[kept++] = raw->buffer[i];
		}
	}
	raw->n = kept;
}

int store_raw_flush(struct store *store)
{
	while (store->raw.n > 0) {
		struct utc day = day_of(store, &store->raw.buffer[0]);
		int r = open_day(store, day);
		r = r == 0 ? insert_day(store, day) : r;
		if (r < 0) {
			return r;
		}
		drop_day(store, day);
	}
	return 0;
}

/* ---- reading back ---- */

struct replay {
	struct store *store;
	void (*take)(void *context, const struct raw_reading *reading);
	void *context;
	int *numbers; /* point number by series id of the file, -1 for what is not configured now */
	int n_numbers;
	int damaged;
};

static void locate(const struct store *store, int number, struct raw_reading *r)
{
	size_t left = (size_t)number;

	for (r->outlet = 0; left >= store->site->outlets[r->outlet].n_points; r->outlet++) {
		left -= store->site->outlets[r->outlet].n_points;
	}
	r->point = left;
}

static int number_of(const struct store *store, const char *name)
{
	int number = 0;

	for (size_t o = 0; o < store->site->n_outlets; o++) {
		const struct outlet *outlet = &store->site->outlets[o];
		for (size_t p = 0; p < outlet->n_points; p++, number++) {
			size_t n = strlen(outlet->id);
			if (strncmp(name, outlet->id, n) == 0 && name[n] == '/' &&
				strcmp(name + n + 1, outlet->points[p].factor->key) == 0) {
				return number;
			}
		}
	}
	return -1;
}

static int read_series(struct replay *replay, struct sqlite3 *db)
{
	sqlite3_stmt *select =
		store_db_prepare(db, "SELECT id, name FROM series ORDER BY id DESC", replay->store->error);
	int step = SQLITE_DONE;

	if (!select) {
		return -EIO;
	}
	free(replay->numbers);
	replay->numbers = NULL;
	replay->n_numbers = 0;
	while ((step = sqlite3_step(select)) == SQLITE_ROW) {
		int id = sqlite3_column_int(select, 0);
		if (!replay->numbers) { /* the largest id comes first */
			replay->n_numbers = id + 1;
			replay->numbers = malloc((size_t)replay->n_numbers * sizeof(*replay->numbers));
			if (!replay->numbers) {
				break;
			}
			memset(replay->numbers, 0xFF, (size_t)replay->n_numbers * sizeof(*replay->numbers));
		}
		replay->numbers[id] = number_of(replay->store, (const char *)sqlite3_column_text(select, 1));
	}
	sqlite3_finalize(select);
	return step == SQLITE_DONE ? 0 : -EIO;
}

static void replay_batch(struct replay *replay, sqlite3_stmt *row)
{
	int64_t base_ms = sqlite3_column_int64(row, 0);
	int n = sqlite3_column_int(row, 1);
	uint32_t crc = (uint32_t)sqlite3_column_int64(row, 2);
	const unsigned char *data = sqlite3_column_blob(row, 3);
	int bytes = sqlite3_column_bytes(row, 3);
	struct raw_reading r;
	uint16_t series;

	if (bytes != n * RECORD_BYTES || crc32(0, data, (uInt)bytes) != crc) {
		replay->damaged++;
		return;
	}
	for (int i = 0; i < n; i++) {
		if (unpack(data + i * RECORD_BYTES, base_ms, &series, &r) && series < replay->n_numbers &&
			replay->numbers[series] >= 0) {
			locate(replay->store, replay->numbers[series], &r);
			replay->take(replay->context, &r);
		}
	}
}

static int replay_file(struct replay *replay, const char *path)
{
	char *error = replay->store->error;
	struct sqlite3 *db = store_db_open_read(path, error);
	int r = db ? read_series(replay, db) : -EIO;
	sqlite3_stmt *select =
		r == 0 ? store_db_prepare(db, "SELECT base_ms, n, crc, data FROM batch ORDER BY id", error) : NULL;

	if (select) {
		int step;
		while ((step = sqlite3_step(select)) == SQLITE_ROW) {
			replay_batch(replay, select);
		}
		r = step == SQLITE_DONE ? 0 : store_db_fail(db, "cannot read", error);
	}
	sqlite3_finalize(select);
	sqlite3_close(db);
	return select ? r : -EIO;
}

static int is_raw_file(const struct dirent *entry)
{
	return strlen(entry->d_name) == strlen("raw-YYYYMMDD.db") && strncmp(entry->d_name, "raw-", 4) == 0 &&
		strspn(entry->d_name + 4, "0123456789") == 8 && strcmp(entry->d_name + 12, ".db") == 0;
}

int store_raw_replay(struct store *store, struct utc from,
	void (*take)(void *context, const struct raw_reading *reading), void *context)
{
	struct replay replay = { .store = store, .take = take, .context = context };
	struct dirent **names;
	char first[PATH_SIZE * 2], path[PATH_SIZE * 2];
	int n = scandir(store->site->store.path, &names, is_raw_file, alphasort);
	int r = n < 0 ? -errno : 0;

	day_path(store, time_floor(from, DAY_MS, store->site->judging.offset_min), first, sizeof(first));
	for (int i = 0; i < n; i++) {
		store_path(store, names[i]->d_name, path, sizeof(path));
		/* The same length, so the order of names is the order of days. */
		if (r == 0 && strcmp(path, first) >= 0) {
			r = replay_file(&replay, path);
		}
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
	}
	free(replay.numbers);
	return r < 0 ? r : replay.damaged;
}
