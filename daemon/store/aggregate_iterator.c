/* aggregate_iterator.c - the means start by start: hours, days and months from their rows; minutes from the rows of
 * min-open.db and from packed days, of which the iterator keeps one hour unpacked. */
#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/aggregate_internal.h"
#include "daemon/store/codec/minute_codec.h"

#define HOUR_SLOTS 60
#define END_OF_TIME_MS 253402300800000LL /* the year 10000 */

/* An hour of a packed series. */
struct unpacked_series {
	struct series_name name;
	struct day_minute minutes[HOUR_SLOTS];
};

/* An hour of all packed series. */
struct unpacked_hour {
	struct utc start; /* INT64_MIN = nothing is unpacked */
	unsigned changes; /* store_packing_changes() when it was unpacked */
	struct unpacked_series *series;
	size_t n;
	size_t room;
};

struct aggregate_iterator {
	struct store *store;
	enum period period;
	struct utc first; /* the next start is not before this, */
	struct utc until; /* and before this */
	struct unpacked_hour hour;
	struct stored_mean *means; /* of the last start that was found */
	size_t n_means;
	size_t room_means;
};

struct aggregate_iterator *aggregate_iterator_create(struct store *store, enum period period)
{
	struct aggregate_iterator *it = calloc(1, sizeof(*it));

	if (it) {
		it->store = store;
		it->period = period;
		it->hour.start.ms = INT64_MIN;
	}
	return it;
}

void aggregate_iterator_destroy(struct aggregate_iterator *it)
{
	if (it) {
		free(it->hour.series);
		free(it->means);
		free(it);
	}
}

void aggregate_iterator_seek(struct aggregate_iterator *it, struct utc after, struct utc until)
{
	it->first.ms = after.ms < 0 ? 0 : after.ms + 1;
	it->until.ms = until.ms < END_OF_TIME_MS ? until.ms : END_OF_TIME_MS;
}

/* ---- files ---- */

/* The smallest number, from `least` on, of a file of the form "x-NUMBER.db". 1, 0 without one, or -errno. */
static int next_file(struct store *store, int (*is_one)(const struct dirent *), int least, int *ret_number)
{
	struct dirent **names;
	int n = scandir(store->site->store.path, &names, is_one, alphasort), found = 0;

	if (n < 0) {
		snprintf(store->error, sizeof(store->error), "cannot read %s: %s", store->site->store.path,
			strerror(errno));
		return -errno;
	}
	for (int i = 0; i < n; i++) {
		int number = (int)strtol(strchr(names[i]->d_name, '-') + 1, NULL, 10);
		if (!found && number >= least) {
			*ret_number = number;
			found = 1;
		}
		free(names[i]);
	}
	free(names);
	return found;
}

/* A range of starts, [first, until). */
struct range {
	struct utc first;
	struct utc until;
};

/* The smallest number that the query finds in the range; TIME_NEVER without one. 0 or -errno. */
static int find_first(
	struct store *store, struct sqlite3 *db, const char *sql, const struct range *range, struct utc *ret_start)
{
	sqlite3_stmt *s = store_db_prepare(db, sql, store->error);
	int r = -EIO;

	if (s) {
		sqlite3_bind_int64(s, 1, range->first.ms);
		sqlite3_bind_int64(s, 2, range->until.ms);
		r = sqlite3_step(s) == SQLITE_ROW ? 0 : store_db_fail(db, "cannot read", store->error);
	}
	if (r == 0) {
		*ret_start = sqlite3_column_type(s, 0) == SQLITE_NULL ? TIME_NEVER
								      : (struct utc){ sqlite3_column_int64(s, 0) };
	}
	sqlite3_finalize(s);
	return r;
}

/* ---- packed minutes ---- */

static bool make_room(struct unpacked_hour *hour)
{
	if (hour->n < hour->room) {
		return true;
	}
	size_t room = hour->room ? hour->room * 2 : 16;
	struct unpacked_series *grown = realloc(hour->series, room * sizeof(*grown));
	if (grown) {
		hour->series = grown;
		hour->room = room;
	}
	return grown;
}

/* Unpacks the hour that starts at `start` of all series of the day. `packed` is the file of the month. 0 or -errno. */
static int unpack_hour(struct aggregate_iterator *it, struct sqlite3 *packed, struct utc day, struct utc start)
{
	struct store *store = it->store;
	struct unpacked_hour *hour = &it->hour;
	struct day_minute *slots = malloc(DAY_SLOTS * sizeof(*slots));
	sqlite3_stmt *s = store_db_prepare(
		packed, "SELECT " SERIES_COLUMNS ", crc, data FROM minutes WHERE day_ms=?1", store->error);
	unsigned damaged = 0;
	int r = s && slots ? 0 : s ? store_out_of_memory(store) : -EIO, step = SQLITE_DONE;

	hour->n = 0;
	hour->start.ms = INT64_MIN;
	if (s) {
		sqlite3_bind_int64(s, 1, day.ms);
	}
	while (r == 0 && slots && (step = sqlite3_step(s)) == SQLITE_ROW) {
		if (!make_room(hour)) {
			r = store_out_of_memory(store);
		} else if (!store_packing_get_day(s, 4, slots)) {
			damaged++;
		} else if (store_series_read(store, s, 0, &hour->series[hour->n].name)) {
			memcpy(hour->series[hour->n++].minutes, slots + (start.ms - day.ms) / MINUTE_MS,
				sizeof(hour->series->minutes));
		}
	}
	r = r == 0 && step != SQLITE_DONE ? store_db_fail(packed, "cannot read", store->error) : r;
	sqlite3_finalize(s);
	free(slots);
	store_packing_note_damage(store, day, damaged);
	if (r == 0) {
		hour->start = start;
		hour->changes = store_packing_changes(store);
	}
	return r;
}

/* The first minute of the unpacked hour from `first` on that any series has; TIME_NEVER without one. */
static struct utc first_of_hour(const struct unpacked_hour *hour, struct utc first)
{
	int64_t slot = first.ms <= hour->start.ms ? 0 : (first.ms - hour->start.ms + MINUTE_MS - 1) / MINUTE_MS;

	for (; slot < HOUR_SLOTS; slot++) {
		for (size_t i = 0; i < hour->n; i++) {
			if (hour->series[i].minutes[slot].present) {
				return (struct utc){ hour->start.ms + slot * MINUTE_MS };
			}
		}
	}
	return TIME_NEVER;
}

/* The first minute of the packed day in the range; TIME_NEVER without one. 0 or -errno. */
static int first_of_day(struct aggregate_iterator *it, struct sqlite3 *packed, struct utc day,
	const struct range *range, struct utc *ret_start)
{
	int offset = it->store->site->judging.offset_min;
	struct utc hour = time_floor(range->first.ms > day.ms ? range->first : day, HOUR_MS, offset);

	*ret_start = TIME_NEVER;
	for (; hour.ms < day.ms + DAY_MS && hour.ms < range->until.ms; hour.ms += HOUR_MS) {
		bool unpacked = it->hour.start.ms == hour.ms && it->hour.changes == store_packing_changes(it->store);
		int r = unpacked ? 0 : unpack_hour(it, packed, day, hour);
		if (r < 0) {
			return r;
		}
		struct utc start = first_of_hour(&it->hour, range->first);
		if (start.ms != TIME_NEVER.ms) {
			*ret_start = start.ms < range->until.ms ? start : TIME_NEVER;
			return 0;
		}
	}
	return 0;
}

/* The first packed minute in the range; TIME_NEVER without one. 0 or -errno. */
static int first_packed(struct aggregate_iterator *it, struct range range, struct utc *ret_start)
{
	struct store *store = it->store;
	int offset = store->site->judging.offset_min, month = store_aggregate_month(store, range.first), r = 1;
	int last = store_aggregate_month(store, range.until);

	*ret_start = TIME_NEVER;
	while (r > 0 && month <= last && ret_start->ms == TIME_NEVER.ms) {
		struct range days = { time_floor(range.first, DAY_MS, offset), range.until };
		struct sqlite3 *packed = NULL;
		struct utc day = TIME_NEVER;
		r = store_aggregate_open_month(store, month, false, &packed);
		if (r == 0 && packed) {
			r = find_first(store, packed,
				"SELECT min(day_ms) FROM minutes WHERE day_ms >= ?1 AND day_ms < ?2", &days, &day);
		}
		if (r == 0 && day.ms != TIME_NEVER.ms) {
			r = first_of_day(it, packed, day, &range, ret_start);
			range.first.ms = day.ms + DAY_MS;
			r = r == 0 ? 1 : r;
		} else if (r == 0) {
			r = month == last ? 0 : next_file(store, store_aggregate_is_month, month + 1, &month);
		}
	}
	return r < 0 ? r : 0;
}

/* ---- the means of a start ---- */

static struct stored_mean *add_mean(struct aggregate_iterator *it)
{
	if (it->n_means == it->room_means) {
		size_t room = it->room_means ? it->room_means * 2 : 64;
		struct stored_mean *grown = realloc(it->means, room * sizeof(*grown));
		if (!grown) {
			return NULL;
		}
		it->means = grown;
		it->room_means = room;
	}
	return &it->means[it->n_means++];
}

/* Adds the rows of a start. 0 or -errno. */
static int add_rows(struct aggregate_iterator *it, struct sqlite3 *db, struct utc start)
{
	struct store *store = it->store;
	struct series_names names;
	char sql[192];
	int step = SQLITE_ERROR, r = store_series_all(store, db, &names);

	if (r < 0) {
		return r;
	}
	snprintf(
		sql, sizeof(sql), "SELECT series, " MEAN_COLUMNS " FROM %s WHERE start_ms=?1", period_name(it->period));
	sqlite3_stmt *s = store_db_prepare(db, sql, store->error);
	if (s) {
		sqlite3_bind_int64(s, 1, start.ms);
	}
	while (s && (step = sqlite3_step(s)) == SQLITE_ROW) {
		const struct series_name *name = store_series_find(&names, sqlite3_column_int(s, 0));
		struct stored_mean *mean = name ? add_mean(it) : NULL;
		if (name && !mean) {
			r = store_out_of_memory(store);
			break;
		}
		if (mean && store_aggregate_get(s, 1, &mean->mean, &mean->amount)) {
			store_aggregate_name(store, name, it->period, start, mean);
		} else if (mean) {
			it->n_means--;
		}
	}
	if (r == 0 && step != SQLITE_DONE) {
		r = s ? store_db_fail(db, "cannot read", store->error) : -EIO;
	}
	sqlite3_finalize(s);
	free(names.names);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct stored_mean *x = a, *y = b;
	int order = strcmp(x->outlet, y->outlet);

	order = order ? order : strcmp(x->factor, y->factor);
	if (order || x->kind != y->kind) {
		return order ? order : (int)x->kind - (int)y->kind;
	}
	return x->o2_ref < y->o2_ref ? -1 : x->o2_ref > y->o2_ref;
}

static void sort_means(struct aggregate_iterator *it)
{
	if (it->n_means > 1) {
		qsort(it->means, it->n_means, sizeof(*it->means), compare);
	}
}

/* Adds the packed minutes of a start of the unpacked hour, unless there is a row, which is newer. The rows are sorted.
 * 0 or -errno. */
static int add_packed(struct aggregate_iterator *it, struct utc start)
{
	const struct unpacked_hour *hour = &it->hour;
	size_t slot = (size_t)((start.ms - hour->start.ms) / MINUTE_MS), n_rows = it->n_means;

	for (size_t i = 0; i < hour->n; i++) {
		const struct day_minute *minute = &hour->series[i].minutes[slot];
		struct stored_mean mean = { .mean = minute->mean, .amount = minute->amount };
		store_aggregate_name(it->store, &hour->series[i].name, PERIOD_MINUTE, start, &mean);
		if (!minute->present || (n_rows > 0 && bsearch(&mean, it->means, n_rows, sizeof(mean), compare))) {
			continue;
		}
		struct stored_mean *added = add_mean(it);
		if (!added) {
			return store_out_of_memory(it->store);
		}
		*added = mean;
	}
	return 0;
}

/* ---- the steps ---- */

/* Finds the first start of minutes in the range and collects its means. 1, 0 without one, or -errno. */
static int next_minute(struct aggregate_iterator *it, const struct range *range, struct utc *ret_start)
{
	struct utc row = TIME_NEVER, packed = TIME_NEVER;
	struct range before = *range;
	struct sqlite3 *open;
	int r = store_aggregate_open_days(it->store, &open);

	r = r == 0 ? find_first(it->store, open,
			     "SELECT min(start_ms) FROM minute WHERE start_ms >= ?1 AND start_ms < ?2", range, &row)
		   : r;
	if (row.ms < range->until.ms) {
		before.until.ms = row.ms + 1; /* this minute, too: some of its series may be packed */
	}
	r = r == 0 ? first_packed(it, before, &packed) : r;
	*ret_start = row.ms < packed.ms ? row : packed;
	if (r < 0 || ret_start->ms == TIME_NEVER.ms) {
		return r;
	}
	r = row.ms == ret_start->ms ? add_rows(it, open, row) : 0;
	sort_means(it);
	r = r == 0 && packed.ms == ret_start->ms ? add_packed(it, packed) : r;
	return r < 0 ? r : 1;
}

/* next_minute() for hours, days and months. */
static int next_row(struct aggregate_iterator *it, const struct range *range, struct utc *ret_start)
{
	struct store *store = it->store;
	int year = store_aggregate_year(store, range->first), last = store_aggregate_year(store, range->until);
	struct sqlite3 *db;
	char sql[128];
	int r = next_file(store, store_aggregate_is_year, year, &year);

	snprintf(sql, sizeof(sql), "SELECT min(start_ms) FROM %s WHERE start_ms >= ?1 AND start_ms < ?2",
		period_name(it->period));
	while (r > 0 && year <= last) {
		r = store_aggregate_open_year(store, year, &db);
		r = r == 0 ? find_first(store, db, sql, range, ret_start) : r;
		if (r == 0 && ret_start->ms != TIME_NEVER.ms) {
			r = add_rows(it, db, *ret_start);
			return r < 0 ? r : 1;
		}
		r = r == 0 ? next_file(store, store_aggregate_is_year, year + 1, &year) : r;
	}
	return r < 0 ? r : 0;
}

static int find_next(struct aggregate_iterator *it, const struct range *range, struct utc *ret_start)
{
	it->n_means = 0;
	return it->period == PERIOD_MINUTE ? next_minute(it, range, ret_start) : next_row(it, range, ret_start);
}

int aggregate_iterator_next(struct aggregate_iterator *it, struct aggregate_means *ret_means)
{
	struct range range = { it->first, it->until };
	struct utc start = TIME_NEVER;
	int r = 1;

	it->n_means = 0;
	/* Starts without a mean of a configured outlet are left out. */
	while (r > 0 && it->n_means == 0 && range.first.ms < range.until.ms) {
		r = find_next(it, &range, &start);
		if (store_aggregate_mend(it->store, r)) {
			r = find_next(it, &range, &start);
		}
		range.first.ms = r > 0 ? start.ms + 1 : range.first.ms;
	}
	if (r <= 0 || it->n_means == 0) {
		return r < 0 ? r : 0;
	}
	sort_means(it);
	it->first.ms = start.ms + 1;
	*ret_means = (struct aggregate_means){ start, it->means, it->n_means };
	return 1;
}
