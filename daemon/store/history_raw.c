/* history_raw.c - stored readings for `emisctl history --period raw`, one hour at a time. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/codec/reading_codec.h"
#include "daemon/store/history_internal.h"
#include "daemon/store/raw_internal.h"
#include "daemon/store/series_internal.h"

struct raw_hour {
	struct history_query *q;
	void (*take)(void *context, const struct reading *reading, bool late);
	void *context;
	int series; /* id in the file */
	struct packed_reading *readings;
	size_t n;
	size_t room;
	bool failed; /* out of memory */
};

/* Inserts the reading by its stamp; readings of one stamp keep their order. They come nearly sorted. */
static void take_packed(void *context, const struct packed_reading *packed)
{
	struct raw_hour *hour = context;

	if (packed->series != hour->series) {
		return;
	}
	if (hour->n == hour->room) {
		size_t room = hour->room ? hour->room * 2 : 2048;
		struct packed_reading *grown = realloc(hour->readings, room * sizeof(*grown));
		hour->failed |= !grown;
		if (!grown) {
			return;
		}
		hour->readings = grown;
		hour->room = room;
	}
	size_t place = hour->n++;
	for (; place > 0 && hour->readings[place - 1].reading.at.ms > packed->reading.at.ms; place--) {
		hour->readings[place] = hour->readings[place - 1];
	}
	hour->readings[place] = *packed;
}

static int read_hour(struct raw_hour *hour, sqlite3_stmt *s, int64_t hour_ms)
{
	struct history_query *q = hour->q;
	struct raw_chunk chunk;
	int step;

	hour->n = 0;
	sqlite3_bind_int64(s, 1, hour_ms);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		size_t before = hour->n;
		if (!store_raw_read_chunk(s, &chunk) ||
			!reading_codec_unpack(chunk.data, chunk.size, chunk.hour.ms, take_packed, hour)) {
			hour->n = before;
			q->damaged++;
		}
	}
	int r = step == SQLITE_DONE ? 0 : store_db_fail(sqlite3_db_handle(s), "cannot read", q->error);
	sqlite3_reset(s); /* ends the read transaction; an error was seen by the step */
	if (hour->failed) {
		snprintf(q->error, sizeof(q->error), "out of memory");
		r = -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < hour->n; i++) {
		const struct reading *reading = &hour->readings[i].reading;
		if (reading->at.ms >= q->from.ms && reading->at.ms < q->to.ms) {
			hour->take(hour->context, reading, hour->readings[i].late);
		}
	}
	return r;
}

/* Finds the next hour that starts after `after`; false without one. */
static bool next_hour(sqlite3_stmt *s, int64_t after, int64_t *ret_hour)
{
	sqlite3_bind_int64(s, 1, after);
	bool found = sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL;
	if (found) {
		*ret_hour = sqlite3_column_int64(s, 0);
	}
	sqlite3_reset(s); /* an error shows again when the hour is read */
	return found;
}

static int read_file(struct history_query *q, const char *name, void *context)
{
	struct raw_hour *hour = context;
	char series[SERIES_NAME_SIZE];
	int r = 0;

	if (history_file_number(name) < history_date(q, q->from) ||
		history_file_number(name) > history_date(q, q->to)) {
		return 0;
	}
	struct sqlite3 *db = history_open(q, name, &r);
	sqlite3_stmt *find = db ? store_db_prepare(db, "SELECT id FROM series WHERE name=?1", q->error) : NULL;
	sqlite3_stmt *hours =
		find ? store_db_prepare(db, "SELECT min(hour_ms) FROM chunk WHERE hour_ms > ?1", q->error) : NULL;
	sqlite3_stmt *chunks = hours ? store_db_prepare(db,
					       "SELECT " RAW_COLUMNS " FROM chunk WHERE hour_ms=?1 ORDER BY"
					       " finished=0, id",
					       q->error)
				     : NULL;
	r = db && !chunks ? -EIO : r;
	snprintf(series, sizeof(series), "%s/%s", q->outlet, q->factor);
	if (chunks) {
		sqlite3_bind_text(find, 1, series, -1, SQLITE_STATIC);
	}
	if (chunks && sqlite3_step(find) == SQLITE_ROW) {
		hour->series = sqlite3_column_int(find, 0);
		sqlite3_reset(find); /* the id was read */
		for (int64_t at = INT64_MIN; r == 0 && next_hour(hours, at, &at);) {
			r = read_hour(hour, chunks, at);
		}
	}
	sqlite3_finalize(find);
	sqlite3_finalize(hours);
	sqlite3_finalize(chunks);
	sqlite3_close(db);
	return r;
}

int history_read_raw(
	struct history_query *q, void (*take)(void *context, const struct reading *reading, bool late), void *context)
{
	struct raw_hour hour = { .q = q, .take = take, .context = context };
	int r = history_each_file(q, store_raw_is_file, read_file, &hour);

	free(hour.readings);
	return r;
}
