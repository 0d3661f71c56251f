/* raw_read.c - reads raw-YYYYMMDD.db. */
#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "daemon/store/codec/reading_codec.h"
#include "daemon/store/raw_internal.h"
#include "daemon/store/series_internal.h"

/* Files before this one hold undated readings: as if the boot were 1970-01-01, and no box runs for 20 years. */
#define FIRST_DATED "raw-1990"

bool store_raw_read_chunk(struct sqlite3_stmt *row, struct raw_chunk *ret_chunk)
{
	struct raw_chunk chunk = { .id = sqlite3_column_int64(row, 0),
		.hour = { sqlite3_column_int64(row, 1) },
		.finished = sqlite3_column_int(row, 2),
		.n = (size_t)sqlite3_column_int64(row, 3),
		.boot = sqlite3_column_int(row, 4),
		.mono = { sqlite3_column_int64(row, 5) },
		.wall = { sqlite3_column_int64(row, 6) },
		.data = sqlite3_column_blob(row, 8),
		.size = (size_t)sqlite3_column_bytes(row, 8),
		.synchronized = sqlite3_column_int(row, 9) };

	*ret_chunk = chunk;
	return chunk.data && crc32(0, chunk.data, (uInt)chunk.size) == (uint32_t)sqlite3_column_int64(row, 7);
}

struct replay {
	struct store *store;
	void (*take)(void *context, const struct raw_reading *reading);
	void *context;
	int *numbers; /* point number by series id of the file; -1 for a point that is not configured now */
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

static int number_of(const struct store *store, const char *wanted)
{
	int number = 0;

	for (size_t o = 0; o < store->site->n_outlets; o++) {
		const struct outlet *outlet = &store->site->outlets[o];
		for (size_t p = 0; p < outlet->n_points; p++, number++) {
			char name[SERIES_NAME_SIZE];
			store_series_name(outlet, &outlet->points[p], name);
			if (strcmp(name, wanted) == 0) {
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
		if (id < 0 || id > UINT16_MAX) {
			continue; /* not an id that emisd gives */
		}
		if (!replay->numbers) { /* this is the largest id */
			replay->n_numbers = id + 1;
			replay->numbers = malloc((size_t)replay->n_numbers * sizeof(*replay->numbers));
			if (!replay->numbers) {
				break;
			}
			memset(replay->numbers, 0xFF, (size_t)replay->n_numbers * sizeof(*replay->numbers));
		}
		replay->numbers[id] = number_of(replay->store, store_db_column(select, 1));
	}
	sqlite3_finalize(select);
	return step == SQLITE_DONE ? 0 : -EIO;
}

static void replay_reading(void *context, const struct packed_reading *packed)
{
	struct replay *replay = context;
	struct raw_reading r = { .reading = packed->reading, .late = packed->late };

	if (packed->series < replay->n_numbers && replay->numbers[packed->series] >= 0) {
		locate(replay->store, replay->numbers[packed->series], &r);
		replay->take(replay->context, &r);
	}
}

static int replay_file(struct replay *replay, const char *path)
{
	char *error = replay->store->error;
	struct sqlite3 *db = store_db_open_read(path, error);
	int r = db ? read_series(replay, db) : -EIO;
	sqlite3_stmt *select = r == 0
		? store_db_prepare(db, "SELECT " RAW_COLUMNS " FROM chunk ORDER BY hour_ms, finished=0, id", error)
		: NULL;

	if (select) {
		struct raw_chunk chunk;
		int step;
		while ((step = sqlite3_step(select)) == SQLITE_ROW) {
			if (!store_raw_read_chunk(select, &chunk) ||
				!reading_codec_unpack(chunk.data, chunk.size, chunk.hour.ms, replay_reading, replay)) {
				replay->damaged++;
			}
		}
		r = step == SQLITE_DONE ? 0 : store_db_fail(db, "cannot read", error);
	}
	sqlite3_finalize(select);
	r = select ? r : -EIO;
	if (db && r < 0 && store_db_is_damaged(db)) {
		r = -EBADMSG;
	}
	sqlite3_close(db);
	return r;
}

/* Replays a file; a damaged one is salvaged and replayed again. After an unclean stop the file is checked before its
 * first reading is handed out; otherwise the readings before the damage are handed out twice. */
static int replay_or_salvage(struct replay *replay, const char *name)
{
	char path[PATH_SIZE * 2];

	store_path(replay->store, name, path, sizeof(path));
	int r = store_raw_check(replay->store, name, replay->store->unclean);
	r = r == 0 ? replay_file(replay, path) : r;
	if (r == -EBADMSG && store_raw_salvage(replay->store, name, "it cannot be read whole") == 0) {
		r = replay_file(replay, path);
	}
	return r;
}

int store_raw_is_file(const struct dirent *entry)
{
	return strlen(entry->d_name) == strlen("raw-YYYYMMDD.db") && strncmp(entry->d_name, "raw-", 4) == 0 &&
		strspn(entry->d_name + 4, "0123456789") == 8 && strcmp(entry->d_name + 12, ".db") == 0;
}

bool store_raw_is_undated(const char *name)
{
	return strncmp(name, FIRST_DATED, strlen(FIRST_DATED)) < 0;
}

int store_raw_replay(struct store *store, struct utc from,
	void (*take)(void *context, const struct raw_reading *reading), void *context)
{
	struct replay replay = { .store = store, .take = take, .context = context };
	struct dirent **names;
	char first[32];
	int n = scandir(store->site->store.path, &names, store_raw_is_file, alphasort);
	int r = n < 0 ? -errno : 0;

	store_raw_name(store, time_floor(from, DAY_MS, store->site->judging.offset_min), first, sizeof(first));
	for (int i = 0; i < n; i++) {
		/* All names have the same length, so the order of names is the order of days. */
		if (r == 0 && strcmp(names[i]->d_name, first) >= 0) {
			r = replay_or_salvage(&replay, names[i]->d_name);
		}
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
	}
	free(replay.numbers);
	return r < 0 ? r : replay.damaged;
}
