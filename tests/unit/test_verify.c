/* test_verify.c - the chain over what was stored: nothing was changed, or the verifier says what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/store/audit.h"
#include "daemon/store/checkpoint.h"
#include "tests/unit/readings_rig.h"

static void test_nothing_was_changed(void **state)
{
	struct readings_rig *rig = *state;

	readings_make_history(rig);
	assert_int_equal(readings_verify(rig, NULL, NULL), 0);
	/* key made, chunk, mark, its audit row, audit row, chunk */
	assert_non_null(
		strstr(rig->words, "6 links, 6 rows compared, 0 in files that retention deleted, 2 checkpoints"));
	assert_non_null(strstr(rig->words, "All is as it was written."));
	store_rig_open(&rig->on); /* the chain goes on */
	assert_int_equal(store_audit(rig->on.store, "somebody", "more", "", ""), 0);
	assert_int_equal(readings_verify(rig, NULL, NULL), 0); /* while the store is in use, too */
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
		{ "state.db", "UPDATE link SET content=x'00' WHERE id=4", "links 4 to 4: the link is damaged" },
		{ "state.db", "UPDATE link SET kind='x' WHERE id=4", "link 4 is of the unknown kind \"x\"" },
		{ "state.db", "UPDATE link SET hash=zeroblob(32) WHERE id=6",
			"checkpoint 2 knows another hash of link 6" },
		{ "state.db", "UPDATE audit SET new='' WHERE what='key made'", "which the audit log does not name" },
		{ "state.db", "DROP TABLE link", "the chain cannot be read beyond link 0: no such table: link" },
		{ "state.db", "DROP TABLE outbox", "no such table: outbox" },
		{ "state.db", "DROP TABLE checkpoint", "the checkpoints cannot be read: no such table: checkpoint" },
	};
	struct readings_rig *rig = *state;

	readings_make_history(rig);
	store_rig_run(&rig->on, "mkdir kept && cp *.db kept");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		(void)readings_query(rig, changes[i].file, changes[i].sql);
		assert_int_equal(readings_verify(rig, NULL, NULL), 1);
		if (!strstr(rig->words, changes[i].words)) {
			fail_msg("%s: %s", changes[i].sql, rig->words);
		}
		store_rig_run(&rig->on, "cp kept/*.db .");
		assert_int_equal(readings_verify(rig, NULL, NULL), 0);
	}
}

/* The owner of the box can write a whole new history, but not one that agrees with a checkpoint kept elsewhere. */
static void test_what_was_kept_elsewhere(void **state)
{
	struct readings_rig *rig = *state;
	char kept[PROOF_HASH_TEXT + 24], hash[PROOF_HASH_TEXT], key[PROOF_KEY_TEXT];
	int64_t link;

	store_chain_end(rig->on.store, &link, hash);
	snprintf(kept, sizeof(kept), "%lld:%s", (long long)link, hash);
	(void)store_public_key(rig->on.store, key);
	readings_make_history(rig);
	assert_int_equal(readings_verify(rig, "--against", kept), 0);
	assert_int_equal(readings_verify(rig, "--key", key), 0);
	key[3] = key[3] == 'A' ? 'B' : 'A';
	assert_int_equal(readings_verify(rig, "--key", key), 1);
	kept[3] = kept[3] == 'a' ? 'b' : 'a';
	assert_int_equal(readings_verify(rig, "--against", kept), 1);
	assert_non_null(strstr(rig->words, "the hash is not the one that was kept elsewhere"));
	assert_int_equal(readings_verify(rig, "--against",
				 "99:0000000000000000000000000000000000000000000000000000000000000000"),
		1);
	assert_int_equal(readings_verify(rig, "--against", "nonsense"), 2);
	assert_int_equal(readings_verify(rig, "--from", "2099-01-01T00:00:00+08:00"), 0);
	assert_non_null(strstr(rig->words, "6 links, 0 rows compared"));
}

static void test_a_file_of_readings_is_gone(void **state)
{
	struct readings_rig *rig = *state;

	readings_make_history(rig);
	store_rig_run(&rig->on, "rm raw-20260302.db");
	assert_int_equal(readings_verify(rig, NULL, NULL), 1);
	assert_non_null(strstr(rig->words, "FAILED  links 2 to 2: raw-20260302.db is not there, and no retention"));
	assert_non_null(strstr(rig->words, "FAILED  links 6 to 6: raw-20260302.db is not there, and no retention"));
	store_rig_open(&rig->on);
	assert_int_equal(store_audit(rig->on.store, "emisd", "delete raw-20260302.db", "", ""), 0);
	assert_int_equal(readings_verify(rig, NULL, NULL), 0);
	assert_non_null(strstr(rig->words, "2 in files that retention deleted"));
}

static void test_wrong_usage_and_no_store(void **state)
{
	struct readings_rig *rig = *state;

	assert_int_equal(readings_verify(rig, "--directory", "/nowhere"), 1);
	assert_int_equal(readings_verify(rig, "--help", ""), 0);
	assert_non_null(strstr(rig->words, "Usage: emisctl verify [OPTION]..."));
	assert_int_equal(readings_verify(rig, "stray", "words"), 2);
	assert_int_equal(readings_verify(rig, "--unknown", ""), 2);
	assert_int_equal(readings_verify(rig, "--from", "yesterday"), 2);
	assert_int_equal(readings_verify(rig, "--against", "7:short"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_was_changed, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(test_each_change_shows, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_was_kept_elsewhere, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_file_of_readings_is_gone, readings_rig_set_up, readings_rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_wrong_usage_and_no_store, readings_rig_set_up, readings_rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
