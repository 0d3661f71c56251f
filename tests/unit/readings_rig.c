#include "tests/unit/readings_rig.h"

#include <getopt.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "daemon/store/audit.h"
#include "daemon/store/checkpoint.h"
#include "daemon/store/mark.h"
#include "daemon/tools/verify.h"

int readings_rig_set_up(void **state)
{
	struct readings_rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	store_rig_set_up(&rig->on);
	store_rig_outlet(&rig->on, "DA001", MEDIUM_GAS, (const char *const[]){ "so2", "nox", "o2", NULL });
	store_rig_open(&rig->on);
	*state = rig;
	return 0;
}

int readings_rig_tear_down(void **state)
{
	struct readings_rig *rig = *state;

	store_rig_tear_down(&rig->on);
	free(rig);
	return 0;
}

void readings_send(struct readings_rig *rig, size_t point, int64_t at_ms, double value, enum flag flag)
{
	struct raw_reading r = { .point = point, .reading = { { at_ms }, value, flag }, .late = flag == FLAG_MANUAL };

	assert_true(rig->n_sent < READINGS_MOST);
	rig->sent[rig->n_sent++] = r;
	store_raw_add(rig->on.store, &r);
}

static void take(void *context, const struct raw_reading *reading)
{
	struct readings_rig *rig = context;

	assert_true(rig->n_got < READINGS_MOST);
	rig->got[rig->n_got++] = *reading;
}

int readings_replay(struct readings_rig *rig)
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

void readings_expect_all(struct readings_rig *rig)
{
	assert_int_equal(readings_replay(rig), 0);
	assert_int_equal(rig->n_got, rig->n_sent);
	for (size_t i = 0; i < rig->n_sent; i++) {
		assert_true(same(&rig->sent[i], &rig->got[i]));
	}
}

void readings_send_hours(struct readings_rig *rig, int64_t from_ms, int n)
{
	for (int i = 0; i < n; i++) {
		int64_t at = from_ms + i * 2000LL;
		bool silent = i % 97 == 0;
		readings_send(rig, 0, at, silent ? NAN : (double)(float)(20.0 + i % 50 / 10.0),
			silent ? FLAG_NO_COMM : FLAG_NORMAL);
		readings_send(rig, 1, at, 29.5 + i % 3, i % 31 ? FLAG_NORMAL : FLAG_MANUAL);
		if (i % 2) {
			readings_send(rig, 2, at + 300, 16.0, FLAG_NORMAL);
		}
		if (i % 5 == 4) {
			assert_int_equal(store_raw_flush(rig->on.store), 0);
		}
	}
	assert_int_equal(store_raw_flush(rig->on.store), 0);
}

int readings_finish(struct readings_rig *rig, int64_t until_ms)
{
	int r, calls = 0;

	while ((r = store_raw_finish(rig->on.store, (struct utc){ until_ms })) == 1) {
		calls++;
	}
	assert_int_equal(r, 0);
	return calls;
}

int64_t readings_query(struct readings_rig *rig, const char *file, const char *sql)
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

int readings_verify(struct readings_rig *rig, const char *option, const char *value)
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

void readings_checkpoint(struct readings_rig *rig)
{
	struct store_checkpoint c;

	assert_int_equal(store_checkpoint_make(rig->on.store, &c), 0);
	assert_int_equal(store_checkpoint_commit(rig->on.store, &c, "emis/1/test/checkpoint", "{}"), 0);
}

unsigned readings_damages(struct readings_rig *rig)
{
	unsigned n;

	print_message("%s\n", store_damage(rig->on.store, &n));
	return n;
}

void readings_make_history(struct readings_rig *rig)
{
	struct store_mark mark = {
		.outlet = "DA001", .kind = "fault", .flag = FLAG_FAULT, .until = { HOUR(1) }, .who = "somebody"
	};

	readings_send_hours(rig, HOUR(0), 3600);
	readings_finish(rig, HOUR(1));
	readings_checkpoint(rig);
	assert_int_equal(store_mark_add(rig->on.store, &mark), 0);
	assert_int_equal(store_audit(rig->on.store, "somebody", "something", "old", "new"), 0);
	readings_finish(rig, HOUR(2));
	readings_checkpoint(rig);
	store_close(rig->on.store);
	rig->on.store = NULL;
}
