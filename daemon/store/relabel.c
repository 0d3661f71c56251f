/* relabel.c - readings that were taken before the clock was set. They are stored under their monotonic stamps, as if
 * the boot were 1970-01-01, in files of that name. Once the clock is set they move to the files of their days. */
#include "daemon/store/relabel.h"

#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "daemon/store/codec/reading_codec.h"
#include "daemon/store/raw_internal.h"
#include "daemon/store/series_internal.h"
#include "daemon/store/state_internal.h"

#define SLICE 65536 /* readings that move in one call */

void store_clock_trust(struct store *store, bool synchronized)
{
	store->synchronized = synchronized;
}

int store_clock_note(struct store *store, struct mono mono, int64_t offset_ms)
{
	sqlite3_stmt *s = store_db_prepare(store_state_db(store),
		"INSERT INTO clock(boot, mono_ms, offset_ms, synchronized, simulated) VALUES(?1, ?2, ?3, ?4, ?5)",
		store->error);
	int r = -EIO;

	if (s) {
		sqlite3_bind_text(s, 1, store->boot, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 2, mono.ms);
		sqlite3_bind_int64(s, 3, offset_ms);
		sqlite3_bind_int(s, 4, store->synchronized);
		sqlite3_bind_int(s, 5, store->clock->simulated);
		r = store_db_run(s, store->error);
	}
	sqlite3_finalize(s);
	return r;
}

/* Readings of one boot that move together. */
struct slice {
	struct sqlite3 *from; /* the file they are in */
	struct sqlite3 *to;   /* the file of the day that they move to */
	char boot[40];
	int boot_id;
	int64_t first; /* ids of chunks */
	int64_t last;
	struct mono mono;
	int64_t offset_ms;
	bool synchronized;
	struct packed_readings list; /* stamps are monotonic */
};

/* Sets the offset of the wall clock at `mono` of a boot, as stored at that moment or later. 1, 0 when none is stored,
 * or -errno. */
static int offset_of(struct store *store, const char *boot, struct mono mono, struct slice *slice)
{
	sqlite3_stmt *s = store_db_prepare(store_state_db(store),
		"SELECT offset_ms, synchronized FROM clock WHERE boot=?1 AND mono_ms>=?2 ORDER BY mono_ms LIMIT 1",
		store->error);
	int step = SQLITE_ERROR;

	if (s) {
		sqlite3_bind_text(s, 1, boot, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 2, mono.ms);
		step = sqlite3_step(s);
	}
	if (step == SQLITE_ROW) {
		slice->offset_ms = sqlite3_column_int64(s, 0);
		slice->synchronized = sqlite3_column_int(s, 1);
	}
	sqlite3_finalize(s);
	if (step != SQLITE_ROW && step != SQLITE_DONE) {
		return store_db_fail(store_state_db(store), "cannot read", store->error);
	}
	return step == SQLITE_ROW;
}

/* Adds the chunk to the slice. 1 to go on with the next chunk, 0 when the slice ends before this one, or -errno. A
 * damaged chunk, and one whose wall time is not known, stays where it is. */
static int gather_chunk(struct store *store, struct slice *slice, sqlite3_stmt *row, uint64_t *undated)
{
	struct raw_chunk chunk;
	struct slice found = { 0 };
	const char *boot = store_db_column(row, 10);
	size_t before = slice->list.n;

	if (!store_raw_read_chunk(row, &chunk)) {
		return slice->list.n == 0;
	}
	int known = offset_of(store, boot, chunk.mono, &found);
	if (known <= 0) {
		*undated += known == 0 && strcmp(boot, store->boot) != 0 ? chunk.n : 0;
		return known < 0 ? known : 1;
	}
	if (slice->list.n > 0 && (slice->boot_id != chunk.boot || slice->offset_ms != found.offset_ms)) {
		return 0;
	}
	if (!reading_codec_unpack(chunk.data, chunk.size, chunk.hour.ms, reading_codec_collect, &slice->list)) {
		slice->list.n = before;
		return slice->list.failed ? -ENOMEM : before == 0;
	}
	if (before == 0) {
		(void)text_copy(slice->boot, sizeof(slice->boot), boot); /* written from a buffer of this size */
		slice->boot_id = chunk.boot;
		slice->first = chunk.id;
		slice->mono = chunk.mono;
		slice->offset_ms = found.offset_ms;
		slice->synchronized = found.synchronized;
	}
	slice->last = chunk.id;
	return slice->list.n < SLICE;
}

static int gather(struct store *store, struct slice *slice, uint64_t *undated)
{
	sqlite3_stmt *s = store_db_prepare(slice->from,
		"SELECT chunk.id, hour_ms, finished, n, boot, mono_ms, wall_ms, crc, data, synchronized, boot.name"
		" FROM chunk JOIN boot ON boot.id = boot ORDER BY chunk.id",
		store->error);
	int step = SQLITE_DONE, r = s ? 1 : -EIO;

	while (r == 1 && (step = sqlite3_step(s)) == SQLITE_ROW) {
		r = gather_chunk(store, slice, s, undated);
	}
	if (r >= 0 && step != SQLITE_ROW && step != SQLITE_DONE) {
		r = store_db_fail(slice->from, "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return r < 0 ? r : 0;
}

/* Looks up the name of a series in the file that the slice comes from. */
static bool series_name(struct store *store, const struct slice *slice, int series, char name[SERIES_NAME_SIZE])
{
	sqlite3_stmt *s = store_db_prepare(slice->from, "SELECT name FROM series WHERE id=?1", store->error);
	bool found = false;

	if (s) {
		sqlite3_bind_int(s, 1, series);
		found = sqlite3_step(s) == SQLITE_ROW && text_copy(name, SERIES_NAME_SIZE, store_db_column(s, 0));
	}
	sqlite3_finalize(s);
	return found;
}

/* 1 when the file of the day has these readings already: an earlier attempt stopped before it deleted them from the
 * other file. 0 when not, or -EIO. */
static int is_moved(struct store *store, const struct slice *slice, int boot, struct utc hour)
{
	sqlite3_stmt *s = store_db_prepare(
		slice->to, "SELECT 1 FROM chunk WHERE boot=?1 AND mono_ms=?2 AND hour_ms=?3", store->error);
	int step = SQLITE_ERROR;

	if (s) {
		sqlite3_bind_int(s, 1, boot);
		sqlite3_bind_int64(s, 2, slice->mono.ms);
		sqlite3_bind_int64(s, 3, hour.ms);
		step = sqlite3_step(s);
	}
	sqlite3_finalize(s);
	return step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -EIO;
}

/* Copies the readings of one hour of the slice, with the series ids of the day's file. Returns their number or -errno.
 */
static int translate(
	struct store *store, const struct slice *slice, struct utc hour, struct packed_reading *ret_readings)
{
	char name[SERIES_NAME_SIZE];
	int n = 0, offset = store->site->judging.offset_min, from = -1, to = 0, r = 0;

	for (size_t i = 0; i < slice->list.n; i++) {
		struct packed_reading p = slice->list.readings[i];
		p.reading.at.ms += slice->offset_ms;
		if (time_floor(p.reading.at, HOUR_MS, offset).ms != hour.ms) {
			continue;
		}
		if (p.series != from) { /* neighbours are mostly of the same series */
			from = p.series;
			r = series_name(store, slice, from, name) ? store_raw_id(store, slice->to, "series", name, &to)
								  : -EIO;
			if (r < 0) {
				return r;
			}
		}
		p.series = (uint16_t)to;
		ret_readings[n++] = p;
	}
	return n;
}

static int put_hour(struct store *store, struct slice *slice, struct utc hour)
{
	struct packed_reading *readings = calloc(slice->list.n, sizeof(*readings));
	struct raw_chunk chunk = { .hour = hour,
		.mono = slice->mono,
		.wall = { slice->mono.ms + slice->offset_ms },
		.synchronized = slice->synchronized };
	unsigned char *data = NULL;
	int n = -ENOMEM;

	int r = store_raw_open_day(store, time_floor(hour, DAY_MS, store->site->judging.offset_min), &slice->to);
	r = r == 0 ? store_raw_id(store, slice->to, "boot", slice->boot, &chunk.boot) : r;
	r = r == 0 ? is_moved(store, slice, chunk.boot, hour) : r;
	if (readings && r == 0) {
		n = translate(store, slice, hour, readings);
		data = n > 0 ? reading_codec_pack(readings, (size_t)n, hour.ms, false, &chunk.size) : NULL;
		chunk.n = n > 0 ? (size_t)n : 0;
		chunk.data = data;
		r = data ? store_raw_insert(store, &chunk) : n < 0 ? n : -ENOMEM;
	}
	free(data);
	free(readings);
	return r < 0 ? r : readings ? 0 : -ENOMEM;
}

/* Every hour of the slice is committed in the file of its day before the readings are deleted from the other file. */
static int move_slice(struct store *store, struct slice *slice)
{
	int offset = store->site->judging.offset_min, r = 0;
	struct utc done = { INT64_MIN };

	for (size_t i = 0; r == 0 && i < slice->list.n; i++) {
		struct utc at = { slice->list.readings[i].reading.at.ms + slice->offset_ms };
		struct utc hour = time_floor(at, HOUR_MS, offset);
		if (hour.ms > done.ms) {
			r = put_hour(store, slice, hour);
			done = hour;
		}
	}
	if (r < 0) {
		return r;
	}
	sqlite3_stmt *s =
		store_db_prepare(slice->from, "DELETE FROM chunk WHERE boot=?1 AND id BETWEEN ?2 AND ?3", store->error);
	if (!s) {
		return -EIO;
	}
	sqlite3_bind_int(s, 1, slice->boot_id);
	sqlite3_bind_int64(s, 2, slice->first);
	sqlite3_bind_int64(s, 3, slice->last);
	r = store_db_run(s, store->error);
	sqlite3_finalize(s);
	return r;
}

static bool is_empty(struct store *store, const struct slice *slice)
{
	sqlite3_stmt *s = store_db_prepare(slice->from, "SELECT 1 FROM chunk LIMIT 1", store->error);
	bool empty = s && sqlite3_step(s) == SQLITE_DONE;

	sqlite3_finalize(s);
	return empty;
}

/* Moves a slice of the file's readings. 1 when the file may have more, 0 or -errno. */
static int relabel_file(struct store *store, const char *name, uint64_t *undated, struct utc *first)
{
	char path[PATH_SIZE * 2];
	struct slice slice = { 0 };
	uint64_t here = 0;

	store_path(store, name, path, sizeof(path));
	slice.from = store_db_open_read(path, store->error);
	int r = slice.from ? gather(store, &slice, &here) : -EIO;
	bool damaged = slice.from && r < 0 && store_db_is_damaged(slice.from);
	if (r == 0 && slice.list.n > 0) {
		r = move_slice(store, &slice);
		r = r == 0 ? 1 : r;
	}
	for (size_t i = 0; r == 1 && i < slice.list.n; i++) {
		int64_t at_ms = slice.list.readings[i].reading.at.ms + slice.offset_ms;
		first->ms = at_ms < first->ms ? at_ms : first->ms;
	}
	bool empty = r == 0 && is_empty(store, &slice);
	sqlite3_close(slice.from);
	free(slice.list.readings);
	if (empty) {
		store_raw_close_day(store); /* the file may be that of the open day */
		r = store_remove(store, name);
	}
	*undated += r == 0 ? here : 0;
	if (damaged) {
		r = store_raw_salvage(store, name, "it cannot be read whole") == 0 ? 1 : r;
	}
	return r;
}

static int is_undated_file(const struct dirent *entry)
{
	return store_raw_is_file(entry) && store_raw_is_undated(entry->d_name);
}

int store_relabel(struct store *store, uint64_t *ret_undated, struct utc *first)
{
	struct dirent **names;
	uint64_t undated = 0;
	int n = scandir(store->site->store.path, &names, is_undated_file, alphasort);
	int r = n < 0 ? -errno : 0;

	for (int i = 0; i < n; i++) {
		r = r == 0 ? relabel_file(store, names[i]->d_name, &undated, first) : r;
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
	}
	*ret_undated = undated;
	return r;
}
