/* test_relabel.c - readings taken before the clock was set get their time, once, whatever happens between. */
#include <math.h>
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

#include "daemon/store.h"
#include "daemon/store_parts.h"

#define EIGHT 1772409600000LL /* 2026-03-02T08:00:00+08:00 */
#define MOST 8000

struct rig {
	char folder[64];
	struct site site;
	struct factor factors[2];
	struct point points[2];
	struct outlet outlet;
	struct clock clock;
	struct store *store;
	struct utc first; /* of the readings that moved last */
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
	struct rig *rig = calloc(1, sizeof(*rig));
	static unsigned rigs;

	assert_non_null(rig);
	snprintf(rig->folder, sizeof(rig->folder), "/tmp/emisd-relabel-%ld-%u", (long)getpid(), rigs++);
	assert_int_equal(mkdir(rig->folder, 0700), 0);
	snprintf(rig->site.id, sizeof(rig->site.id), "test");
	snprintf(rig->site.store.path, sizeof(rig->site.store.path), "%s", rig->folder);
	rig->site.judging.offset_min = 480;
	rig->site.store.quota_bytes = (int64_t)1 << 40;
	rig->site.outlets = &rig->outlet;
	rig->site.n_outlets = 1;
	snprintf(rig->outlet.id, sizeof(rig->outlet.id), "DA001");
	rig->outlet.points = rig->points;
	rig->outlet.n_points = 2;
	for (size_t i = 0; i < 2; i++) {
		snprintf(rig->factors[i].key, sizeof(rig->factors[i].key), "%s", i ? "nox" : "so2");
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
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
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
			store_raw_add(rig->store, &r);
		}
		if (i % 5 == 4) {
			assert_int_equal(store_raw_flush(rig->store), 0);
		}
	}
	assert_int_equal(store_raw_flush(rig->store), 0);
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
	while ((r = store_relabel(rig->store, &undated, &rig->first)) == 1) {
	}
	assert_int_equal(r, 0);
	return undated;
}

/* All readings, in their order, start at `first_ms` and are as they were. */
static void expect(struct rig *rig, int64_t first_ms, int n)
{
	rig->n_got = 0;
	assert_int_equal(store_raw_replay(rig->store, (struct utc){ EIGHT - DAY_MS }, take, rig), 0);
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

	store_path(rig->store, name, path, sizeof(path));
	return access(path, F_OK) == 0;
}

static void test_readings_of_this_boot_move_to_their_days(void **state)
{
	struct rig *rig = *state;
	int64_t mono_ms = clock_mono(&rig->clock).ms - 2 * HOUR_MS;
	int64_t offset_ms = EIGHT + 16 * HOUR_MS - mono_ms - 20 * MINUTE_MS; /* across midnight */

	wait_for_clock(rig, mono_ms, 1800);
	assert_false(is_there(rig, "raw-20260302.db"));
	assert_int_equal(relabel_all(rig), 0);
	rig->n_got = 0;
	assert_int_equal(store_raw_replay(rig->store, (struct utc){ EIGHT - DAY_MS }, take, rig), 0);
	assert_int_equal(rig->n_got, 0);
	assert_int_equal(store_clock_note(rig->store, clock_mono(&rig->clock), offset_ms), 0);
	assert_int_equal(relabel_all(rig), 0);
	expect(rig, mono_ms + offset_ms, 1800);
	assert_int_equal(rig->first.ms, mono_ms + offset_ms);
	assert_true(is_there(rig, "raw-20260302.db") && is_there(rig, "raw-20260303.db"));
	assert_false(is_there(rig, "raw-19700101.db"));
}

static void test_an_attempt_that_was_cut_short_adds_nothing_twice(void **state)
{
	struct rig *rig = *state;
	int64_t mono_ms = clock_mono(&rig->clock).ms - HOUR_MS;
	int64_t offset_ms = EIGHT - mono_ms;
	char command[512];

	wait_for_clock(rig, mono_ms, 900);
	assert_int_equal(store_clock_note(rig->store, clock_mono(&rig->clock), offset_ms), 0);
	store_close(rig->store);
	/* As if the power went between the two commits: what was moved is there, and what waited, too. */
	snprintf(command, sizeof(command), "cd '%s' && mkdir kept && cp raw-19*.db kept/", rig->folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
	open_store(rig);
	assert_int_equal(relabel_all(rig), 0);
	store_close(rig->store);
	snprintf(command, sizeof(command), "cd '%s' && mv kept/* . && rmdir kept", rig->folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): likewise */
	open_store(rig);
	assert_int_equal(relabel_all(rig), 0);
	expect(rig, EIGHT, 900);
}

static void test_readings_of_a_boot_that_never_knew_the_time_are_kept_and_counted(void **state)
{
	struct rig *rig = *state;

	snprintf(rig->store->boot, sizeof(rig->store->boot), "an earlier boot");
	wait_for_clock(rig, 30000, 100);
	store_close(rig->store);
	open_store(rig);
	assert_int_equal(store_clock_note(rig->store, clock_mono(&rig->clock), EIGHT), 0);
	assert_int_equal(relabel_all(rig), 200);
	assert_int_equal(relabel_all(rig), 200); /* nor does asking again change anything */
	assert_true(is_there(rig, "raw-19700101.db"));
	rig->site.store.quota_bytes = 1; /* retention spares them */
	assert_int_equal(store_keep_room(rig->store), 0);
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
