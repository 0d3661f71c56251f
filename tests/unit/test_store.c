/* test_store.c - the store's files on a real disk: what went in comes out, whatever happened between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include <getopt.h>

#include "common/text.h"
#include "daemon/store_check.h"
#include "daemon/store_verify.h"
#include "tests/unit/store_rig.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MOST 20000

struct rig {
	struct store_rig on;
	struct raw_reading sent[MOST];
	size_t n_sent;
	struct raw_reading got[MOST];
	size_t n_got;
	char words[4096];
};

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	store_rig_set_up(&rig->on);
	store_rig_outlet(&rig->on, "DA001", MEDIUM_GAS, (const char *const[]){ "so2", "nox", "o2", NULL });
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

static void send(struct rig *rig, size_t point, int64_t at_ms, double value, enum flag flag)
{
	struct raw_reading r = { .point = point, .reading = { { at_ms }, value, flag }, .late = flag == FLAG_MANUAL };

	assert_true(rig->n_sent < MOST);
	rig->sent[rig->n_sent++] = r;
	store_raw_add(rig->on.store, &r);
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
	return store_raw_replay(rig->on.store, (struct utc){ EIGHT - DAY_MS }, take, rig);
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
			assert_int_equal(store_raw_flush(rig->on.store), 0);
		}
	}
	assert_int_equal(store_raw_flush(rig->on.store), 0);
}

static int finish(struct rig *rig, int64_t until_ms)
{
	int r, calls = 0;

	while ((r = store_raw_finish(rig->on.store, (struct utc){ until_ms })) == 1) {
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

	snprintf(path, sizeof(path), "%s/%s", rig->on.folder, file);
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
	store_close(rig->on.store);
	store_rig_open(&rig->on);
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
	store_close(rig->on.store); /* the last hour of the day was never finished */
	store_rig_open(&rig->on);
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
	/* A folder in the place of the day's file: it cannot be opened. */
	store_rig_run(&rig->on, "mkdir raw-20260302.db");
	assert_true(store_raw_flush(rig->on.store) < 0);
	assert_non_null(strstr(store_error(rig->on.store), "raw-20260302.db"));
	send(rig, 0, HOUR(0) + 2000, 2.0, FLAG_NORMAL);
	store_rig_run(&rig->on, "rmdir raw-20260302.db");
	assert_int_equal(store_raw_flush(rig->on.store), 0);
	assert_int_equal(store_raw_dropped(rig->on.store), 0);
	expect_all(rig);
}

/* ---- the chain ---- */

/* Runs the verifier on the closed store; its exit status, and its words in rig->words. */
static int verify(struct rig *rig, const char *option, const char *value)
{
	char *argv[] = { (char *)"verify", (char *)"-d", rig->on.folder, (char *)option, (char *)value, NULL };
	char path[128];

	snprintf(path, sizeof(path), "%s/words", rig->on.folder);
	(void)fflush(stdout);
	int saved = dup(STDOUT_FILENO);
	assert_non_null(freopen(path, "w", stdout));
	optind = 0;
	int status = verify_main(option ? 5 : 3, argv, "/nowhere");
	(void)fflush(stdout);
	(void)dup2(saved, STDOUT_FILENO);
	close(saved);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(rig->words, 1, sizeof(rig->words) - 1, file);
	rig->words[n] = '\0';
	(void)fclose(file);
	return status;
}

static void checkpoint(struct rig *rig)
{
	struct store_checkpoint c;

	assert_int_equal(store_checkpoint_make(rig->on.store, &c), 0);
	assert_int_equal(store_checkpoint_commit(rig->on.store, &c, "emis/1/test/checkpoint", "{}"), 0);
}

/* Two finished hours, a few audit rows, two checkpoints; the store is closed. */
static void make_history(struct rig *rig)
{
	struct store_mark mark = {
		.outlet = "DA001", .kind = "fault", .flag = FLAG_FAULT, .until = { HOUR(1) }, .who = "somebody"
	};

	send_hours(rig, HOUR(0), 3600);
	finish(rig, HOUR(1));
	checkpoint(rig);
	assert_int_equal(store_mark_add(rig->on.store, &mark), 0);
	assert_int_equal(store_audit(rig->on.store, "somebody", "something", "old", "new"), 0);
	finish(rig, HOUR(2));
	checkpoint(rig);
	store_close(rig->on.store);
	rig->on.store = NULL;
}

static void test_nothing_was_changed(void **state)
{
	struct rig *rig = *state;

	make_history(rig);
	assert_int_equal(verify(rig, NULL, NULL), 0);
	/* key made, chunk, mark, its audit row, audit row, chunk */
	assert_non_null(
		strstr(rig->words, "6 links, 6 rows compared, 0 in files that retention deleted, 2 checkpoints"));
	assert_non_null(strstr(rig->words, "All is as it was written."));
	store_rig_open(&rig->on); /* the chain goes on */
	assert_int_equal(store_audit(rig->on.store, "somebody", "more", "", ""), 0);
	assert_int_equal(verify(rig, NULL, NULL), 0); /* while the store is in use, too */
	assert_non_null(strstr(rig->words, "7 links"));
}

static void test_each_change_shows(void **state)
{
	static const struct {
		const char *file;
		const char *sql;
		const char *words;
	} changes[] = {
		{ "state.db", "UPDATE audit SET new='other' WHERE what='something'",
			"links 5 to 5: the audit was changed" },
		{ "state.db", "DELETE FROM audit WHERE what='something'", "links 5 to 5: the audit is gone" },
		{ "state.db", "UPDATE mark SET until_ms=until_ms+1", "links 3 to 3: the mark was changed" },
		{ "raw-20260302.db", "UPDATE chunk SET wall_ms=wall_ms+1 WHERE hour_ms=1772413200000",
			"links 6 to 6: the chunk was changed" },
		{ "raw-20260302.db", "UPDATE series SET name='DA001/pm' WHERE name='DA001/so2'",
			"links 2 to 2: the chunk was changed" },
		{ "raw-20260302.db", "DELETE FROM chunk WHERE hour_ms=1772409600000",
			"links 2 to 2: the chunk is gone" },
		{ "state.db", "DELETE FROM link WHERE id=4", "links 4 to 4: links up to 4 are missing" },
		{ "state.db", "UPDATE link SET content=zeroblob(32) WHERE id=4",
			"links 4 to 4: the link does not follow" },
		{ "state.db", "DELETE FROM link WHERE id>4", "checkpoint 2 knows link 6, which is not there" },
		{ "state.db", "UPDATE checkpoint SET body=replace(body, 'link 6', 'link 5') WHERE number=2",
			"checkpoint 2 is not signed" },
		{ "state.db", "DELETE FROM checkpoint WHERE number=1", "checkpoint 1 is not there" },
		{ "state.db",
			"INSERT INTO audit(at_ms, boot, mono_ms, who, what, old, new, simulated)"
			" VALUES(1, '', 1, 'a', 'b', '', '', 1)",
			"1 audit rows are not in the chain" },
	};
	struct rig *rig = *state;

	make_history(rig);
	store_rig_run(&rig->on, "mkdir kept && cp *.db kept");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		(void)query(rig, changes[i].file, changes[i].sql);
		assert_int_equal(verify(rig, NULL, NULL), 1);
		if (!strstr(rig->words, changes[i].words)) {
			fail_msg("%s: %s", changes[i].sql, rig->words);
		}
		store_rig_run(&rig->on, "cp kept/*.db .");
		assert_int_equal(verify(rig, NULL, NULL), 0);
	}
}

/* Who owns the box can write a whole new history; not one that agrees with what was kept elsewhere. */
static void test_what_was_kept_elsewhere(void **state)
{
	struct rig *rig = *state;
	char kept[PROOF_HASH_TEXT + 24], hash[PROOF_HASH_TEXT], key[PROOF_KEY_TEXT];
	int64_t link;

	store_chain_end(rig->on.store, &link, hash);
	snprintf(kept, sizeof(kept), "%lld:%s", (long long)link, hash);
	(void)store_public_key(rig->on.store, key);
	make_history(rig);
	assert_int_equal(verify(rig, "--against", kept), 0);
	assert_int_equal(verify(rig, "--key", key), 0);
	key[3] = key[3] == 'A' ? 'B' : 'A';
	assert_int_equal(verify(rig, "--key", key), 1);
	kept[3] = kept[3] == 'a' ? 'b' : 'a';
	assert_int_equal(verify(rig, "--against", kept), 1);
	assert_non_null(strstr(rig->words, "the hash is not the one that was kept elsewhere"));
	assert_int_equal(
		verify(rig, "--against", "99:0000000000000000000000000000000000000000000000000000000000000000"), 1);
	assert_int_equal(verify(rig, "--against", "nonsense"), 2);
	assert_int_equal(verify(rig, "--from", "2099-01-01T00:00:00+08:00"), 0);
	assert_non_null(strstr(rig->words, "6 links, 0 rows compared"));
}

/* ---- damage ---- */

/* Overwrites a part of a file of the closed store with noise. */
static void corrupt(struct rig *rig, const char *file, long offset, size_t size)
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

static unsigned damages(struct rig *rig)
{
	unsigned n;

	print_message("%s\n", store_damage(rig->on.store, &n));
	return n;
}

static void test_a_damaged_state(void **state)
{
	struct rig *rig = *state;
	int64_t before;
	char hash[PROOF_HASH_TEXT];

	make_history(rig);
	store_rig_open(&rig->on);
	for (int i = 0; i < 400; i++) {
		assert_int_equal(
			store_audit(rig->on.store, "somebody", "something long enough to fill pages", "a", "b"), 0);
	}
	store_chain_end(rig->on.store, &before, hash);
	store_close(rig->on.store);
	assert_int_equal(query(rig, "state.db", "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	int64_t pages = query(rig, "state.db", "PRAGMA page_count");
	store_rig_run(&rig->on, "rm -f *-wal *-shm && cp state.db kept");
	for (int64_t page = 0; page < pages; page += 3) {
		store_rig_run(&rig->on, "rm -f *-wal *-shm && cp kept state.db");
		corrupt(rig, "state.db", (long)(page * 4096), page == 0 ? 200 : 4096);
		store_rig_open(&rig->on); /* it starts, whatever is left */
		assert_int_equal(damages(rig), 1);
		assert_int_equal(store_audit(rig->on.store, "somebody", "goes on", "", ""), 0);
		store_close(rig->on.store);
	}
	store_rig_open(&rig->on);
	assert_int_equal(damages(rig), 0);
	assert_int_equal(replay(rig), 0); /* readings lie elsewhere */
	assert_int_equal(rig->n_got, rig->n_sent);
}

/* One page in the middle costs what lay on it, no more. */
static void test_most_of_a_damaged_state_is_saved(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(
			store_audit(rig->on.store, "somebody", "something long enough to fill pages", "a", "b"), 0);
	}
	store_close(rig->on.store);
	int64_t rows = query(rig, "state.db", "SELECT count(*) FROM audit");
	int64_t page = query(
		rig, "state.db", "SELECT pageno FROM dbstat WHERE name='audit' AND pagetype='leaf' LIMIT 1 OFFSET 8");
	assert_true(page > 0);
	corrupt(rig, "state.db", (long)((page - 1) * 4096), 4096);
	store_rig_open(&rig->on);
	assert_int_equal(damages(rig), 1);
	store_close(rig->on.store);
	int64_t left = query(rig, "state.db", "SELECT count(*) FROM audit");
	assert_true(left < rows && left > rows - 100);
	rig->on.store = NULL;
	assert_int_equal(verify(rig, NULL, NULL), 1); /* and what is missing shows */
	assert_non_null(strstr(rig->words, "the audit is gone"));
}

static void test_a_damaged_day_of_readings(void **state)
{
	struct rig *rig = *state;

	send_hours(rig, HOUR(0), 3600);
	store_close(rig->on.store);
	(void)query(rig, "raw-20260302.db", "PRAGMA wal_checkpoint(TRUNCATE)");
	int64_t page = query(rig, "raw-20260302.db",
		"SELECT pageno FROM dbstat WHERE name='chunk' AND pagetype='leaf' LIMIT 1 OFFSET 5");
	int64_t size = query(rig, "raw-20260302.db", "PRAGMA page_size");
	corrupt(rig, "raw-20260302.db", (long)((page - 1) * size), (size_t)size);
	(void)query(rig, "state.db", "UPDATE meta SET value='1' WHERE key='in_use'"); /* the power was cut */
	store_rig_open(&rig->on);
	assert_int_equal(replay(rig), 0);
	assert_int_equal(damages(rig), 1);
	assert_true(rig->n_got < rig->n_sent && rig->n_got > rig->n_sent - 1000);
	/* Also where nobody expects it, and while it is written to. */
	corrupt(rig, "raw-20260302.db", 0, 4096);
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	send(rig, 0, HOUR(3), 1.0, FLAG_NORMAL);
	assert_int_equal(store_raw_flush(rig->on.store), 0);
	assert_int_equal(damages(rig), 1);
}

/* Waits until all files are checked. */
static void check_in_background(struct rig *rig)
{
	struct store_check *check;

	assert_int_equal(store_check_start(rig->on.store, &check), 0);
	assert_non_null(check);
	while (store_check_step(check)) {
	}
	store_check_end(check);
}

static void refused_for_another_site(struct rig *rig)
{
	struct site other = rig->on.site;
	char error[256];

	(void)text_copy(other.id, sizeof(other.id), "elsewhere");
	assert_null(store_open(&other, &rig->on.clock, error, sizeof(error)));
	assert_non_null(strstr(error, "not of \"elsewhere\""));
}

static void test_old_days_are_checked_in_the_background_after_an_unclean_stop(void **state)
{
	struct rig *rig = *state;
	struct store_check *check;

	for (int day = -4; day <= 0; day++) {
		send_hours(rig, HOUR(0) + day * DAY_MS, 1000);
	}
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	assert_int_equal(store_check_start(rig->on.store, &check), 0);
	assert_null(check); /* the stop was in order */
	store_close(rig->on.store);
	int64_t at = query(rig, "raw-20260226.db",
		"SELECT pgoffset FROM dbstat WHERE name='chunk' AND pagetype='leaf' LIMIT 1 OFFSET 2");
	assert_true(at > 0);
	corrupt(rig, "raw-20260226.db", (long)at, 512);
	(void)query(rig, "state.db", "UPDATE meta SET value='1' WHERE key='in_use'"); /* the power was cut */
	refused_for_another_site(rig); /* and a start that comes to nothing does not hide that */
	store_rig_open(&rig->on);
	check_in_background(rig);
	assert_int_equal(damages(rig), 1);
	assert_in_range(query(rig, "raw-20260226.db", "SELECT count(*) FROM chunk"), 1, 199);
	/* Ended in the middle it leaves nothing behind. */
	assert_int_equal(store_check_start(rig->on.store, &check), 0);
	store_check_end(check);
}

/* A table and its index that say different things pass the quick check, and then no row can be put in. */
static void test_an_index_that_lies(void **state)
{
	struct rig *rig = *state;
	char path[128];
	static unsigned char data[1 << 20];
	unsigned changed = 0;

	send_hours(rig, HOUR(0), 100);
	int64_t length = query(rig, "raw-20260302.db", "SELECT length(name) FROM boot");
	store_close(rig->on.store);
	(void)query(rig, "raw-20260302.db", "PRAGMA wal_checkpoint(TRUNCATE)");
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
	send(rig, 0, HOUR(3), 1.0, FLAG_NORMAL);
	assert_int_equal(store_raw_flush(rig->on.store), 0);
	assert_int_equal(damages(rig), 1);
	expect_all(rig);
}

/* The file of the key came to be, and then the power went. */
static void test_a_key_without_its_row(void **state)
{
	struct rig *rig = *state;

	store_close(rig->on.store);
	store_rig_run(&rig->on, "rm -f state.db*");
	store_rig_open(&rig->on);
	checkpoint(rig);
	store_close(rig->on.store);
	rig->on.store = NULL;
	assert_int_equal(verify(rig, NULL, NULL), 0);
}

/* A key that is none signs nothing; what the old one signed is still good. */
static void test_a_damaged_key(void **state)
{
	struct rig *rig = *state;

	checkpoint(rig);
	store_close(rig->on.store);
	corrupt(rig, "identity.key", 10, 5);
	store_rig_open(&rig->on);
	assert_int_equal(damages(rig), 1);
	checkpoint(rig);
	store_close(rig->on.store);
	rig->on.store = NULL;
	assert_int_equal(verify(rig, NULL, NULL), 0);
	assert_non_null(strstr(rig->words, "another key signs from checkpoint 2 on"));
}

/* Numbers that left the box are not given again, whatever is left of state.db. */
static void test_no_number_comes_twice(void **state)
{
	struct rig *rig = *state;
	struct store_checkpoint c;

	checkpoint(rig);
	checkpoint(rig);
	store_close(rig->on.store);
	store_rig_run(&rig->on, "rm -f state.db*");
	store_rig_open(&rig->on);
	assert_int_equal(store_checkpoint_make(rig->on.store, &c), 0);
	assert_int_equal(c.number, 3);
}

static void test_the_quota_takes_the_oldest_day(void **state)
{
	struct rig *rig = *state;

	for (int day = -6; day <= 0; day++) {
		send_hours(rig, HOUR(0) + day * DAY_MS, 200);
	}
	finish(rig, HOUR(0)); /* those of the day before are in the chain */
	rig->on.site.store.quota_bytes = (int64_t)1 << 40;
	assert_int_equal(store_keep_room(rig->on.store), 0);
	assert_int_equal(query(rig, "raw-20260224.db", "SELECT count(*)>0 FROM chunk"), 1);
	rig->on.site.store.quota_bytes = 1;
	assert_int_equal(store_keep_room(rig->on.store), 0);
	char path[128];
	snprintf(path, sizeof(path), "%s/raw-20260227.db", rig->on.folder);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/raw-20260228.db", rig->on.folder);
	assert_int_equal(access(path, F_OK), 0); /* the last two days and today's stay */
	assert_int_equal(query(rig, "state.db", "SELECT count(*) FROM audit WHERE what LIKE 'delete raw-%'"), 4);
	store_close(rig->on.store);
	rig->on.store = NULL;
	assert_int_equal(verify(rig, NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_finished_hours_hold_the_same_readings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_midnight_and_an_old_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_damaged_batch_costs_only_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_readings_wait_for_the_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_was_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_damaged_state, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_most_of_a_damaged_state_is_saved, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_damaged_day_of_readings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_old_days_are_checked_in_the_background_after_an_unclean_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_index_that_lies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_key_without_its_row, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_damaged_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_number_comes_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_quota_takes_the_oldest_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_change_shows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_kept_elsewhere, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
