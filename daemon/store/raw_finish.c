/* raw_finish.c - replaces the batches of an hour that is over by few small chunks, and links these to the chain. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/store/chain_internal.h"
#include "daemon/store/codec/reading_codec.h"
#include "daemon/store/raw_internal.h"
#include "daemon/store/state_internal.h"

#define SLICE 65536 /* readings of a chunk; it takes about 5 MB of memory while it is made */

/* Values of the column `finished`. */
enum { BATCH = 0, FINISHED = 1, DAMAGED = 2 };

/* The hour that is being finished. */
struct finishing {
	struct store *store;
	struct sqlite3 *db; /* the file of its day */
	struct utc hour;
};

/* Runs SQL with two parameters. */
static int run(const struct finishing *f, const char *sql, int64_t first, int64_t second)
{
	sqlite3_stmt *s = store_db_prepare(f->db, sql, f->store->error);
	int r = -EIO;

	if (s) {
		sqlite3_bind_int64(s, 1, first);
		sqlite3_bind_int64(s, 2, second);
		r = store_db_run(s, f->store->error);
	}
	sqlite3_finalize(s);
	return r;
}

/* Reads batches of the hour until the slice is full. *ret_chunk gets the columns of the first batch, but the id of the
 * last. A damaged batch stays as it is. */
static int gather(const struct finishing *f, struct packed_readings *slice, struct raw_chunk *ret_chunk)
{
	struct store *store = f->store;
	sqlite3_stmt *s = store_db_prepare(
		f->db, "SELECT " RAW_COLUMNS " FROM chunk WHERE finished=0 AND hour_ms=?1 ORDER BY id", store->error);
	struct raw_chunk chunk;
	int r = s ? 0 : -EIO, step = SQLITE_DONE;

	if (s) {
		sqlite3_bind_int64(s, 1, f->hour.ms);
	}
	while (r == 0 && slice->n < SLICE && (step = sqlite3_step(s)) == SQLITE_ROW) {
		size_t before = slice->n;
		if (!store_raw_read_chunk(s, &chunk) ||
			!reading_codec_unpack(chunk.data, chunk.size, chunk.hour.ms, reading_codec_collect, slice)) {
			slice->n = before;
			r = run(f, "UPDATE chunk SET finished=?2 WHERE id=?1", chunk.id, DAMAGED);
			continue;
		}
		if (before == 0) {
			*ret_chunk = chunk;
		}
		ret_chunk->id = chunk.id;
		ret_chunk->synchronized &= chunk.synchronized;
	}
	if (r == 0 && step != SQLITE_ROW && step != SQLITE_DONE) {
		r = store_db_fail(f->db, "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return r == 0 && slice->failed ? store_out_of_memory(store) : r;
}

/* Puts the chunk in the place of its batches. */
static int replace(const struct finishing *f, const struct packed_readings *slice, struct raw_chunk *chunk)
{
	unsigned char *data = reading_codec_pack(slice->readings, slice->n, f->hour.ms, true, &chunk->size);
	int64_t last = chunk->id;

	if (!data) {
		return store_out_of_memory(f->store);
	}
	chunk->finished = true;
	chunk->n = slice->n;
	chunk->data = data;
	int r = store_raw_insert(f->store, chunk);
	free(data);
	return r == 0 ? run(f, "DELETE FROM chunk WHERE finished=0 AND hour_ms=?1 AND id<=?2", f->hour.ms, last) : r;
}

/* 1 when the hour may have more batches, 0 when it has none, or -errno. */
static int finish_slice(const struct finishing *f)
{
	struct packed_readings slice = { 0 };
	struct raw_chunk chunk = { 0 };
	int r = store_db_exec(f->db, "BEGIN IMMEDIATE", f->store->error);

	if (r < 0) {
		return r;
	}
	r = gather(f, &slice, &chunk);
	if (r == 0 && slice.n > 0) {
		r = replace(f, &slice, &chunk);
	}
	r = store_db_end(f->db, r, f->store->error);
	int more = slice.n > 0;
	free(slice.readings);
	return r < 0 ? r : more;
}

/* Links the finished chunks of the hour that have no link yet, within a transaction of state.db. */
static int link_chunks(const struct finishing *f)
{
	struct store *store = f->store;
	sqlite3_stmt *s = store_db_prepare(f->db,
		"SELECT id, (SELECT max(id) FROM series) FROM chunk WHERE hour_ms=?1 AND finished=1 ORDER BY id",
		store->error);
	int r = s ? 0 : -EIO, step = SQLITE_DONE;

	if (s) {
		sqlite3_bind_int64(s, 1, f->hour.ms);
	}
	while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
		struct chain_link link = { .row = sqlite3_column_int64(s, 0), .upto = sqlite3_column_int64(s, 1) };
		store_raw_name(store, time_floor(f->hour, DAY_MS, store->site->judging.offset_min), link.file,
			sizeof(link.file));
		r = store_chain_add_chunk(store, f->db, &link);
	}
	if (r == 0 && step != SQLITE_DONE) {
		r = store_db_fail(f->db, "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return r;
}

/* Links the chunks of the hour, unless f is NULL, and stores that all hours before `next` are finished. */
static int go_on(struct store *store, const struct finishing *f, struct utc next)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)next.ms);
	int r = store_begin(store);
	if (r < 0) {
		return r;
	}
	r = f ? link_chunks(f) : 0;
	r = r == 0 ? store_set_meta(store, "raw_finished_ms", text) : r;
	r = store_end(store, r);
	if (r == 0) {
		store_raw_set_finished(store, next);
	}
	return r;
}

/* Reads where the last run stopped; in the first run, begins with the day before `until`. 0 or -EIO. */
static int read_finished(struct store *store, struct utc until)
{
	char *text = store_meta_text(store, "raw_finished_ms");
	struct utc day = time_floor(until, DAY_MS, store->site->judging.offset_min);

	if (!text) {
		return -EIO;
	}
	store_raw_set_finished(store, (struct utc){ text[0] ? atoll(text) : day.ms - DAY_MS });
	free(text);
	return 0;
}

int store_raw_finish(struct store *store, struct utc until)
{
	int offset = store->site->judging.offset_min, r = 0;
	char name[32], path[PATH_SIZE * 2];

	if (store_raw_finished(store).ms == INT64_MIN && read_finished(store, until) < 0) {
		return -EIO;
	}
	struct finishing f = { .store = store, .hour = store_raw_finished(store) };
	if (f.hour.ms + HOUR_MS > until.ms) {
		return 0;
	}
	struct utc day = time_floor(f.hour, DAY_MS, offset);
	store_raw_name(store, day, name, sizeof(name));
	store_path(store, name, path, sizeof(path));
	if (access(path, F_OK) != 0) {
		struct utc end = time_floor(until, HOUR_MS, offset);
		r = go_on(store, NULL, (struct utc){ day.ms + DAY_MS < end.ms ? day.ms + DAY_MS : end.ms });
		return r < 0 ? r : 1;
	}
	r = store_raw_open_day(store, day, &f.db);
	r = r == 0 ? finish_slice(&f) : r;
	if (r == -EBADMSG) {
		return store_raw_mend(store, day) < 0 ? r : 1;
	}
	r = r == 0 ? go_on(store, &f, (struct utc){ f.hour.ms + HOUR_MS }) : r;
	return r < 0 ? r : 1;
}
