/* raw_finish.c - the batches of an hour that is over become few small chunks. One slice a call, so that the main
 * loop never waits long. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/store/codec/reading_codec.h"
#include "daemon/store/store_internal.h"

#define SLICE 65536 /* readings of a chunk: about 5 MB while it is made */

/* How a row's `finished` reads. */
enum { BATCH = 0, FINISHED = 1, DAMAGED = 2 };

static int run_for(struct store *store, const char *sql, int64_t first, int64_t second)
{
	sqlite3_stmt *s = store_db_prepare(store->raw.db, sql, store->error);
	int r = -EIO;

	if (s) {
		sqlite3_bind_int64(s, 1, first);
		sqlite3_bind_int64(s, 2, second);
		r = store_db_run(s, store->error);
	}
	sqlite3_finalize(s);
	return r;
}

/* Reads batches of the hour until the slice is full. `ret_chunk` tells of the first of them, ->id of the last. What is
 * damaged is left as it is. */
static int gather(struct store *store, struct utc hour, struct packed_readings *slice, struct raw_chunk *ret_chunk)
{
	sqlite3_stmt *s = store_db_prepare(store->raw.db,
		"SELECT " RAW_COLUMNS " FROM chunk WHERE finished=0 AND hour_ms=?1 ORDER BY id", store->error);
	struct raw_chunk chunk;
	int r = s ? 0 : -EIO, step = SQLITE_DONE;

	if (s) {
		sqlite3_bind_int64(s, 1, hour.ms);
	}
	while (r == 0 && slice->n < SLICE && (step = sqlite3_step(s)) == SQLITE_ROW) {
		size_t before = slice->n;
		if (!store_raw_read_chunk(s, &chunk) ||
			!reading_codec_unpack(chunk.data, chunk.size, chunk.hour.ms, reading_codec_collect, slice)) {
			slice->n = before;
			r = run_for(store, "UPDATE chunk SET finished=?2 WHERE id=?1", chunk.id, DAMAGED);
			continue;
		}
		if (before == 0) {
			*ret_chunk = chunk;
		}
		ret_chunk->id = chunk.id;
		ret_chunk->synchronized &= chunk.synchronized;
	}
	if (r == 0 && step != SQLITE_ROW && step != SQLITE_DONE) {
		r = store_db_fail(store->raw.db, "cannot read", store->error);
	}
	sqlite3_finalize(s);
	if (r == 0 && slice->failed) {
		snprintf(store->error, sizeof(store->error), "out of memory");
		r = -ENOMEM;
	}
	return r;
}

static int put(struct store *store, struct utc hour, const struct packed_readings *slice, struct raw_chunk *chunk)
{
	unsigned char *data = reading_codec_pack(slice->readings, slice->n, hour.ms, true, &chunk->size);

	if (!data) {
		snprintf(store->error, sizeof(store->error), "out of memory");
		return -ENOMEM;
	}
	int64_t last = chunk->id;
	chunk->finished = true;
	chunk->n = slice->n;
	chunk->data = data;
	int r = store_raw_insert(store, chunk);
	free(data);
	return r == 0 ? run_for(store, "DELETE FROM chunk WHERE finished=0 AND hour_ms=?1 AND id<=?2", hour.ms, last)
		      : r;
}

/* 1 when the hour may have more, 0 when it has none, or -errno. */
static int finish_slice(struct store *store, struct utc hour)
{
	struct packed_readings slice = { 0 };
	struct raw_chunk chunk = { 0 };
	int r = store_db_exec(store->raw.db, "BEGIN IMMEDIATE", store->error);

	if (r < 0) {
		return r;
	}
	r = gather(store, hour, &slice, &chunk);
	if (r == 0 && slice.n > 0) {
		r = put(store, hour, &slice, &chunk);
	}
	r = store_db_end(store->raw.db, r, store->error);
	int more = slice.n > 0;
	free(slice.readings);
	return r < 0 ? r : more;
}

/* Links what `hour` became and remembers that all before `next` is done. hour may be NULL. */
static int go_on(struct store *store, const struct utc *hour, struct utc next)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)next.ms);
	int r = store_begin(store);
	if (r < 0) {
		return r;
	}
	r = hour ? store_chain_add_chunks(store, *hour) : 0;
	r = r == 0 ? store_set_meta(store, "raw_finished_ms", text) : r;
	r = store_end(store, r);
	if (r == 0) {
		store->raw.finished = next;
	}
	return r;
}

int store_raw_finish(struct store *store, struct utc until)
{
	struct store_raw *raw = &store->raw;
	int offset = store->site->judging.offset_min, r = 0;
	char path[PATH_SIZE * 2];

	if (raw->finished.ms == INT64_MIN) {
		char *text = store_meta_text(store, "raw_finished_ms");
		if (!text) {
			return -EIO;
		}
		raw->finished.ms = text[0] ? atoll(text) : time_floor(until, DAY_MS, offset).ms - DAY_MS;
		free(text);
	}
	if (raw->finished.ms + HOUR_MS > until.ms) {
		return 0;
	}
	struct utc day = time_floor(raw->finished, DAY_MS, offset);
	store_raw_path(store, day, path, sizeof(path));
	if (access(path, F_OK) != 0) {
		struct utc end = time_floor(until, HOUR_MS, offset);
		r = go_on(store, NULL, (struct utc){ day.ms + DAY_MS < end.ms ? day.ms + DAY_MS : end.ms });
		return r < 0 ? r : 1;
	}
	r = store_raw_open_day(store, day);
	r = r == 0 ? finish_slice(store, raw->finished) : r;
	if (r == -EBADMSG) {
		return store_raw_mend(store, day) < 0 ? r : 1;
	}
	r = r == 0 ? go_on(store, &raw->finished, (struct utc){ raw->finished.ms + HOUR_MS }) : r;
	return r < 0 ? r : 1;
}

struct utc store_raw_finished(const struct store *store)
{
	return store->raw.finished;
}
