/* test_relabel.c - readings taken before the clock was set get their wall time exactly once, whatever happens between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/store/raw.h"
#include "daemon/store/relabel.h"
#include "daemon/store/space.h"
#include "daemon/store/store_internal.h"
#include "tests/unit/store_rig.h"

#define MOST 8000

struct rig {
	struct store_rig on;
	struct utc first; /* of the readings that moved last */
	struct raw_reading got[MOST];
	size_t n_got;
};

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	store_rig_set_up(&rig->on);
	store_rig_outlet(&rig->on, "DA001", MEDIUM_GAS, (const char *const[]){ "so2", "nox", NULL });
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

/* Polls both points every 2 s, from the monotonic moment on, written every 10 s. */
static void wait_for_clock(struct rig *rig, int64_t from_ms, int n)
{
	for (int i = 0; i < n; i++) {
		for (size_t p = 0; p < 2; p++) {
			struct raw_reading r = { .point = p,
				.reading = { { from_ms + i * 2000LL }, 20.0 + i % 50 + (double)p, FLAG_NORMAL } };
			store_raw_add(rig->on.store, &r);
		}
		if (i % 5 == 4) {
			assert_int_equal(store_raw_flush(rig->on.store), 0);
		}
	}
	assert_int_equal(store_raw_flush(rig->on.store), 0);
}

static void take(void *context, const struct raw_reading *reading)
{
	struct rig *rig = context;

	assert_true(rig->n_got < MOST);
	rig->got[rig->n_got++] = *reading;
}

static uint64_t relabel_all(struct rig *rig)
{
	uint64_t undated = 0;
	int r;

	rig->first.ms = INT64_MAX;
	while ((r = store_relabel(rig->on.store, &undated, &rig->first)) == 1) {
	}
	assert_int_equal(r, 0);
	return undated;
}

/* All readings, in their order, start at `first_ms` and are as they were. */
static void expect(struct rig *rig, int64_t first_ms, int n)
{
	rig->n_got = 0;
	assert_int_equal(store_raw_replay(rig->on.store, (struct utc){ EIGHT - DAY_MS }, take, rig), 0);
	assert_int_equal(rig->n_got, 2 * n);
	for (int i = 0; i < 2 * n; i++) {
		const struct raw_reading *r = &rig->got[i];
		assert_int_equal(r->reading.at.ms, first_ms + i / 2 * 2000LL);
		assert_int_equal(r->point, i % 2);
		assert_true(r->reading.value == 20.0 + i / 2 % 50 + i % 2);
	}
}

static bool is_there(struct rig *rig, const char *name)
{
	char path[PATH_SIZE * 2];

	store_path(rig->on.store, name, path, sizeof(path));
	return access(path, F_OK) == 0;
}

static void test_readings_of_this_boot_move_to_their_days(void **state)
{
	struct rig *rig = *state;
	int64_t mono_ms = clock_mono(&rig->on.clock).ms - 2 * HOUR_MS;
	int64_t offset_ms = EIGHT + 16 * HOUR_MS - mono_ms - 20 * MINUTE_MS; /* across midnight */

	wait_for_clock(rig, mono_ms, 1800);
	assert_false(is_there(rig, "raw-20260302.db"));
	assert_int_equal(relabel_all(rig), 0);
	rig->n_got = 0;
	assert_int_equal(store_raw_replay(rig->on.store, (struct utc){ EIGHT - DAY_MS }, take, rig), 0);
	assert_int_equal(rig->n_got, 0);
	assert_int_equal(store_clock_note(rig->on.store, clock_mono(&rig->on.clock), offset_ms), 0);
	assert_int_equal(relabel_all(rig), 0);
	expect(rig, mono_ms + offset_ms, 1800);
	assert_int_equal(rig->first.ms, mono_ms + offset_ms);
	assert_true(is_there(rig, "raw-20260302.db") && is_there(rig, "raw-20260303.db"));
	assert_false(is_there(rig, "raw-19700101.db"));
}

static void test_an_attempt_that_was_cut_short_adds_nothing_twice(void **state)
{
	struct rig *rig = *state;
	int64_t mono_ms = clock_mono(&rig->on.clock).ms - HOUR_MS;
	int64_t offset_ms = EIGHT - mono_ms;

	wait_for_clock(rig, mono_ms, 900);
	assert_int_equal(store_clock_note(rig->on.store, clock_mono(&rig->on.clock), offset_ms), 0);
	store_close(rig->on.store);
	/* As after a power cut between the two commits: the readings are in both files. */
	store_rig_run(&rig->on, "mkdir kept && cp raw-19*.db kept/");
	store_rig_open(&rig->on);
	assert_int_equal(relabel_all(rig), 0);
	store_close(rig->on.store);
	store_rig_run(&rig->on, "mv kept/* . && rmdir kept");
	store_rig_open(&rig->on);
	assert_int_equal(relabel_all(rig), 0);
	expect(rig, EIGHT, 900);
}

static void test_readings_of_a_boot_that_never_knew_the_time_are_kept_and_counted(void **state)
{
	struct rig *rig = *state;

	snprintf(rig->on.store->boot, sizeof(rig->on.store->boot), "an earlier boot");
	wait_for_clock(rig, 30000, 100);
	store_close(rig->on.store);
	store_rig_open(&rig->on);
	assert_int_equal(store_clock_note(rig->on.store, clock_mono(&rig->on.clock), EIGHT), 0);
	assert_int_equal(relabel_all(rig), 200);
	assert_int_equal(relabel_all(rig), 200); /* another call changes nothing */
	assert_true(is_there(rig, "raw-19700101.db"));
	rig->on.site.store.quota_bytes = 1; /* retention does not delete their file */
	assert_int_equal(store_keep_room(rig->on.store), 0);
	assert_true(is_there(rig, "raw-19700101.db"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_readings_of_this_boot_move_to_their_days, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_an_attempt_that_was_cut_short_adds_nothing_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_readings_of_a_boot_that_never_knew_the_time_are_kept_and_counted, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
