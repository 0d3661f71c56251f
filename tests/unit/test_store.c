/* test_store.c - the store's files on a real disk: what went in comes out, whatever happened between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "daemon/store.h"

#define EIGHT 1772409600000LL /* 2026-03-02T08:00:00+08:00 */
#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MOST 20000

struct rig {
	char folder[64];
	struct site site;
	struct factor factors[3];
	struct point points[3];
	struct outlet outlet;
	struct clock clock;
	struct store *store;
	struct raw_reading sent[MOST];
	size_t n_sent;
	struct raw_reading got[MOST];
	size_t n_got;
};

static void open_store(struct rig *rig)
{
	char error[1500];

	rig->store = store_open(&rig->site, &rig->clock, error, sizeof(error));
	if (!rig->store) {
		fail_msg("%s", error);
	}
}

static int set_up(void **state)
{
	static const char *const keys[] = { "so2", "nox", "o2" };
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	snprintf(rig->folder, sizeof(rig->folder), "/tmp/emisd-store-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->site.id, sizeof(rig->site.id), "test");
	snprintf(rig->site.store.path, sizeof(rig->site.store.path), "%s", rig->folder);
	rig->site.judging.offset_min = 480;
	rig->site.outlets = &rig->outlet;
	rig->site.n_outlets = 1;
	snprintf(rig->outlet.id, sizeof(rig->outlet.id), "DA001");
	rig->outlet.points = rig->points;
	rig->outlet.n_points = 3;
	for (size_t i = 0; i < 3; i++) {
		snprintf(rig->factors[i].key, sizeof(rig->factors[i].key), "%s", keys[i]);
		rig->points[i].factor = &rig->factors[i];
	}
	clock_init_simulated(&rig->clock, 1.0, (struct utc){ EIGHT }, NAN);
	open_store(rig);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	char command[128];

	store_close(rig->store);
	snprintf(command, sizeof(command), "rm -rf '%s'", rig->folder);
	assert_int_equal(system(command), 0);
	free(rig);
	return 0;
}

static void send(struct rig *rig, size_t point, int64_t at_ms, double value, enum flag flag)
{
	struct raw_reading r = { .point = point, .reading = { { at_ms }, value, flag }, .late = flag == FLAG_MANUAL };

	assert_true(rig->n_sent < MOST);
	rig->sent[rig->n_sent++] = r;
	store_raw_add(rig->store, &r);
}

static void take(void *context, const struct raw_reading *reading)
{
	struct rig *rig = context;

	assert_true(rig->n_got < MOST);
	rig->got[rig->n_got++] = *reading;
}

/* Replays all and returns the number of damaged chunks. */
static int replay(struct rig *rig)
{
	rig->n_got = 0;
	return store_raw_replay(rig->store, (struct utc){ EIGHT - DAY_MS }, take, rig);
}

static bool same(const struct raw_reading *a, const struct raw_reading *b)
{
	return a->outlet == b->outlet && a->point == b->point && a->late == b->late &&
		a->reading.at.ms == b->reading.at.ms && a->reading.flag == b->reading.flag &&
		(isnan(a->reading.value) ? isnan(b->reading.value) : a->reading.value == b->reading.value);
}

static void expect_all(struct rig *rig)
{
	assert_int_equal(replay(rig), 0);
	assert_int_equal(rig->n_got, rig->n_sent);
	for (size_t i = 0; i < rig->n_sent; i++) {
		assert_true(same(&rig->sent[i], &rig->got[i]));
	}
}

/* Polls every 2 s from `from` on for `n` polls, written every 10 s. */
static void send_hours(struct rig *rig, int64_t from_ms, int n)
{
	for (int i = 0; i < n; i++) {
		int64_t at = from_ms + i * 2000LL;
		bool silent = i % 97 == 0;
		send(rig, 0, at, silent ? NAN : (double)(float)(20.0 + i % 50 / 10.0),
			silent ? FLAG_NO_COMM : FLAG_NORMAL);
		send(rig, 1, at, 29.5 + i % 3, i % 31 ? FLAG_NORMAL : FLAG_MANUAL);
		if (i % 2) {
			send(rig, 2, at + 300, 16.0, FLAG_NORMAL);
		}
		if (i % 5 == 4) {
			assert_int_equal(store_raw_flush(rig->store), 0);
		}
	}
	assert_int_equal(store_raw_flush(rig->store), 0);
}

static int finish(struct rig *rig, int64_t until_ms)
{
	int r, calls = 0;

	while ((r = store_raw_finish(rig->store, (struct utc){ until_ms })) == 1) {
		calls++;
	}
	assert_int_equal(r, 0);
	return calls;
}

/* One number from a file of the store. */
static int64_t query(struct rig *rig, const char *file, const char *sql)
{
	char path[128];
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;

	snprintf(path, sizeof(path), "%s/%s", rig->folder, file);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	int step = sqlite3_step(s);
	int64_t n = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static void test_finished_hours_hold_the_same_readings(void **state)
{
	struct rig *rig = *state;

	send_hours(rig, HOUR(0), 1800 * 2 + 500); /* two hours and a part of the third */
	expect_all(rig);
	int64_t before =
		query(rig, "raw-20260302.db", "SELECT sum(length(data)) FROM chunk WHERE hour_ms<1772416800000");
	assert_true(finish(rig, HOUR(2)) > 0);
	expect_all(rig);
	assert_int_equal(query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk WHERE finished=1"), 2);
	assert_int_equal(
		query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk WHERE finished=0 AND hour_ms<1772416800000"),
		0);
	assert_true(query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk WHERE finished=0") > 0);
	int64_t after = query(rig, "raw-20260302.db", "SELECT sum(length(data)) FROM chunk WHERE finished=1");
	assert_true(after * 3 < before);
	assert_int_equal(finish(rig, HOUR(2)), 0); /* once is enough */
	/* Goes on after a restart, over what is still open. */
	store_close(rig->store);
	open_store(rig);
	expect_all(rig);
	finish(rig, HOUR(3));
	expect_all(rig);
	assert_int_equal(query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk"), 3);
}

static void test_midnight_and_an_old_file(void **state)
{
	struct rig *rig = *state;

	send_hours(rig, HOUR(15), 3600); /* 23:00 to 01:00 */
	finish(rig, HOUR(15));
	store_close(rig->store); /* the last hour of the day was never finished */
	open_store(rig);
	finish(rig, HOUR(30));
	expect_all(rig);
	assert_int_equal(query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk WHERE finished=1"), 1);
	assert_int_equal(query(rig, "raw-20260303.db", "SELECT count(*) FROM chunk WHERE finished=1"), 1);
}

static void test_a_damaged_batch_costs_only_itself(void **state)
{
	struct rig *rig = *state;

	send_hours(rig, HOUR(0), 1800);
	(void)query(rig, "raw-20260302.db", "UPDATE chunk SET data=zeroblob(length(data)) WHERE id=100");
	assert_int_equal(replay(rig), 1);
	size_t left = rig->n_got;
	assert_true(left < rig->n_sent && left > rig->n_sent - 40);
	finish(rig, HOUR(1));
	assert_int_equal(replay(rig), 1); /* it stays, as evidence */
	assert_int_equal(rig->n_got, left);
	assert_int_equal(query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk"), 2);
	(void)query(rig, "raw-20260302.db", "UPDATE chunk SET data=substr(data, 1, 100) WHERE finished=1");
	assert_int_equal(replay(rig), 2);
	assert_int_equal(rig->n_got, 0);
}

static void test_readings_wait_for_the_disk(void **state)
{
	struct rig *rig = *state;

	send(rig, 0, HOUR(0), 1.0, FLAG_NORMAL);
	assert_int_equal(query(rig, "state.db", "SELECT count(*) FROM meta"), 2);
	/* A folder in the place of the day's file: it cannot be opened. */
	char path[128];
	snprintf(path, sizeof(path), "mkdir '%s/raw-20260302.db'", rig->folder);
	assert_int_equal(system(path), 0);
	assert_true(store_raw_flush(rig->store) < 0);
	assert_non_null(strstr(store_error(rig->store), "raw-20260302.db"));
	send(rig, 0, HOUR(0) + 2000, 2.0, FLAG_NORMAL);
	snprintf(path, sizeof(path), "rmdir '%s/raw-20260302.db'", rig->folder);
	assert_int_equal(system(path), 0);
	assert_int_equal(store_raw_flush(rig->store), 0);
	assert_int_equal(store_raw_dropped(rig->store), 0);
	expect_all(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_finished_hours_hold_the_same_readings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_midnight_and_an_old_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_damaged_batch_costs_only_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_readings_wait_for_the_disk, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
