/* test_state.c - the rows of state.db: alarms, messages, marks, audit rows; and who may open the directory. */
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

#include "common/array.h"
#include "daemon/store/alarm.h"
#include "daemon/store/audit.h"
#include "daemon/store/mark.h"
#include "daemon/store/numbers_internal.h"
#include "daemon/store/outbox.h"
#include "daemon/store/state.h"
#include "tests/unit/store_rig.h"

#define MOST 8
#define TOPIC "emis/1/test/alarm"

/* A copy of the rows that the store handed out. */
struct rig {
	struct store_rig on;
	struct store_alarm alarms[MOST];
	struct store_mark marks[MOST];
	char words[MOST][128];
	size_t n;
};

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	store_rig_set_up(&rig->on);
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

static void expect_done(struct rig *rig, int r)
{
	if (r != 0) {
		fail_msg("%d: %s", r, store_error(rig->on.store));
	}
}

/* ---- alarms ---- */

static struct store_alarm alarm_named(const char *id, const char *class, bool raised, int64_t last_ms)
{
	struct store_alarm alarm = { .raised = raised,
		.since = { EIGHT },
		.last = { last_ms },
		.value = 51.5,
		.worst = 60.25,
		.limit_min = NAN,
		.limit_max = 35.0,
		.decimals = 1 };

	snprintf(alarm.id, sizeof(alarm.id), "%s", id);
	snprintf(alarm.rule, sizeof(alarm.rule), "period-mean");
	snprintf(alarm.outlet, sizeof(alarm.outlet), "DA001");
	snprintf(alarm.factor, sizeof(alarm.factor), "so2");
	snprintf(alarm.unit, sizeof(alarm.unit), "mg/m3");
	snprintf(alarm.alarm_class, sizeof(alarm.alarm_class), "%s", class);
	return alarm;
}

static void commit_alarm(struct rig *rig, const struct store_alarm *alarm)
{
	char payload[64];

	snprintf(payload, sizeof(payload), "{\"seq\": %lld}", (long long)store_next_seq(rig->on.store));
	expect_done(rig, store_commit_alarm(rig->on.store, alarm, "raised", TOPIC, payload));
}

static void take_alarm(void *context, const struct store_alarm *alarm)
{
	struct rig *rig = context;

	assert_true(rig->n < MOST);
	rig->alarms[rig->n++] = *alarm;
}

/* Three raised alarms and a cleared one, with the numbers 1 to 4. */
static void commit_four(struct rig *rig)
{
	const struct store_alarm alarms[] = { alarm_named("a-warning", "warning", true, EIGHT + 3),
		alarm_named("an-exceedance", "exceedance", true, EIGHT + 1),
		alarm_named("a-condition", "condition", true, EIGHT + 2),
		alarm_named("a-cleared-one", "exceedance", false, EIGHT + 4) };

	for (size_t i = 0; i < ARRAY_SIZE(alarms); i++) {
		commit_alarm(rig, &alarms[i]);
	}
}

static void test_alarms_come_in_their_order(void **state)
{
	static const char *const raised[] = { "an-exceedance", "a-warning", "a-condition" };
	static const char *const all[] = { "a-cleared-one", "a-warning", "a-condition", "an-exceedance" };
	struct rig *rig = *state;

	commit_four(rig);
	expect_done(rig, store_alarms(rig->on.store, false, MOST, take_alarm, rig));
	assert_int_equal(rig->n, ARRAY_SIZE(raised));
	for (size_t i = 0; i < ARRAY_SIZE(raised); i++) {
		assert_string_equal(rig->alarms[i].id, raised[i]);
	}
	rig->n = 0;
	expect_done(rig, store_alarms(rig->on.store, true, 3, take_alarm, rig));
	assert_int_equal(rig->n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(rig->alarms[i].id, all[i]);
	}
	assert_int_equal(rig->alarms[1].number, 1);
	assert_true(rig->alarms[1].value == 51.5 && rig->alarms[1].worst == 60.25 && isnan(rig->alarms[1].limit_min));
}

static void test_an_alarm_is_found_by_id_and_number(void **state)
{
	struct rig *rig = *state;
	struct store_alarm found;

	commit_four(rig);
	assert_true(store_alarm_find(rig->on.store, "a-condition", &found));
	assert_int_equal(found.number, 3);
	commit_alarm(rig, &found); /* its second event has the number 5 */
	assert_true(store_alarm_find(rig->on.store, "5", &found));
	assert_string_equal(found.id, "a-condition");
	assert_int_equal(found.number, 3);
	assert_false(store_alarm_find(rig->on.store, "6", &found));
	assert_false(store_alarm_find(rig->on.store, "", &found));
	char *message = store_alarm_message(rig->on.store, "a-condition");
	assert_string_equal(message, "{\"seq\": 5}");
	free(message);
	assert_null(store_alarm_message(rig->on.store, "nobody"));
}

static void take_words(void *context, const struct store_audit_row *row)
{
	struct rig *rig = context;

	assert_true(rig->n < MOST);
	snprintf(rig->words[rig->n++], sizeof(rig->words[0]), "%s: %s: %s -> %s", row->who, row->what, row->old_value,
		row->new_value);
}

static void test_an_acknowledgement_is_one_transaction(void **state)
{
	struct rig *rig = *state;
	const struct store_acknowledgement by = { "li", "on it", TOPIC, "{}" };
	struct store_alarm found;
	struct outbox_counts counts;

	commit_four(rig);
	assert_true(store_alarm_find(rig->on.store, "a-warning", &found));
	expect_done(rig, store_acknowledge(rig->on.store, &found, &by));
	assert_int_equal(store_next_seq(rig->on.store), 6);
	assert_true(store_alarm_find(rig->on.store, "a-warning", &found));
	assert_string_equal(found.acknowledged_by, "li");
	expect_done(rig, store_outbox_count(rig->on.store, &counts));
	assert_int_equal(counts.pending, 5);
	expect_done(rig, store_audit_rows(rig->on.store, 1, take_words, rig));
	assert_string_equal(rig->words[0], "li: acknowledge a-warning:  -> on it");
}

/* ---- messages ---- */

static void take_parked(void *context, const struct store_parked *row)
{
	struct rig *rig = context;

	assert_true(rig->n < MOST);
	snprintf(rig->words[rig->n++], sizeof(rig->words[0]), "%s %lld %s%s %zu", row->stream, (long long)row->seq,
		row->reason, row->waits ? " waits" : "", row->size);
}

static int64_t count_pending(struct rig *rig)
{
	struct outbox_counts counts;

	expect_done(rig, store_outbox_count(rig->on.store, &counts));
	return counts.pending;
}

static void test_refused_messages_wait_or_are_parked(void **state)
{
	struct rig *rig = *state;
	struct store *store = rig->on.store;
	struct outbox_row row;
	struct outbox_counts counts;
	const struct utc at = { EIGHT + 5 };

	commit_four(rig);
	assert_int_equal(store_outbox_newest(store), 4);
	assert_int_equal(store_outbox_newest_seq(store, "alarm"), 4);
	assert_int_equal(store_outbox_newest_seq(store, "checkpoint"), 0);
	assert_int_equal(store_outbox_refused(store, 2, "too large"), 1);
	assert_int_equal(store_outbox_refused(store, 2, "too large"), 2);
	assert_int_equal(store_outbox_parked_first(store, TOPIC, &row), 0);
	expect_done(rig, store_outbox_park(store, 2, at, "too large"));
	expect_done(rig, store_outbox_wait(store, 3, "no right"));
	expect_done(rig, store_outbox_done(store, (const int64_t[]){ 1 }, 1, at));
	expect_done(rig, store_outbox_count(store, &counts));
	assert_int_equal(counts.pending, 2);
	assert_int_equal(counts.parked, 1);
	assert_int_equal(counts.sent, 1);
	assert_true(counts.oldest_pending.ms >= EIGHT);
	expect_done(rig, store_outbox_parked(store, MOST, take_parked, rig));
	assert_int_equal(rig->n, 2);
	assert_string_equal(rig->words[0], "alarm 2 too large 10");
	assert_string_equal(rig->words[1], "alarm 3 no right waits 10");
	assert_int_equal(store_outbox_parked_first(store, TOPIC, &row), 1);
	assert_int_equal(row.id, 2);
	assert_string_equal(row.payload, "{\"seq\": 2}");
	free(row.payload);
}

static void test_parked_messages_are_released(void **state)
{
	struct rig *rig = *state;
	struct store *store = rig->on.store;
	const struct utc at = { EIGHT + 5 };

	commit_four(rig);
	for (int64_t id = 1; id <= 4; id++) {
		expect_done(rig, store_outbox_park(store, id, at, id == 4 ? "not authorized" : "too large"));
	}
	assert_int_equal(count_pending(rig), 0);
	assert_int_equal(store_outbox_release_reason(store, "not %"), 1);
	assert_int_equal(store_outbox_release_topic(store, "another/topic"), 0);
	assert_int_equal(store_outbox_again(store, "alarm", 2, 3), 2);
	assert_int_equal(store_outbox_again(store, "checkpoint", 1, 9), 0);
	assert_int_equal(count_pending(rig), 3);
	assert_int_equal(store_outbox_release_topic(store, TOPIC), 1);
	assert_int_equal(store_outbox_release(store), 0);
	assert_int_equal(count_pending(rig), 4);
}

/* ---- marks and single values ---- */

static void take_mark(void *context, const struct store_mark *mark)
{
	struct rig *rig = context;

	assert_true(rig->n < MOST);
	rig->marks[rig->n++] = *mark;
}

static void test_marks_come_back(void **state)
{
	struct rig *rig = *state;
	struct store_mark mark = { .outlet = "DA001",
		.factor = "so2",
		.kind = "calibration",
		.remark = "span gas",
		.who = "li",
		.flag = FLAG_CALIBRATION,
		.from = { EIGHT },
		.until = { EIGHT + HOUR_MS },
		.applies = { EIGHT + 1 },
		.at = { EIGHT + 2 } };

	expect_done(rig, store_mark_add(rig->on.store, &mark));
	mark.until.ms += HOUR_MS;
	expect_done(rig, store_mark_add(rig->on.store, &mark));
	expect_done(rig, store_marks(rig->on.store, (struct utc){ EIGHT + HOUR_MS }, take_mark, rig));
	assert_int_equal(rig->n, 1);
	mark.id = rig->marks[0].id;
	assert_int_equal(mark.id, 2);
	assert_string_equal(rig->marks[0].remark, "span gas");
	assert_int_equal(rig->marks[0].flag, FLAG_CALIBRATION);
	assert_int_equal(rig->marks[0].applies.ms, EIGHT + 1);
	rig->n = 0;
	expect_done(rig, store_audit_rows(rig->on.store, MOST, take_words, rig));
	assert_int_equal(rig->n, 3); /* the key of the box was made, too */
	assert_string_equal(rig->words[1],
		"li: mark DA001 so2:  -> calibration from 2026-03-02T08:00:00+08:00 to "
		"2026-03-02T09:00:00+08:00: span gas");
}

static void test_single_values_survive(void **state)
{
	struct rig *rig = *state;
	struct store_change changes[] = { { "one", "a", "b" }, { "two", "", "c" } };
	struct utc judged = { 7 };

	assert_int_equal(store_judged_until(rig->on.store, &judged), 0);
	assert_int_equal(judged.ms, 7);
	expect_done(rig, store_commit(rig->on.store, NULL, 0, (struct utc){ EIGHT }));
	expect_done(
		rig, store_audit_changes(rig->on.store, "li", &(struct store_changes){ changes, 2 }, "settings", "c"));
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	assert_int_equal(store_judged_until(rig->on.store, &judged), 1);
	assert_int_equal(judged.ms, EIGHT);
	char *text = store_meta_text(rig->on.store, "settings");
	assert_string_equal(text, "c");
	free(text);
	expect_done(rig, store_audit_rows(rig->on.store, 2, take_words, rig));
	assert_string_equal(rig->words[0], "li: two:  -> c");
	assert_string_equal(rig->words[1], "li: one: a -> b");
}

/* ---- the directory ---- */

static void test_a_directory_has_one_user_one_site_and_one_kind_of_time(void **state)
{
	struct rig *rig = *state;
	struct site other = rig->on.site;
	char error[STORE_ERROR_SIZE], words[128];

	assert_null(store_open(&rig->on.site, &rig->on.clock, error, sizeof(error)));
	snprintf(words, sizeof(words), "is in use by another emisd (pid %ld)", (long)getpid());
	assert_non_null(strstr(error, words));
	store_close(rig->on.store);
	rig->on.store = NULL;
	snprintf(other.id, sizeof(other.id), "another");
	assert_null(store_open(&other, &rig->on.clock, error, sizeof(error)));
	assert_non_null(strstr(error, "holds data of the site \"test\", not of \"another\"; use another directory"));
	rig->on.clock.simulated = false;
	assert_null(store_open(&rig->on.site, &rig->on.clock, error, sizeof(error)));
	assert_non_null(strstr(error, "holds data of time kind \"simulated\", not of \"real\""));
	rig->on.clock.simulated = true;
	store_rig_open(&rig->on);
}

static void test_a_directory_that_cannot_be_made(void **state)
{
	struct rig *rig = *state;
	struct site other = rig->on.site;
	char error[STORE_ERROR_SIZE];

	snprintf(other.store.path, sizeof(other.store.path), "%s/no/such", rig->on.folder);
	assert_null(store_open(&other, &rig->on.clock, error, sizeof(error)));
	assert_non_null(strstr(error, "cannot create "));
	store_rig_run(&rig->on, "mkdir busy && mkdir busy/lock");
	snprintf(other.store.path, sizeof(other.store.path), "%s/busy", rig->on.folder);
	assert_null(store_open(&other, &rig->on.clock, error, sizeof(error)));
	assert_non_null(strstr(error, "/busy/lock: Is a directory"));
}

static void test_a_newer_schema_is_refused(void **state)
{
	struct rig *rig = *state;
	char error[STORE_ERROR_SIZE], path[128];
	sqlite3 *db = NULL;

	store_close(rig->on.store);
	rig->on.store = NULL;
	snprintf(path, sizeof(path), "%s/state.db", rig->on.folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_null(store_open(&rig->on.site, &rig->on.clock, error, sizeof(error)));
	assert_non_null(strstr(error, "was written by a newer emisd (schema 99, known up to 4)"));
}

static void test_another_program_is_waited_for_once(void **state)
{
	struct rig *rig = *state;
	char path[128];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/state.db", rig->on.folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	int64_t start = clock_real_mono_ms();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(store_audit(rig->on.store, "li", "something", "", ""), -EBUSY);
	}
	int64_t waited = clock_real_mono_ms() - start;
	assert_true(waited >= 200 && waited < 900); /* 200 ms, and then not again */
	assert_non_null(strstr(store_error(rig->on.store), "by another program; end it (fuser names it)"));
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	expect_done(rig, store_audit(rig->on.store, "li", "something", "", ""));
}

static void test_numbers_survive_without_state(void **state)
{
	static const char *const files[] = { "numbers", "state.db" };
	struct rig *rig = *state;

	commit_four(rig);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) { /* one of them is enough */
		store_close(rig->on.store);
		store_rig_run(&rig->on, "rm -f %s*", files[i]);
		store_rig_open(&rig->on);
		assert_int_equal(store_next_seq(rig->on.store), 5);
		assert_int_equal(store_numbers_event(rig->on.store), 4);
	}
	store_close(rig->on.store);
	store_rig_run(&rig->on, "echo noise > numbers");
	store_rig_open(&rig->on); /* both are lost: numbers begin anew, with a line in the log */
	assert_int_equal(store_numbers_event(rig->on.store), 0);
	store_close(rig->on.store);
	store_rig_run(&rig->on, "rm numbers && mkdir numbers");
	store_rig_open(&rig->on); /* a file that cannot be written is only logged */
	commit_four(rig);
	store_rig_run(&rig->on, "rmdir numbers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alarms_come_in_their_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_alarm_is_found_by_id_and_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_acknowledgement_is_one_transaction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_messages_wait_or_are_parked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parked_messages_are_released, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_marks_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_single_values_survive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_directory_has_one_user_one_site_and_one_kind_of_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_directory_that_cannot_be_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_newer_schema_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_program_is_waited_for_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers_survive_without_state, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
