/* test_store.c - readings on a real disk: what went in comes out, and the oldest go first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/array.h"
#include "daemon/store/aggregate_internal.h"
#include "daemon/store/history_read.h"
#include "daemon/store/raw_internal.h"
#include "daemon/store/space.h"
#include "daemon/store/state_internal.h"
#include "tests/unit/readings_rig.h"

static void test_finished_hours_hold_the_same_readings(void **state)
{
	struct readings_rig *rig = *state;

	readings_send_hours(rig, HOUR(0), 1800 * 2 + 500); /* two hours and a part of the third */
	readings_expect_all(rig);
	int64_t before = readings_query(
		rig, "raw-20260302.db", "SELECT sum(length(data)) FROM chunk WHERE hour_ms<1772416800000");
	assert_true(readings_finish(rig, HOUR(2)) > 0);
	readings_expect_all(rig);
	assert_int_equal(readings_query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk WHERE finished=1"), 2);
	assert_int_equal(readings_query(rig, "raw-20260302.db",
				 "SELECT count(*) FROM chunk WHERE finished=0 AND hour_ms<1772416800000"),
		0);
	assert_true(readings_query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk WHERE finished=0") > 0);
	int64_t after = readings_query(rig, "raw-20260302.db", "SELECT sum(length(data)) FROM chunk WHERE finished=1");
	assert_true(after * 3 < before);
	assert_int_equal(readings_finish(rig, HOUR(2)), 0); /* finished hours stay as they are */
	/* Goes on after a restart, over what is still open. */
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	readings_expect_all(rig);
	readings_finish(rig, HOUR(3));
	readings_expect_all(rig);
	assert_int_equal(readings_query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk"), 3);
}

static void test_midnight_and_an_old_file(void **state)
{
	struct readings_rig *rig = *state;

	readings_send_hours(rig, HOUR(15), 3600); /* 23:00 to 01:00 */
	readings_finish(rig, HOUR(15));
	store_close(rig->on.store); /* the last hour of the day was never finished */
	store_rig_open(&rig->on);
	readings_finish(rig, HOUR(30));
	readings_expect_all(rig);
	assert_int_equal(readings_query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk WHERE finished=1"), 1);
	assert_int_equal(readings_query(rig, "raw-20260303.db", "SELECT count(*) FROM chunk WHERE finished=1"), 1);
}

static void test_a_damaged_batch_costs_only_itself(void **state)
{
	struct readings_rig *rig = *state;

	readings_send_hours(rig, HOUR(0), 1800);
	(void)readings_query(rig, "raw-20260302.db", "UPDATE chunk SET data=zeroblob(length(data)) WHERE id=100");
	assert_int_equal(readings_replay(rig), 1);
	size_t left = rig->n_got;
	assert_true(left < rig->n_sent && left > rig->n_sent - 40);
	readings_finish(rig, HOUR(1));
	assert_int_equal(readings_replay(rig), 1); /* the damaged batch stays */
	assert_int_equal(rig->n_got, left);
	assert_int_equal(readings_query(rig, "raw-20260302.db", "SELECT count(*) FROM chunk"), 2);
	(void)readings_query(rig, "raw-20260302.db", "UPDATE chunk SET data=substr(data, 1, 100) WHERE finished=1");
	assert_int_equal(readings_replay(rig), 2);
	assert_int_equal(rig->n_got, 0);
}

static void test_readings_wait_for_the_disk(void **state)
{
	struct readings_rig *rig = *state;

	readings_send(rig, 0, HOUR(0), 1.0, FLAG_NORMAL);
	/* A folder in the place of the day's file: it cannot be opened. */
	store_rig_run(&rig->on, "mkdir raw-20260302.db");
	assert_true(store_raw_flush(rig->on.store) < 0);
	assert_non_null(strstr(store_error(rig->on.store), "raw-20260302.db"));
	readings_send(rig, 0, HOUR(0) + 2000, 2.0, FLAG_NORMAL);
	store_rig_run(&rig->on, "rmdir raw-20260302.db");
	assert_int_equal(store_raw_flush(rig->on.store), 0);
	assert_int_equal(store_raw_dropped(rig->on.store), 0);
	readings_expect_all(rig);
}

static void test_the_quota_takes_the_oldest_day(void **state)
{
	struct readings_rig *rig = *state;

	for (int day = -6; day <= 0; day++) {
		readings_send_hours(rig, HOUR(0) + day * DAY_MS, 200);
	}
	readings_finish(rig, HOUR(0)); /* those of the day before are in the chain */
	rig->on.site.store.quota_bytes = (int64_t)1 << 40;
	assert_int_equal(store_keep_room(rig->on.store), 0);
	assert_int_equal(readings_query(rig, "raw-20260224.db", "SELECT count(*)>0 FROM chunk"), 1);
	rig->on.site.store.quota_bytes = 1;
	assert_int_equal(store_keep_room(rig->on.store), 0);
	char path[128];
	snprintf(path, sizeof(path), "%s/raw-20260227.db", rig->on.folder);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/raw-20260228.db", rig->on.folder);
	assert_int_equal(access(path, F_OK), 0); /* the last two days and today's stay */
	assert_int_equal(
		readings_query(rig, "state.db", "SELECT count(*) FROM audit WHERE what LIKE 'delete raw-%'"), 4);
	store_close(rig->on.store);
	rig->on.store = NULL;
	assert_int_equal(readings_verify(rig, NULL, NULL), 0);
}

struct expected_history {
	struct readings_rig *rig;
	size_t point;
	size_t at; /* in rig->sent */
	int64_t before_ms;
};

static void take_history(void *context, const struct reading *reading, bool late)
{
	struct expected_history *e = context;

	while (e->at < e->rig->n_sent && e->rig->sent[e->at].point != e->point) {
		e->at++;
	}
	assert_true(e->at < e->rig->n_sent);
	const struct raw_reading *sent = &e->rig->sent[e->at++];
	assert_int_equal(reading->at.ms, sent->reading.at.ms);
	assert_int_equal(reading->flag, sent->reading.flag);
	assert_true(isnan(sent->reading.value) ? isnan(reading->value) : reading->value == sent->reading.value);
	assert_int_equal(late, sent->late);
	e->before_ms = reading->at.ms;
}

static void count_series(void *context, const struct history_series *series)
{
	unsigned *n = context;

	assert_string_equal(series->outlet, "DA001");
	++*n;
}

static void test_history_reads_what_was_sent(void **state)
{
	static const char *const factors[] = { "so2", "nox", "o2" };
	struct readings_rig *rig = *state;
	struct history_query q = { .directory = rig->on.folder, .to = { INT64_MAX }, .outlet = "DA001" };
	unsigned n = 0;

	readings_send_hours(rig, HOUR(15), 3600); /* 23:00 to 01:00; one hour is finished, one is not */
	readings_finish(rig, HOUR(16));
	assert_int_equal(history_read_offset(&q), 0);
	assert_int_equal(q.offset_min, 480);
	assert_int_equal(history_read_series(&q, true, count_series, &n), 0);
	assert_int_equal(n, 6); /* three in each of two files */
	for (size_t point = 0; point < ARRAY_SIZE(factors); point++) {
		struct expected_history e = { .rig = rig, .point = point };
		snprintf(q.factor, sizeof(q.factor), "%s", factors[point]);
		assert_int_equal(history_read_raw(&q, take_history, &e), 0);
		assert_true(e.before_ms >= HOUR(17) - 4000); /* up to the last one */
	}
	(void)readings_query(rig, "raw-20260303.db", "UPDATE chunk SET data=zeroblob(9) WHERE id=100");
	struct expected_history e = { .rig = rig, .point = 2 };
	q.to.ms = HOUR(16) - 1;
	assert_int_equal(history_read_raw(&q, take_history, &e), 0);
	assert_true(e.before_ms < HOUR(16));
	assert_int_equal(q.damaged, 0); /* the file of the next day is not read */
	e.at = 0;
	q.to.ms = HOUR(16) + 10000;
	assert_int_equal(history_read_raw(&q, take_history, &e), 0);
	assert_int_equal(q.damaged, 1);
	q.directory = "/nowhere";
	assert_true(history_read_raw(&q, take_history, &e) < 0);
	assert_string_equal(q.error, "cannot read /nowhere: No such file or directory");
}

static void test_the_oldest_readings_go_when_the_disk_takes_none(void **state)
{
	const size_t most = 65536;
	struct readings_rig *rig = *state;
	struct raw_reading r = { .reading = { { HOUR(0) }, 1.0, FLAG_NORMAL } };

	for (size_t i = 0; i < most + 10; i++) {
		r.reading.at.ms = HOUR(0) + (int64_t)i;
		store_raw_add(rig->on.store, &r);
	}
	assert_int_equal(store_raw_dropped(rig->on.store), most / 2);
	assert_int_equal(store_raw_flush(rig->on.store), 0);
	assert_int_equal(readings_query(rig, "raw-20260302.db", "SELECT sum(n) FROM chunk"), most / 2 + 10);
}

/* Looks at PRAGMA synchronous of every connection that writes: 2 = FULL, 0 = OFF. */
static void expect_synchronous(struct store *store, int expected)
{
	struct sqlite3 *files[5] = { store_state_db(store) };
	struct utc at = { EIGHT };

	assert_int_equal(store_raw_open_day(store, time_floor(at, DAY_MS, CHINA_OFFSET_MIN), &files[1]), 0);
	assert_int_equal(store_aggregate_open_days(store, &files[2]), 0);
	assert_int_equal(store_aggregate_open_year(store, store_aggregate_year(store, at), &files[3]), 0);
	assert_int_equal(store_aggregate_open_month(store, store_aggregate_month(store, at), true, &files[4]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		sqlite3_stmt *s = NULL;
		assert_int_equal(sqlite3_prepare_v2(files[i], "PRAGMA synchronous", -1, &s, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(s), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int(s, 0), expected);
		sqlite3_finalize(s);
	}
}

static void test_every_write_is_synced_unless_a_test_says_otherwise(void **state)
{
	struct readings_rig *rig = *state;
	struct conf_errors errors = { 0 }, warnings = { 0 };
	struct site *site = site_load(SHARE "/emisd.conf", SHARE, &errors, &warnings);
	char error[STORE_ERROR_SIZE];

	assert_non_null(site);
	expect_synchronous(rig->on.store, 0);
	store_close(rig->on.store);
	store_rig_run(&rig->on, "rm *"); /* it is of another site */
	snprintf(site->store.path, sizeof(site->store.path), "%s", rig->on.folder);
	rig->on.store = store_open(site, &rig->on.clock, error, sizeof(error));
	assert_non_null(rig->on.store);
	expect_synchronous(rig->on.store, 2);
	store_close(rig->on.store);
	rig->on.store = NULL;
	site_free(site);
	conf_errors_finish(&errors);
	conf_errors_finish(&warnings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_finished_hours_hold_the_same_readings, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_midnight_and_an_old_file, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_damaged_batch_costs_only_itself, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_readings_wait_for_the_disk, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_quota_takes_the_oldest_day, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_history_reads_what_was_sent, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(test_the_oldest_readings_go_when_the_disk_takes_none,
			readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(test_every_write_is_synced_unless_a_test_says_otherwise,
			readings_rig_set_up, readings_rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
