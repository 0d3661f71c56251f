/* aggregate_next.c - a walk over the means, start by start: hours, days and months by their rows, minutes by those of
 * min-open.db and by the packed days, of which an hour is kept unpacked. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/codec/minute_codec.h"
#include "daemon/store/store_internal.h"

#define HOUR_SLOTS 60
#define END_OF_TIME_MS 253402300800000LL /* the year 10000 */
#define NONE ((struct utc){ INT64_MAX })

/* An hour of a packed series. */
struct aggregate_hour {
	struct series_name name;
	struct day_minute minutes[HOUR_SLOTS];
};

/* The means of one start. */
struct gathering {
	struct stored_mean *means;
	size_t n;
	size_t room;
};

static int out_of_memory(struct store *store)
{
	snprintf(store->error, sizeof(store->error), "out of memory");
	return -ENOMEM;
}

/* ---- files ---- */

/* The file of the form "x-NUMBER.db" with the smallest number from `least` on. 1, 0 without one, or -errno. */
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
		int number = atoi(strchr(names[i]->d_name, '-') + 1);
		if (!found && number >= least) {
			*ret_number = number;
			found = 1;
		}
		free(names[i]);
	}
	free(names);
	return found;
}

/* The smallest number that the query finds from `first` on and before `until`; NONE without one. 0 or -errno. */
static int find_first(struct store *store, struct sqlite3 *db, const char *sql, struct utc first, struct utc until,
	struct utc *ret_start)
{
	sqlite3_stmt *s = store_db_prepare(db, sql, store->error);
	int r = -EIO;

	if (s) {
		sqlite3_bind_int64(s, 1, first.ms);
		sqlite3_bind_int64(s, 2, until.ms);
		r = sqlite3_step(s) == SQLITE_ROW ? 0 : store_db_fail(db, "cannot read", store->error);
	}
	if (r == 0) {
		*ret_start =
			sqlite3_column_type(s, 0) == SQLITE_NULL ? NONE : (struct utc){ sqlite3_column_int64(s, 0) };
	}
	sqlite3_finalize(s);
	return r;
}

/* ---- packed minutes ---- */

static bool make_room(struct aggregate_cache *cache)
{
	if (cache->n < cache->room) {
		return true;
	}
	size_t room = cache->room ? cache->room * 2 : 16;
	struct aggregate_hour *grown = realloc(cache->series, room * sizeof(*grown));
	if (grown) {
		cache->series = grown;
		cache->room = room;
	}
	return grown;
}

/* Unpacks the hour of all series of the day, which lies in store->roll.packed. */
static int load_hour(struct store *store, struct utc day, struct utc hour)
{
	struct aggregate_cache *cache = &store->roll.cache;
	struct day_minute *slots = malloc(DAY_SLOTS * sizeof(*slots));
	sqlite3_stmt *s = store_db_prepare(
		store->roll.packed, "SELECT " SERIES_COLUMNS ", crc, data FROM minutes WHERE day_ms=?1", store->error);
	unsigned damaged = 0;
	int r = !s ? -EIO : slots ? 0 : out_of_memory(store), step = SQLITE_DONE;

	cache->n = 0;
	cache->hour.ms = INT64_MIN;
	if (s) {
		sqlite3_bind_int64(s, 1, day.ms);
	}
	while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
		if (!make_room(cache)) {
			r = out_of_memory(store);
		} else if (!store_aggregate_get_day(s, 4, slots)) {
			damaged++;
		} else if (store_series_read(store, s, 0, &cache->series[cache->n].name)) {
			memcpy(cache->series[cache->n++].minutes, slots + (hour.ms - day.ms) / MINUTE_MS,
				sizeof(cache->series->minutes));
		}
	}
	r = r == 0 && step != SQLITE_DONE ? store_db_fail(store->roll.packed, "cannot read", store->error) : r;
	sqlite3_finalize(s);
	free(slots);
	store_aggregate_tell_damage(store, day, damaged);
	if (r == 0) {
		cache->hour = hour;
	}
	return r;
}

/* The first minute of the cached hour from `first` on that any series has; NONE without one. */
static struct utc first_cached(const struct aggregate_cache *cache, struct utc first)
{
	int64_t slot = first.ms <= cache->hour.ms ? 0 : (first.ms - cache->hour.ms + MINUTE_MS - 1) / MINUTE_MS;

	for (; slot < HOUR_SLOTS; slot++) {
		for (size_t i = 0; i < cache->n; i++) {
			if (cache->series[i].minutes[slot].present) {
				return (struct utc){ cache->hour.ms + slot * MINUTE_MS };
			}
		}
	}
	return NONE;
}

static int first_of_day(struct store *store, struct utc day, struct utc first, struct utc until, struct utc *ret_start)
{
	struct utc hour = time_floor(first.ms > day.ms ? first : day, HOUR_MS, store->site->judging.offset_min);

	for (; hour.ms < day.ms + DAY_MS && hour.ms < until.ms; hour.ms += HOUR_MS) {
		int r = store->roll.cache.hour.ms == hour.ms ? 0 : load_hour(store, day, hour);
		if (r < 0) {
			return r;
		}
		struct utc start = first_cached(&store->roll.cache, first);
		if (start.ms != NONE.ms) {
			*ret_start = start.ms < until.ms ? start : NONE;
			return 0;
		}
	}
	*ret_start = NONE;
	return 0;
}

/* The first packed minute from `first` on and before `until`; NONE without one. 0 or -errno. */
static int first_packed(struct store *store, struct utc first, struct utc until, struct utc *ret_start)
{
	int offset = store->site->judging.offset_min, month = store_aggregate_month(store, first), r = 1;
	int last = store_aggregate_month(store, until);
	struct utc day = { 0 };

	*ret_start = NONE;
	while (r > 0 && month <= last && ret_start->ms == NONE.ms) {
		r = store_aggregate_open_month(store, month, false);
		day = NONE;
		if (r == 0 && store->roll.packed) {
			r = find_first(store, store->roll.packed,
				"SELECT min(day_ms) FROM minutes WHERE day_ms >= ?1 AND day_ms < ?2",
				time_floor(first, DAY_MS, offset), until, &day);
		}
		if (r == 0 && day.ms != NONE.ms) {
			r = first_of_day(store, day, first, until, ret_start);
			first.ms = day.ms + DAY_MS;
			r = r == 0 ? 1 : r;
		} else if (r == 0) {
			r = month == last ? 0 : next_file(store, store_aggregate_is_month, month + 1, &month);
		}
	}
	return r < 0 ? r : 0;
}

/* ---- the means of a start ---- */

static struct stored_mean *add(struct gathering *g)
{
	if (g->n == g->room) {
		size_t room = g->room ? g->room * 2 : 64;
		struct stored_mean *grown = realloc(g->means, room * sizeof(*grown));
		if (!grown) {
			return NULL;
		}
		g->means = grown;
		g->room = room;
	}
	return &g->means[g->n++];
}

static int gather_rows(
	struct store *store, struct sqlite3 *db, enum period period, struct utc start, struct gathering *g)
{
	struct series_names names;
	char sql[192];
	int step = SQLITE_ERROR, r = store_series_all(store, db, &names);

	if (r < 0) {
		return r;
	}
	snprintf(sql, sizeof(sql), "SELECT series, " MEAN_COLUMNS " FROM %s WHERE start_ms=?1", period_name(period));
	sqlite3_stmt *s = store_db_prepare(db, sql, store->error);
	if (s) {
		sqlite3_bind_int64(s, 1, start.ms);
	}
	while (s && (step = sqlite3_step(s)) == SQLITE_ROW) {
		const struct series_name *name = store_series_find(&names, sqlite3_column_int(s, 0));
		struct stored_mean *mean = name ? add(g) : NULL;
		if (name && !mean) {
			r = out_of_memory(store);
			break;
		}
		if (mean && store_aggregate_get(s, 1, &mean->mean, &mean->amount)) {
			store_aggregate_tell(store, name, period, start, mean);
		} else if (mean) {
			g->n--;
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

/* What is packed beside the rows, which are newer. `g` is sorted. */
static int gather_packed(struct store *store, struct utc start, struct gathering *g)
{
	const struct aggregate_cache *cache = &store->roll.cache;
	size_t slot = (size_t)((start.ms - cache->hour.ms) / MINUTE_MS), n_rows = g->n;

	for (size_t i = 0; i < cache->n; i++) {
		const struct day_minute *minute = &cache->series[i].minutes[slot];
		struct stored_mean mean = { .mean = minute->mean, .amount = minute->amount };
		store_aggregate_tell(store, &cache->series[i].name, PERIOD_MINUTE, start, &mean);
		if (!minute->present || (n_rows > 0 && bsearch(&mean, g->means, n_rows, sizeof(mean), compare))) {
			continue;
		}
		struct stored_mean *added = add(g);
		if (!added) {
			return out_of_memory(store);
		}
		*added = mean;
	}
	return 0;
}

/* ---- the walk ---- */

/* Finds the next start and gathers its means. 1, 0 without one, or -errno. */
static int next_minute(
	struct store *store, struct utc first, struct utc until, struct utc *ret_start, struct gathering *g)
{
	struct utc row = NONE, packed = NONE;
	int r = store_aggregate_open_days(store);

	r = r == 0
		? find_first(store, store->roll.open.db,
			  "SELECT min(start_ms) FROM minute WHERE start_ms >= ?1 AND start_ms < ?2", first, until, &row)
		: r;
	struct utc end = until;
	if (row.ms < until.ms) {
		end.ms = row.ms + 1; /* with it: a minute may have both */
	}
	r = r == 0 ? first_packed(store, first, end, &packed) : r;
	*ret_start = row.ms < packed.ms ? row : packed;
	if (r < 0 || ret_start->ms == NONE.ms) {
		return r;
	}
	r = row.ms == ret_start->ms ? gather_rows(store, store->roll.open.db, PERIOD_MINUTE, row, g) : 0;
	if (g->n > 1) {
		qsort(g->means, g->n, sizeof(*g->means), compare);
	}
	r = r == 0 && packed.ms == ret_start->ms ? gather_packed(store, packed, g) : r;
	return r < 0 ? r : 1;
}

static int next_row(struct store *store, enum period period, struct utc first, struct utc until, struct utc *ret_start,
	struct gathering *g)
{
	int year = store_aggregate_year(store, first), last = store_aggregate_year(store, until);
	char sql[128];
	int r = next_file(store, store_aggregate_is_year, year, &year);

	snprintf(sql, sizeof(sql), "SELECT min(start_ms) FROM %s WHERE start_ms >= ?1 AND start_ms < ?2",
		period_name(period));
	while (r > 0 && year <= last) {
		r = store_aggregate_open_year(store, year);
		r = r == 0 ? find_first(store, store->roll.year.db, sql, first, until, ret_start) : r;
		if (r == 0 && ret_start->ms != NONE.ms) {
			r = gather_rows(store, store->roll.year.db, period, *ret_start, g);
			return r < 0 ? r : 1;
		}
		r = r == 0 ? next_file(store, store_aggregate_is_year, year + 1, &year) : r;
	}
	return r < 0 ? r : 0;
}

static int find_next(struct store *store, enum period period, struct utc first, struct utc until, struct utc *ret_start,
	struct gathering *g)
{
	return period == PERIOD_MINUTE ? next_minute(store, first, until, ret_start, g)
				       : next_row(store, period, first, until, ret_start, g);
}

int store_aggregate_next(struct store *store, enum period period, struct utc after, struct utc until,
	struct utc *ret_start, void (*take)(void *context, const struct stored_mean *mean), void *context)
{
	struct gathering g = { 0 };
	struct utc first = { after.ms < 0 ? 0 : after.ms + 1 }, start = NONE;
	int r = 1;

	until.ms = until.ms < END_OF_TIME_MS ? until.ms : END_OF_TIME_MS;
	/* A start of which nothing is configured any more is none. */
	while (r > 0 && g.n == 0 && first.ms < until.ms) {
		r = find_next(store, period, first, until, &start, &g);
		if (store_aggregate_mend(store, r)) {
			g.n = 0;
			r = find_next(store, period, first, until, &start, &g);
		}
		first.ms = r > 0 ? start.ms + 1 : first.ms;
	}
	if (r > 0 && g.n > 0) {
		qsort(g.means, g.n, sizeof(*g.means), compare);
		for (size_t i = 0; i < g.n; i++) {
			take(context, &g.means[i]);
		}
		*ret_start = start;
	} else {
		r = r < 0 ? r : 0;
	}
	free(g.means);
	return r;
}
