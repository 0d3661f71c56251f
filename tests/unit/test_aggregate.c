/* test_aggregate.c - the means in the store: what was written is read back bit for bit, as rows, packed and both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/array.h"
#include "daemon/store/aggregate.h"
#include "daemon/store/history_read.h"
#include "daemon/store/space.h"
#include "tests/unit/random_mean.h"
#include "tests/unit/store_rig.h"

#define MIDNIGHT (EIGHT - 8 * HOUR_MS) /* of that day */
#define NEW_YEAR 1798732800000LL       /* 2027-01-01T00:00:00+08:00 */
#define MOST 20000

struct rig {
	struct store_rig on;
	struct mean_record sent[MOST]; /* by start, outlet, factor, kind */
	size_t n_sent;
	struct stored_mean got[MOST];
	size_t n_got;
};

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	store_rig_set_up(&rig->on);
	store_rig_outlet(&rig->on, "DA001", MEDIUM_GAS, (const char *const[]){ "nox", "so2", NULL });
	store_rig_outlet(&rig->on, "DW001", MEDIUM_WATER, (const char *const[]){ "cod", NULL });
	store_rig_open(&rig->on);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	store_rig_tear_down(&rig->on);
	free(rig);
	return 0;
}

/* ---- what is written ---- */

static struct mean_record *record(
	struct rig *rig, size_t outlet, size_t point, enum series_kind kind, enum period period, int64_t start_ms)
{
	unsigned seed = (unsigned)(start_ms / MINUTE_MS) * 31 + (unsigned)(outlet * 7 + point * 3) + (unsigned)kind;
	const struct outlet *o = &rig->on.outlets[outlet];
	struct mean_record *r = &rig->sent[rig->n_sent++];

	assert_true(rig->n_sent < MOST);
	*r = (struct mean_record){ .outlet = o, .point = &o->points[point], .kind = kind, .amount = NAN };
	r->o2_ref = kind == SERIES_CONVERTED ? 16.0 : NAN;
	r->mean = random_mean(mean_rule_of(o->medium, period), start_ms, &seed);
	if (kind == SERIES_CONVERTED && r->mean.valid) {
		r->mean.value = r->mean.min = r->mean.max = r->mean.value * 5.0 / (21.0 - 14.3217);
	}
	return r;
}

/* The minutes of [from, to), in order: two gas points, one of them converted, too, and a water point. */
static void record_minutes(struct rig *rig, int64_t from_ms, int64_t to_ms)
{
	for (int64_t at = from_ms; at < to_ms; at += MINUTE_MS) {
		(void)record(rig, 0, 0, SERIES_MEASURED, PERIOD_MINUTE, at);
		(void)record(rig, 0, 1, SERIES_MEASURED, PERIOD_MINUTE, at);
		(void)record(rig, 0, 1, SERIES_CONVERTED, PERIOD_MINUTE, at);
		if (at % (10 * MINUTE_MS) == 0) {
			record(rig, 1, 0, SERIES_MEASURED, PERIOD_MINUTE, at)->amount = 12.125;
		}
	}
}

static void write_all(struct rig *rig)
{
	assert_int_equal(store_aggregate_write(rig->on.store, rig->sent, rig->n_sent), 0);
}

static unsigned pack_until(struct rig *rig, int64_t until_ms)
{
	unsigned slices = 0;
	int r;

	while ((r = store_aggregate_pack(rig->on.store, (struct utc){ until_ms })) == 1) {
		assert_true(++slices < 100000);
	}
	if (r < 0) {
		fail_msg("%s", store_error(rig->on.store));
	}
	return slices;
}

/* ---- what is read ---- */

static void take(void *context, const struct stored_mean *mean)
{
	struct rig *rig = context;

	assert_true(rig->n_got < MOST);
	rig->got[rig->n_got++] = *mean;
}

static bool same_number(double a, double b)
{
	return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static bool same(const struct mean_record *a, const struct stored_mean *b)
{
	return strcmp(a->outlet->id, b->outlet) == 0 && strcmp(a->point->factor->key, b->factor) == 0 &&
		a->kind == b->kind && same_number(a->o2_ref, b->o2_ref) && a->mean.rule == b->mean.rule &&
		a->mean.start.ms == b->mean.start.ms && a->mean.end.ms == b->mean.end.ms &&
		same_number(a->mean.value, b->mean.value) && same_number(a->mean.min, b->mean.min) &&
		same_number(a->mean.max, b->mean.max) && a->mean.valid == b->mean.valid &&
		a->mean.flag == b->mean.flag && a->mean.n_valid == b->mean.n_valid && a->mean.n_due == b->mean.n_due &&
		same_number(a->amount, b->amount) &&
		memcmp(a->mean.counts, b->mean.counts, sizeof(a->mean.counts)) == 0;
}

static void walk(struct rig *rig, enum period period, int64_t after_ms, int64_t until_ms)
{
	struct aggregate_iterator *iterator = aggregate_iterator_create(rig->on.store, period);
	struct utc at = { after_ms };
	struct aggregate_means means;
	int r;

	assert_non_null(iterator);
	assert_int_equal(aggregate_iterator_next(iterator, &means), 0); /* before the first seek */
	aggregate_iterator_seek(iterator, at, (struct utc){ until_ms });
	rig->n_got = 0;
	while ((r = aggregate_iterator_next(iterator, &means)) == 1) {
		assert_true(means.start.ms > at.ms && means.start.ms < until_ms);
		assert_true(means.n > 0);
		for (size_t i = 0; i < means.n; i++) {
			assert_int_equal(means.means[i].mean.start.ms, means.start.ms);
			take(rig, &means.means[i]);
		}
		at = means.start;
	}
	if (r < 0) {
		fail_msg("%s", store_error(rig->on.store));
	}
	aggregate_iterator_destroy(iterator);
}

struct expected {
	struct rig *rig;
	size_t outlet;
	size_t point;
	enum series_kind kind;
	size_t at; /* in rig->sent */
};

/* The next record of the series. */
static const struct mean_record *next_of(struct expected *e)
{
	for (; e->at < e->rig->n_sent; e->at++) {
		const struct mean_record *r = &e->rig->sent[e->at];
		const struct outlet *o = &e->rig->on.outlets[e->outlet];
		if (r->outlet == o && r->point == &o->points[e->point] && r->kind == e->kind) {
			return &e->rig->sent[e->at++];
		}
	}
	return NULL;
}

static void take_history(void *context, const struct mean *mean, double amount)
{
	struct expected *e = context;
	const struct mean_record *r = next_of(e);

	assert_non_null(r);
	struct stored_mean got = { .kind = e->kind, .o2_ref = r->o2_ref, .mean = *mean, .amount = amount };
	got.mean.rule = r->mean.rule; /* the store does not know the medium */
	got.mean.end = r->mean.end;
	snprintf(got.outlet, sizeof(got.outlet), "%s", r->outlet->id);
	snprintf(got.factor, sizeof(got.factor), "%s", r->point->factor->key);
	assert_true(same(r, &got));
}

/* Reads each series as emisctl history does, beside the open store. */
static void expect_history(struct rig *rig, enum period period)
{
	static const struct {
		size_t outlet;
		size_t point;
		enum series_kind kind;
		double o2_ref;
	} series[] = { { 0, 0, SERIES_MEASURED, -1.0 }, { 0, 1, SERIES_MEASURED, -1.0 },
		{ 0, 1, SERIES_CONVERTED, 16.0 }, { 1, 0, SERIES_MEASURED, -1.0 } };

	for (size_t i = 0; i < ARRAY_SIZE(series); i++) {
		struct expected e = { rig, series[i].outlet, series[i].point, series[i].kind, 0 };
		const struct outlet *outlet = &rig->on.outlets[e.outlet];
		struct history_query q = { .directory = rig->on.folder,
			.kind = e.kind,
			.o2_ref = series[i].o2_ref,
			.period = period,
			.from = { INT64_MIN },
			.to = { INT64_MAX } };
		snprintf(q.outlet, sizeof(q.outlet), "%s", outlet->id);
		snprintf(q.factor, sizeof(q.factor), "%s", outlet->points[e.point].factor->key);
		if (history_read_offset(&q) < 0 || history_read_means(&q, take_history, &e) < 0) {
			fail_msg("%s", q.error);
		}
		assert_int_equal(q.offset_min, 480);
		assert_int_equal(q.damaged, 0);
		assert_null(next_of(&e));
	}
}

static void count_series(void *context, const struct history_series *series)
{
	unsigned *n = context;

	*n += strcmp(series->outlet, "DA001") == 0 && strcmp(series->factor, "so2") == 0 &&
		series->kind == SERIES_CONVERTED && series->o2_ref == 16.0;
}

/* The walk gives what was sent, in its order, and so does the history of each series. */
static void expect_all(struct rig *rig, enum period period)
{
	expect_history(rig, period);
	walk(rig, period, INT64_MIN, INT64_MAX);
	assert_int_equal(rig->n_got, rig->n_sent);
	for (size_t i = 0; i < rig->n_sent; i++) {
		assert_true(same(&rig->sent[i], &rig->got[i]));
	}
}

static void count_in(struct rig *rig, const char *file, const char *sql, int64_t expected)
{
	char path[128];
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;

	snprintf(path, sizeof(path), "%s/%s", rig->on.folder, file);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int64(s, 0), expected);
	sqlite3_finalize(s);
	sqlite3_close(db);
}

/* ---- tests ---- */

static void minutes_come_back(void **state)
{
	struct rig *rig = *state;

	record_minutes(rig, EIGHT, EIGHT + 2 * HOUR_MS);
	write_all(rig);
	expect_all(rig, PERIOD_MINUTE);
	write_all(rig); /* the same again changes nothing */
	expect_all(rig, PERIOD_MINUTE);
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	expect_all(rig, PERIOD_MINUTE);

	struct history_query q = { .directory = rig->on.folder };
	unsigned n = 0;
	assert_int_equal(history_read_series(&q, false, count_series, &n), 0);
	assert_int_equal(n, 1);
}

static void a_day_that_is_over_is_packed(void **state)
{
	struct rig *rig = *state;

	record_minutes(rig, MIDNIGHT - HOUR_MS, MIDNIGHT + 25 * HOUR_MS);
	write_all(rig);
	assert_int_equal(pack_until(rig, MIDNIGHT + HOUR_MS - 1), 0); /* the grace of an hour is not over */
	assert_true(pack_until(rig, MIDNIGHT + 25 * HOUR_MS) > 8);    /* one slice a series and day at least */
	expect_all(rig, PERIOD_MINUTE);
	count_in(rig, "min-202603.db", "SELECT count(*) FROM minutes", 8);
	count_in(rig, "min-202603.db", "SELECT sum(n) FROM minutes", 3 * 25 * 60 + 25 * 6);
	count_in(rig, "min-open.db", "SELECT min(start_ms) FROM minute",
		MIDNIGHT + DAY_MS); /* rows of the open day only */
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	expect_all(rig, PERIOD_MINUTE);
	assert_int_equal(pack_until(rig, MIDNIGHT + 25 * HOUR_MS), 0);
}

static void packing_goes_on_where_it_stopped(void **state)
{
	struct rig *rig = *state;

	record_minutes(rig, MIDNIGHT, MIDNIGHT + DAY_MS);
	write_all(rig);
	for (unsigned stop = 1;; stop += stop < 8 ? 1 : 30) { /* while packing, while deleting, until all is done */
		unsigned slices = 0;
		while (slices < stop &&
			store_aggregate_pack(rig->on.store, (struct utc){ MIDNIGHT + 2 * DAY_MS }) == 1) {
			slices++;
		}
		expect_all(rig, PERIOD_MINUTE);
		store_close(rig->on.store);
		store_rig_open(&rig->on);
		expect_all(rig, PERIOD_MINUTE);
		if (slices < stop) {
			break;
		}
	}
	count_in(rig, "min-open.db", "SELECT count(*) FROM minute", 0);
}

static void minutes_that_come_again_replace_packed_ones(void **state)
{
	struct rig *rig = *state;

	record_minutes(rig, MIDNIGHT, MIDNIGHT + DAY_MS);
	write_all(rig);
	(void)pack_until(rig, MIDNIGHT + 2 * DAY_MS);
	/* A rebuild writes an hour again; one of its minutes has changed. */
	size_t first = 0;
	while (rig->sent[first].mean.start.ms < EIGHT) {
		first++;
	}
	rig->sent[first].mean.value = 99.5;
	rig->sent[first].mean.valid = true;
	assert_int_equal(store_aggregate_write(rig->on.store, rig->sent + first, 180), 0);
	expect_all(rig, PERIOD_MINUTE);
	(void)pack_until(rig, MIDNIGHT + 2 * DAY_MS);
	expect_all(rig, PERIOD_MINUTE);
	count_in(rig, "min-open.db", "SELECT count(*) FROM minute", 0);
}

static void a_row_that_comes_while_its_day_is_packed_is_kept(void **state)
{
	struct rig *rig = *state;

	record_minutes(rig, MIDNIGHT, MIDNIGHT + DAY_MS);
	size_t last = rig->n_sent - 1;
	for (unsigned stop = 0; stop < 150; stop += stop < 6 ? 2 : 47) { /* while packing, while deleting */
		assert_int_equal(store_aggregate_write(rig->on.store, rig->sent, last), 0);
		for (unsigned i = 0; i < stop; i++) {
			(void)store_aggregate_pack(rig->on.store, (struct utc){ MIDNIGHT + 2 * DAY_MS });
		}
		assert_int_equal(store_aggregate_write(rig->on.store, rig->sent + last, 1), 0);
		(void)pack_until(rig, MIDNIGHT + 2 * DAY_MS);
		expect_all(rig, PERIOD_MINUTE);
		store_close(rig->on.store);
		rig->on.store = NULL;
		store_rig_run(&rig->on, "rm -f min-*");
		store_rig_open(&rig->on);
	}
}

static void the_walk_goes_over_months_and_gaps(void **state)
{
	struct rig *rig = *state;

	record_minutes(
		rig, MIDNIGHT - 2 * DAY_MS - 5 * MINUTE_MS, MIDNIGHT - 2 * DAY_MS + 5 * MINUTE_MS); /* February ends */
	record_minutes(rig, MIDNIGHT + 23 * HOUR_MS + 58 * MINUTE_MS, MIDNIGHT + DAY_MS + 3 * MINUTE_MS);
	record_minutes(rig, NEW_YEAR - 3 * MINUTE_MS, NEW_YEAR + 3 * MINUTE_MS);
	write_all(rig);
	expect_all(rig, PERIOD_MINUTE);
	(void)pack_until(rig, NEW_YEAR + 30 * DAY_MS);
	expect_all(rig, PERIOD_MINUTE);
	count_in(rig, "min-202612.db", "SELECT sum(n) FROM minutes", 9);
	count_in(rig, "min-202701.db", "SELECT sum(n) FROM minutes", 10);
	/* `after` and `until` are exclusive. */
	walk(rig, PERIOD_MINUTE, NEW_YEAR - 2 * MINUTE_MS, NEW_YEAR + MINUTE_MS);
	assert_int_equal(rig->n_got, 3 + 4);
	walk(rig, PERIOD_MINUTE, NEW_YEAR - 2 * MINUTE_MS, NEW_YEAR - MINUTE_MS);
	assert_int_equal(rig->n_got, 0);
	walk(rig, PERIOD_MINUTE, NEW_YEAR, INT64_MAX);
	assert_int_equal(rig->n_got, 6);
}

static void what_is_no_longer_configured_is_passed_over(void **state)
{
	struct rig *rig = *state;

	record_minutes(rig, EIGHT, EIGHT + HOUR_MS);
	write_all(rig);
	rig->on.site.n_outlets = 1;
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	walk(rig, PERIOD_MINUTE, INT64_MIN, INT64_MAX);
	assert_int_equal(rig->n_got, 180);
	(void)pack_until(rig, EIGHT + 3 * DAY_MS);
	walk(rig, PERIOD_MINUTE, INT64_MIN, INT64_MAX);
	assert_int_equal(rig->n_got, 180);
	rig->on.site.n_outlets = 2;
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	expect_all(rig, PERIOD_MINUTE);
}

static void hours_days_and_months_are_rows_of_their_year(void **state)
{
	static const struct {
		enum period period;
		int64_t starts[3];
	} cases[] = {
		{ PERIOD_HOUR, { EIGHT, EIGHT + HOUR_MS, NEW_YEAR } },
		{ PERIOD_DAY, { MIDNIGHT, NEW_YEAR - DAY_MS, NEW_YEAR } },
		{ PERIOD_MONTH, { MIDNIGHT - DAY_MS, NEW_YEAR - 31 * DAY_MS, NEW_YEAR } },
	};

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		struct rig *rig = *state;
		rig->n_sent = 0;
		for (size_t i = 0; i < 3; i++) {
			struct utc start = { cases[c].starts[i] };
			for (size_t o = 0; o < 2; o++) {
				struct mean_record *r = record(rig, o, 0, SERIES_MEASURED, cases[c].period, start.ms);
				r->amount = 17.25 + (double)o;
				r->mean.end =
					cases[c].period == PERIOD_MONTH ? time_next_month(start, 480) : r->mean.end;
			}
		}
		write_all(rig);
		write_all(rig);
		expect_all(rig, cases[c].period);
	}
}

static void a_quarter_is_read_by_start(void **state)
{
	struct rig *rig = *state;

	for (int64_t hour = 0; hour < 48; hour++) {
		(void)record(rig, 0, 0, SERIES_MEASURED, PERIOD_HOUR, MIDNIGHT + hour * HOUR_MS);
		if (hour % 24 == 0) {
			(void)record(rig, 0, 0, SERIES_MEASURED, PERIOD_DAY, MIDNIGHT + hour * HOUR_MS);
		}
		(void)record(rig, 0, 0, SERIES_MEASURED, PERIOD_MINUTE, MIDNIGHT + hour * HOUR_MS);
	}
	write_all(rig);
	rig->n_got = 0;
	assert_int_equal(store_aggregate_read(rig->on.store, (struct utc){ MIDNIGHT + HOUR_MS },
				 (struct utc){ MIDNIGHT + 47 * HOUR_MS }, take, rig),
		0);
	assert_int_equal(rig->n_got, 46 + 1); /* no minutes, and the end is exclusive */
	for (size_t i = 1; i < rig->n_got; i++) {
		assert_true(rig->got[i].mean.start.ms >= rig->got[i - 1].mean.start.ms);
	}
}

static void damaged_days_are_passed_over_and_told(void **state)
{
	struct rig *rig = *state;
	unsigned n = 0;

	record_minutes(rig, MIDNIGHT, MIDNIGHT + HOUR_MS);
	write_all(rig);
	(void)pack_until(rig, MIDNIGHT + 2 * DAY_MS);
	store_close(rig->on.store);
	rig->on.store = NULL;
	store_rig_run(&rig->on,
		"sqlite3 min-202603.db \"UPDATE minutes SET data=CAST(substr(data,1,40)||x'00'||substr(data,42) AS "
		"BLOB)"
		" WHERE factor='nox'\"");
	store_rig_open(&rig->on);
	walk(rig, PERIOD_MINUTE, INT64_MIN, INT64_MAX);
	assert_int_equal(rig->n_got, 120 + 6);
	assert_non_null(strstr(store_damage(rig->on.store, &n), "the minutes of 1 series of 2026-03-02 are damaged"));
	assert_int_equal(n, 1); /* reported once */
	/* Minutes that are written again replace the damaged row. */
	write_all(rig);
	(void)pack_until(rig, MIDNIGHT + 2 * DAY_MS);
	expect_all(rig, PERIOD_MINUTE);
}

static void damaged_files_are_salvaged(struct rig *rig, bool after_kill)
{
	static const struct {
		const char *name;
		unsigned page;
	} files[] = { { "min-open.db", 9 }, { "min-202603.db", 2 }, { "roll-2026.db", 9 } };
	unsigned n = 0;

	record_minutes(rig, MIDNIGHT, MIDNIGHT + DAY_MS);
	write_all(rig);
	(void)pack_until(rig, MIDNIGHT + 2 * DAY_MS);
	rig->n_sent = 0;
	record_minutes(rig, MIDNIGHT + DAY_MS, MIDNIGHT + 2 * DAY_MS);
	write_all(rig);
	rig->n_sent = 0;
	for (int64_t hour = 0; hour < 2000; hour++) {
		(void)record(rig, 0, 0, SERIES_MEASURED, PERIOD_HOUR, MIDNIGHT + hour * HOUR_MS);
	}
	write_all(rig);
	store_close(rig->on.store);
	rig->on.store = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) { /* a page in the middle of each file */
		store_rig_run(&rig->on, "sqlite3 %s 'PRAGMA wal_checkpoint(TRUNCATE)' > /dev/null", files[i].name);
		store_rig_run(&rig->on, "dd if=/dev/urandom of=%s bs=4096 seek=%u count=1 conv=notrunc 2> /dev/null",
			files[i].name, files[i].page);
	}
	if (after_kill) {
		store_rig_run(&rig->on, "sqlite3 state.db \"UPDATE meta SET value='1' WHERE key='in_use'\"");
	}
	store_rig_open(&rig->on);
	walk(rig, PERIOD_MINUTE, INT64_MIN, INT64_MAX);
	assert_true(rig->n_got > 2000);
	for (size_t i = 1; i < rig->n_got; i++) {
		assert_true(rig->got[i].mean.start.ms >= rig->got[i - 1].mean.start.ms);
	}
	walk(rig, PERIOD_HOUR, INT64_MIN, INT64_MAX);
	assert_true(rig->n_got > 1500 && rig->n_got < 2000);
	(void)store_damage(rig->on.store, &n);
	assert_true(n >= 3);
	write_all(rig);
	expect_all(rig, PERIOD_HOUR);
}

static void damage_found_after_a_kill_is_mended(void **state)
{
	damaged_files_are_salvaged(*state, true);
}

static void damage_found_on_the_way_is_mended(void **state)
{
	damaged_files_are_salvaged(*state, false);
}

static void the_quota_takes_only_means_that_need_not_be_kept(void **state)
{
	struct rig *rig = *state;

	record_minutes(rig, MIDNIGHT - 61 * DAY_MS, MIDNIGHT - 61 * DAY_MS + HOUR_MS); /* December 2025 */
	record_minutes(rig, MIDNIGHT - 60 * DAY_MS, MIDNIGHT - 60 * DAY_MS + HOUR_MS); /* January */
	size_t january = rig->n_sent / 2;
	for (int64_t start = MIDNIGHT - 100 * DAY_MS; start < MIDNIGHT; start += 10 * DAY_MS) {
		(void)record(rig, 0, 0, SERIES_MEASURED, PERIOD_DAY, start);
	}
	write_all(rig);
	(void)pack_until(rig, MIDNIGHT);
	rig->on.site.store.keep_minutes = 2;
	rig->on.site.store.keep_means = 12;
	assert_int_equal(store_keep_room(rig->on.store), 0);
	store_rig_run(&rig->on, "test -e min-202512.db && test -e roll-2025.db"); /* there is room */
	rig->on.site.store.quota_bytes = 1;
	assert_int_equal(store_keep_room(rig->on.store), 0);
	store_rig_run(&rig->on,
		"test ! -e min-202512.db && test -e min-202601.db && test -e roll-2025.db && test -e roll-2026.db");
	walk(rig, PERIOD_MINUTE, INT64_MIN, INT64_MAX);
	assert_int_equal(rig->n_got, january);
	assert_true(same(&rig->sent[january], &rig->got[0]));
	rig->on.site.store.keep_means = 1;
	rig->on.clock.start.ms += 366 * DAY_MS; /* March 2027: the minutes of 2026 may go, too */
	assert_int_equal(store_keep_room(rig->on.store), 0);
	store_rig_run(&rig->on,
		"test ! -e roll-2025.db && test -e roll-2026.db && test ! -e min-202601.db && test -e state.db");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(minutes_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_day_that_is_over_is_packed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(packing_goes_on_where_it_stopped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(minutes_that_come_again_replace_packed_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_row_that_comes_while_its_day_is_packed_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_walk_goes_over_months_and_gaps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_longer_configured_is_passed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hours_days_and_months_are_rows_of_their_year, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_quarter_is_read_by_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged_days_are_passed_over_and_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damage_found_after_a_kill_is_mended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damage_found_on_the_way_is_mended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_quota_takes_only_means_that_need_not_be_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
