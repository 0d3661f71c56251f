/* test_salvage.c - damaged and lost files: set aside, replaced with every row that can be read, and reported. */
#include <errno.h>
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

#include "common/text.h"
#include "daemon/store/audit.h"
#include "daemon/store/check.h"
#include "daemon/store/checkpoint.h"
#include "tests/unit/readings_rig.h"

/* Overwrites a part of a file of the closed store with noise. */
static void corrupt(struct readings_rig *rig, const char *file, long offset, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig->on.folder, file);
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, offset, SEEK_SET), 0);
	for (size_t i = 0; i < size; i++) {
		assert_int_not_equal(fputc((int)(i * 7 + 13) & 0xFF, f), EOF);
	}
	assert_int_equal(fclose(f), 0);
}

static void test_a_damaged_state(void **state)
{
	struct readings_rig *rig = *state;
	int64_t before;
	char hash[PROOF_HASH_TEXT];

	readings_make_history(rig);
	store_rig_open(&rig->on);
	for (int i = 0; i < 400; i++) {
		assert_int_equal(
			store_audit(rig->on.store, "somebody", "something long enough to fill pages", "a", "b"), 0);
	}
	store_chain_end(rig->on.store, &before, hash);
	store_close(rig->on.store);
	assert_int_equal(readings_query(rig, "state.db", "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	int64_t pages = readings_query(rig, "state.db", "PRAGMA page_count");
	store_rig_run(&rig->on, "rm -f *-wal *-shm && cp state.db kept");
	for (int64_t page = 0; page < pages; page += 3) {
		store_rig_run(&rig->on, "rm -f *-wal *-shm && cp kept state.db");
		corrupt(rig, "state.db", (long)(page * 4096), page == 0 ? 200 : 4096);
		store_rig_open(&rig->on); /* it opens, whatever is left of the file */
		assert_int_equal(readings_damages(rig), 1);
		assert_int_equal(store_audit(rig->on.store, "somebody", "goes on", "", ""), 0);
		store_close(rig->on.store);
	}
	store_rig_open(&rig->on);
	assert_int_equal(readings_damages(rig), 0);
	assert_int_equal(readings_replay(rig), 0); /* readings lie elsewhere */
	assert_int_equal(rig->n_got, rig->n_sent);
}

/* A damaged page in the middle costs only its own rows. */
static void test_most_of_a_damaged_state_is_saved(void **state)
{
	struct readings_rig *rig = *state;

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(
			store_audit(rig->on.store, "somebody", "something long enough to fill pages", "a", "b"), 0);
	}
	store_close(rig->on.store);
	int64_t rows = readings_query(rig, "state.db", "SELECT count(*) FROM audit");
	int64_t page = readings_query(
		rig, "state.db", "SELECT pageno FROM dbstat WHERE name='audit' AND pagetype='leaf' LIMIT 1 OFFSET 8");
	assert_true(page > 0);
	corrupt(rig, "state.db", (long)((page - 1) * 4096), 4096);
	store_rig_open(&rig->on);
	assert_int_equal(readings_damages(rig), 1);
	store_close(rig->on.store);
	int64_t left = readings_query(rig, "state.db", "SELECT count(*) FROM audit");
	assert_true(left < rows && left > rows - 100);
	rig->on.store = NULL;
	assert_int_equal(readings_verify(rig, NULL, NULL), 1); /* and what is missing shows */
	assert_non_null(strstr(rig->words, "the audit is gone"));
}

static void test_a_damaged_day_of_readings(void **state)
{
	struct readings_rig *rig = *state;

	readings_send_hours(rig, HOUR(0), 3600);
	store_close(rig->on.store);
	(void)readings_query(rig, "raw-20260302.db", "PRAGMA wal_checkpoint(TRUNCATE)");
	int64_t page = readings_query(rig, "raw-20260302.db",
		"SELECT pageno FROM dbstat WHERE name='chunk' AND pagetype='leaf' LIMIT 1 OFFSET 5");
	int64_t size = readings_query(rig, "raw-20260302.db", "PRAGMA page_size");
	corrupt(rig, "raw-20260302.db", (long)((page - 1) * size), (size_t)size);
	(void)readings_query(rig, "state.db", "UPDATE meta SET value='1' WHERE key='in_use'"); /* the power was cut */
	store_rig_open(&rig->on);
	assert_int_equal(readings_replay(rig), 0);
	assert_int_equal(readings_damages(rig), 1);
	assert_true(rig->n_got < rig->n_sent && rig->n_got > rig->n_sent - 1000);
	/* Damage that is found without a check, while the file is written. */
	corrupt(rig, "raw-20260302.db", 0, 4096);
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	readings_send(rig, 0, HOUR(3), 1.0, FLAG_NORMAL);
	assert_int_equal(store_raw_flush(rig->on.store), 0);
	assert_int_equal(readings_damages(rig), 1);
}

/* The main loop uses the new file: it waits 200 ms for another program, not the 3 s of a start. */
static void test_a_salvaged_file_is_not_waited_for(void **state)
{
	struct readings_rig *rig = *state;
	char path[128];
	sqlite3 *db = NULL;

	readings_send_hours(rig, HOUR(0), 100);
	store_close(rig->on.store);
	corrupt(rig, "raw-20260302.db", 0, 512);
	store_rig_open(&rig->on);
	readings_send(rig, 0, HOUR(1), 1.0, FLAG_NORMAL);
	assert_int_equal(store_raw_flush(rig->on.store), 0);
	assert_int_equal(readings_damages(rig), 1);
	snprintf(path, sizeof(path), "%s/raw-20260302.db", rig->on.folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	readings_send(rig, 0, HOUR(1) + 2000, 2.0, FLAG_NORMAL);
	int64_t start = clock_real_mono_ms();
	assert_int_equal(store_raw_flush(rig->on.store), -EBUSY);
	assert_true(clock_real_mono_ms() - start < 1500);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Waits until all files are checked. */
static void check_in_background(struct readings_rig *rig)
{
	struct store_check *check;

	assert_int_equal(store_check_start(rig->on.store, &check), 0);
	assert_non_null(check);
	while (store_check_step(check)) {
	}
	store_check_end(check);
}

static void refused_for_another_site(struct readings_rig *rig)
{
	struct site other = rig->on.site;
	char error[256];

	(void)text_copy(other.id, sizeof(other.id), "elsewhere");
	assert_null(store_open(&other, &rig->on.clock, error, sizeof(error)));
	assert_non_null(strstr(error, "not of \"elsewhere\""));
}

static void test_old_days_are_checked_in_the_background_after_an_unclean_stop(void **state)
{
	struct readings_rig *rig = *state;
	struct store_check *check;

	for (int day = -4; day <= 0; day++) {
		readings_send_hours(rig, HOUR(0) + day * DAY_MS, 1000);
	}
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	assert_int_equal(store_check_start(rig->on.store, &check), 0);
	assert_null(check); /* the stop was in order */
	store_close(rig->on.store);
	int64_t at = readings_query(rig, "raw-20260226.db",
		"SELECT pgoffset FROM dbstat WHERE name='chunk' AND pagetype='leaf' LIMIT 1 OFFSET 2");
	assert_true(at > 0);
	corrupt(rig, "raw-20260226.db", (long)at, 512);
	(void)readings_query(rig, "state.db", "UPDATE meta SET value='1' WHERE key='in_use'"); /* the power was cut */
	refused_for_another_site(rig); /* a start that fails does not hide that */
	store_rig_open(&rig->on);
	check_in_background(rig);
	assert_int_equal(readings_damages(rig), 1);
	assert_in_range(readings_query(rig, "raw-20260226.db", "SELECT count(*) FROM chunk"), 1, 199);
	/* A check that is ended early leaves nothing behind. */
	assert_int_equal(store_check_start(rig->on.store, &check), 0);
	store_check_end(check);
}

/* A table and an index that contradict each other pass the quick check, but no row can be inserted. */
static void test_an_index_that_lies(void **state)
{
	struct readings_rig *rig = *state;
	char path[128];
	static unsigned char data[1 << 20];
	unsigned changed = 0;

	readings_send_hours(rig, HOUR(0), 100);
	int64_t length = readings_query(rig, "raw-20260302.db", "SELECT length(name) FROM boot");
	store_close(rig->on.store);
	(void)readings_query(rig, "raw-20260302.db", "PRAGMA wal_checkpoint(TRUNCATE)");
	snprintf(path, sizeof(path), "%s/raw-20260302.db", rig->on.folder);
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	size_t n = fread(data, 1, sizeof(data), f);
	/* The row of boot: its rowid 1, a header of 3 bytes, the id that is the rowid, a text. */
	const unsigned char row[] = { 1, 3, 0, (unsigned char)(13 + 2 * length) };
	for (size_t i = 0; i + sizeof(row) < n; i++) {
		if (memcmp(data + i, row, sizeof(row)) == 0) {
			data[i] = 7;
			changed++;
		}
	}
	assert_int_equal(changed, 1);
	rewind(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	store_rig_open(&rig->on);
	readings_send(rig, 0, HOUR(3), 1.0, FLAG_NORMAL);
	assert_int_equal(store_raw_flush(rig->on.store), 0);
	assert_int_equal(readings_damages(rig), 1);
	readings_expect_all(rig);
}

/* A power cut after the file of the key was made and before its audit row. */
static void test_a_key_without_its_row(void **state)
{
	struct readings_rig *rig = *state;

	store_close(rig->on.store);
	store_rig_run(&rig->on, "rm -f state.db*");
	store_rig_open(&rig->on);
	readings_checkpoint(rig);
	store_close(rig->on.store);
	rig->on.store = NULL;
	assert_int_equal(readings_verify(rig, NULL, NULL), 0);
}

/* A damaged key signs nothing more; signatures made with it are still good. */
static void test_a_damaged_key(void **state)
{
	struct readings_rig *rig = *state;

	readings_checkpoint(rig);
	store_close(rig->on.store);
	corrupt(rig, "identity.key", 10, 5);
	store_rig_open(&rig->on);
	assert_int_equal(readings_damages(rig), 1);
	readings_checkpoint(rig);
	store_close(rig->on.store);
	rig->on.store = NULL;
	assert_int_equal(readings_verify(rig, NULL, NULL), 0);
	assert_non_null(strstr(rig->words, "another key signs from checkpoint 2 on"));
}

/* Numbers that left the box are not given again, whatever is left of state.db. */
static void test_no_number_comes_twice(void **state)
{
	struct readings_rig *rig = *state;
	struct store_checkpoint c;

	readings_checkpoint(rig);
	readings_checkpoint(rig);
	store_close(rig->on.store);
	store_rig_run(&rig->on, "rm -f state.db*");
	store_rig_open(&rig->on);
	assert_int_equal(store_checkpoint_make(rig->on.store, &c), 0);
	assert_int_equal(c.number, 3);
}

/* A damaged page may hold NULL where the table forbids it; the readings of that name are lost, the others are not. */
static void test_a_name_that_is_lost(void **state)
{
	struct readings_rig *rig = *state;
	char path[128];
	sqlite3 *db = NULL;

	readings_send_hours(rig, HOUR(0), 100);
	store_close(rig->on.store);
	snprintf(path, sizeof(path), "%s/raw-20260302.db", rig->on.folder);
	for (int i = 0; i < 2; i++) { /* the schema is read when the file is opened */
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db,
					 i == 0 ? "PRAGMA writable_schema=ON;"
						  " UPDATE sqlite_master SET sql=replace(sql, 'NOT NULL', '')"
						: "UPDATE series SET name=NULL WHERE id=1; UPDATE boot SET name=NULL",
					 NULL, NULL, NULL),
			SQLITE_OK);
		sqlite3_close(db);
	}
	store_rig_open(&rig->on);
	assert_int_equal(readings_replay(rig), 0);
	assert_int_equal(rig->n_got, rig->n_sent - 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_damaged_state, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_most_of_a_damaged_state_is_saved, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_damaged_day_of_readings, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(test_old_days_are_checked_in_the_background_after_an_unclean_stop,
			readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(test_an_index_that_lies, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_key_without_its_row, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_salvaged_file_is_not_waited_for, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(test_a_name_that_is_lost, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(test_a_damaged_key, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_no_number_comes_twice, readings_rig_set_up, readings_rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
