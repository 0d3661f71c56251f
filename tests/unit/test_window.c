/* test_window.c - every row of the two tables of window.c, and what a window promises over any sequence of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/mqtt/window.h"

#define NEW_FROM 100 /* ids from here on are new to the connection */
#define SIZE 20

enum event { OPENED, LOST, COMMITTED, PENDING_AGAIN, DRAINED, EMPTY };

static void send_event(struct window *w, enum event event)
{
	switch (event) {
	case OPENED:
		window_open(w, NEW_FROM);
		return;
	case LOST:
		window_close(w);
		return;
	case COMMITTED:
		window_rows_committed(w);
		return;
	case PENDING_AGAIN:
		window_rows_pending_again(w);
		return;
	case DRAINED:
		window_start_over(w);
		return;
	case EMPTY:
		window_range_empty(w);
		return;
	}
}

/* A window in this state that has read the new rows to 105 and, if it came to them, the old ones to 7. */
static struct window *window_in(enum window_state state)
{
	struct window *w = window_create();

	assert_non_null(w);
	if (state == WINDOW_CLOSED) {
		return w;
	}
	window_open(w, NEW_FROM);
	window_advance(w, 105);
	if (state == WINDOW_DRAINING) {
		window_rows_pending_again(w);
	} else if (state != WINDOW_NEW) {
		window_range_empty(w);
		window_advance(w, 7);
	}
	if (state == WINDOW_IDLE) {
		window_range_empty(w);
	}
	assert_int_equal(window_get_state(w), state);
	return w;
}

/* Where the window reads next: after which id, or that it does not read. */
#define NO_READ (-1)
static int64_t next_read(const struct window *w)
{
	struct window_range range;

	return window_next_range(w, SIZE, &range) ? range.after : NO_READ;
}

static void test_every_row_of_the_reading_table(void **state)
{
	static const struct {
		const char *rule;
		enum window_state from;
		enum event event;
		enum window_state next;
		int64_t read_after;
	} cases[] = {
		{ "a connection starts with new rows", WINDOW_CLOSED, OPENED, WINDOW_NEW, NEW_FROM - 1 },
		{ "without a connection nothing is read", WINDOW_CLOSED, LOST, WINDOW_CLOSED, NO_READ },
		{ "nor new rows", WINDOW_CLOSED, COMMITTED, WINDOW_CLOSED, NO_READ },
		{ "nor those that are pending again", WINDOW_CLOSED, PENDING_AGAIN, WINDOW_CLOSED, NO_READ },
		{ "nor when no row is in flight", WINDOW_CLOSED, DRAINED, WINDOW_CLOSED, NO_READ },
		{ "nor after an empty range", WINDOW_CLOSED, EMPTY, WINDOW_CLOSED, NO_READ },

		{ "a second connection starts over", WINDOW_NEW, OPENED, WINDOW_NEW, NEW_FROM - 1 },
		{ "a lost connection ends reading", WINDOW_NEW, LOST, WINDOW_CLOSED, NO_READ },
		{ "new rows go behind those that were read", WINDOW_NEW, COMMITTED, WINDOW_NEW, 105 },
		{ "rows that are pending again wait", WINDOW_NEW, PENDING_AGAIN, WINDOW_DRAINING, NO_READ },
		{ "an idle window reads on", WINDOW_NEW, DRAINED, WINDOW_NEW, 105 },
		{ "after the new rows come the old ones", WINDOW_NEW, EMPTY, WINDOW_OLD, 0 },

		{ "a second connection starts over", WINDOW_OLD, OPENED, WINDOW_NEW, NEW_FROM - 1 },
		{ "a lost connection ends reading", WINDOW_OLD, LOST, WINDOW_CLOSED, NO_READ },
		{ "new rows go before old ones", WINDOW_OLD, COMMITTED, WINDOW_NEW, 105 },
		{ "rows that are pending again wait", WINDOW_OLD, PENDING_AGAIN, WINDOW_DRAINING, NO_READ },
		{ "an idle window reads on", WINDOW_OLD, DRAINED, WINDOW_OLD, 7 },
		{ "after the old rows there are none", WINDOW_OLD, EMPTY, WINDOW_IDLE, NO_READ },

		{ "a second connection starts over", WINDOW_IDLE, OPENED, WINDOW_NEW, NEW_FROM - 1 },
		{ "a lost connection ends reading", WINDOW_IDLE, LOST, WINDOW_CLOSED, NO_READ },
		{ "new rows are read", WINDOW_IDLE, COMMITTED, WINDOW_NEW, 105 },
		{ "rows that are pending again wait", WINDOW_IDLE, PENDING_AGAIN, WINDOW_DRAINING, NO_READ },
		{ "an idle window has no row to read", WINDOW_IDLE, DRAINED, WINDOW_IDLE, NO_READ },
		{ "an empty range changes nothing", WINDOW_IDLE, EMPTY, WINDOW_IDLE, NO_READ },

		{ "a second connection starts over", WINDOW_DRAINING, OPENED, WINDOW_NEW, NEW_FROM - 1 },
		{ "a lost connection ends reading", WINDOW_DRAINING, LOST, WINDOW_CLOSED, NO_READ },
		{ "new rows wait for the start", WINDOW_DRAINING, COMMITTED, WINDOW_DRAINING, NO_READ },
		{ "twice pending is pending", WINDOW_DRAINING, PENDING_AGAIN, WINDOW_DRAINING, NO_READ },
		{ "reading starts over", WINDOW_DRAINING, DRAINED, WINDOW_NEW, NEW_FROM - 1 },
		{ "an empty range changes nothing", WINDOW_DRAINING, EMPTY, WINDOW_DRAINING, NO_READ },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct window *w = window_in(cases[i].from);
		send_event(w, cases[i].event);
		if (window_get_state(w) != cases[i].next || next_read(w) != cases[i].read_after) {
			fail_msg("case %zu, %s: state %d, reads after %lld", i, cases[i].rule, (int)window_get_state(w),
				(long long)next_read(w));
		}
		window_destroy(w);
	}
}

enum record_event { ACKNOWLEDGED, RECORDED, FAILED, FAILED_FULL };

static void keep(struct window *w, size_t n)
{
	for (size_t i = 1; i <= n; i++) {
		assert_int_equal(window_acknowledge(w, (int64_t)i), i);
	}
}

/* An idle window whose acknowledgements are in this state, with `kept` of them. */
static struct window *window_with(enum window_record record, size_t kept)
{
	struct window *w = window_in(WINDOW_IDLE);

	if (record == WINDOW_RECORD_FORGOT) {
		keep(w, WINDOW_MOST);
		window_record_failed(w);
	}
	keep(w, kept);
	assert_int_equal(window_get_record(w), record);
	return w;
}

static void test_every_row_of_the_recording_table(void **state)
{
	static const struct {
		const char *rule;
		enum window_record from;
		unsigned kept;
		enum record_event event;
		enum window_record next;
		unsigned left;
		enum window_state reading;
	} cases[] = {
		{ "an acknowledgement is to be recorded", WINDOW_RECORD_NONE, 0, ACKNOWLEDGED, WINDOW_RECORD_DUE, 1,
			WINDOW_IDLE },
		{ "none to record", WINDOW_RECORD_NONE, 0, RECORDED, WINDOW_RECORD_NONE, 0, WINDOW_IDLE },
		{ "none to lose", WINDOW_RECORD_NONE, 0, FAILED, WINDOW_RECORD_NONE, 0, WINDOW_IDLE },

		{ "they are collected", WINDOW_RECORD_DUE, 3, ACKNOWLEDGED, WINDOW_RECORD_DUE, 4, WINDOW_IDLE },
		{ "the store knows all", WINDOW_RECORD_DUE, 3, RECORDED, WINDOW_RECORD_NONE, 0, WINDOW_IDLE },
		{ "the store fails: they are kept", WINDOW_RECORD_DUE, 3, FAILED, WINDOW_RECORD_DUE, 3, WINDOW_IDLE },
		{ "no more fit: they are forgotten", WINDOW_RECORD_DUE, WINDOW_MOST, FAILED_FULL, WINDOW_RECORD_FORGOT,
			0, WINDOW_IDLE },

		{ "later ones are collected", WINDOW_RECORD_FORGOT, 3, ACKNOWLEDGED, WINDOW_RECORD_FORGOT, 4,
			WINDOW_IDLE },
		{ "the store works: the forgotten rows go again", WINDOW_RECORD_FORGOT, 3, RECORDED, WINDOW_RECORD_NONE,
			0, WINDOW_DRAINING },
		{ "the store still fails", WINDOW_RECORD_FORGOT, 3, FAILED, WINDOW_RECORD_FORGOT, 3, WINDOW_IDLE },
		{ "more are forgotten", WINDOW_RECORD_FORGOT, WINDOW_MOST, FAILED_FULL, WINDOW_RECORD_FORGOT, 0,
			WINDOW_IDLE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct window *w = window_with(cases[i].from, cases[i].kept);
		const int64_t *ids;
		switch (cases[i].event) {
		case ACKNOWLEDGED:
			assert_int_equal(window_acknowledge(w, 77), cases[i].kept + 1);
			break;
		case RECORDED:
			window_recorded(w);
			break;
		case FAILED:
		case FAILED_FULL:
			window_record_failed(w);
			break;
		}
		size_t left = window_unrecorded(w, &ids);
		if (window_get_record(w) != cases[i].next || left != cases[i].left ||
			window_get_state(w) != cases[i].reading) {
			fail_msg("case %zu, %s: %d, %zu left, reading %d", i, cases[i].rule, (int)window_get_record(w),
				left, (int)window_get_state(w));
		}
		window_destroy(w);
	}
}

static void test_ranges_leave_room_and_old_rows_are_read_some_at_a_time(void **state)
{
	struct window *w = window_in(WINDOW_NEW);
	struct window_range range;

	(void)state;
	assert_false(window_next_range(w, 0, &range));
	assert_true(window_next_range(w, SIZE, &range));
	assert_true(range.after == 105 && range.before == INT64_MAX && range.most == SIZE);
	for (int64_t id = 106; id < 106 + SIZE / 2 + 1; id++) {
		window_add_flight(w, id, "a");
		window_advance(w, id);
	}
	assert_true(window_next_range(w, SIZE, &range));
	assert_true(range.after == 116 && range.most == SIZE / 2 - 1);
	window_range_empty(w);
	assert_false(window_next_range(w, SIZE, &range)); /* old rows wait until half of the window is free */
	struct window_flight flight;
	assert_true(window_end_flight(w, 110, &flight));
	assert_true(window_next_range(w, SIZE, &range));
	assert_true(range.after == 0 && range.before == NEW_FROM && range.most == SIZE / 2);
	assert_false(window_next_range(w, SIZE / 2, &range)); /* full */
	window_destroy(w);
}

static void test_rows_in_flight(void **state)
{
	struct window *w = window_in(WINDOW_NEW);
	struct window_flight flight;

	(void)state;
	assert_int_equal(window_first_in_flight(w), 0);
	window_add_flight(w, 1, "a");
	window_add_flight(w, 2, "b");
	assert_int_equal(window_first_in_flight(w), 1);
	assert_true(window_end_flight(w, 1, &flight));
	assert_true(flight.id == 1 && strcmp(flight.topic, "a") == 0);
	assert_false(window_end_flight(w, 1, &flight)); /* answered once */
	window_rows_pending_again(w);
	assert_false(window_is_drained(w)); /* 2 would be sent twice */
	window_start_over(w);
	assert_int_equal(window_get_state(w), WINDOW_DRAINING);
	assert_true(window_end_flight(w, 2, &flight));
	assert_string_equal(flight.topic, "b");
	assert_true(window_is_drained(w));
	window_add_flight(w, 3, "c");
	window_close(w);
	assert_int_equal(window_in_flight(w), 0);
	assert_false(window_end_flight(w, 3, &flight));
	window_destroy(w);
}

static void test_clear_means_all_were_sent_and_acknowledged(void **state)
{
	struct window *w = window_in(WINDOW_OLD);
	struct window_flight flight;

	(void)state;
	assert_false(window_is_clear(w));
	window_range_empty(w);
	assert_true(window_is_clear(w));
	window_add_flight(w, 1, "a");
	assert_false(window_is_clear(w));
	assert_true(window_end_flight(w, 1, &flight));
	window_pass_over(w);
	assert_false(window_is_clear(w));
	window_rows_pending_again(w);
	window_start_over(w);
	window_range_empty(w);
	window_range_empty(w);
	assert_true(window_is_clear(w)); /* none was passed over since reading started over */
	window_destroy(w);
}

/* ---- any sequence of events ---- */

#define ROWS 400

/* A store and a broker in a nutshell: rows by id, from 1. */
struct world {
	struct window *window;
	bool pending[ROWS + 1];
	bool in_flight[ROWS + 1];
	int taken[ROWS + 1]; /* by the broker */
	int64_t newest;
};

static void send_rows(struct world *world)
{
	struct window_range range;

	if (window_is_drained(world->window)) {
		const int64_t *ids;
		for (size_t n = window_unrecorded(world->window, &ids); n > 0; n--) {
			world->pending[ids[n - 1]] = false;
		}
		window_recorded(world->window);
		window_start_over(world->window);
	}
	while (window_next_range(world->window, SIZE, &range)) {
		int64_t first = range.after + 1, id = first;
		size_t n = 0;
		for (; id < range.before && id <= world->newest && n < range.most; id++) {
			if (world->pending[id]) {
				assert_false(world->in_flight[id]); /* never twice at once */
				world->in_flight[id] = true;
				window_add_flight(world->window, id, "t");
				window_advance(world->window, id);
				n++;
			}
		}
		if (n == 0) {
			window_range_empty(world->window);
		}
	}
}

/* The broker takes the row that has been in flight for longest, or so. */
static void answer_one(struct world *world)
{
	struct window_flight flight;
	int64_t id = window_first_in_flight(world->window);

	if (id != 0) {
		assert_true(window_end_flight(world->window, id, &flight));
		world->in_flight[id] = false;
		world->taken[id]++;
		if (window_acknowledge(world->window, id) == WINDOW_MOST) {
			window_record_failed(world->window);
		}
	}
}

static void record(struct world *world, bool works)
{
	const int64_t *ids;
	size_t n = window_unrecorded(world->window, &ids);

	for (size_t i = 0; works && i < n; i++) {
		world->pending[ids[i]] = false;
	}
	if (works) {
		window_recorded(world->window);
	} else if (n > 0) {
		window_record_failed(world->window);
	}
}

static void step(struct world *world)
{
	int what = rand() % 100;

	if (what < 30 && world->newest < ROWS) {
		world->pending[++world->newest] = true;
		window_rows_committed(world->window);
	} else if (what < 80) {
		answer_one(world);
	} else if (what < 90) {
		record(world, rand() % 3 == 0);
	} else if (what < 93) {
		window_close(world->window);
		memset(world->in_flight, 0, sizeof(world->in_flight));
		window_open(world->window, world->newest + 1);
	} else if (what < 96) {
		window_rows_pending_again(world->window);
	}
	send_rows(world);
}

/* Every row is taken in the end, and the store knows. */
static void test_no_row_is_forgotten(void **state)
{
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int run = 0; run < 200; run++) {
		struct world world = { .window = window_create() };
		window_open(world.window, 1);
		for (int i = 0; i < 2000; i++) {
			step(&world);
		}
		while (window_in_flight(world.window) > 0) {
			answer_one(&world);
			record(&world, true);
			send_rows(&world);
		}
		for (int64_t id = 1; id <= world.newest; id++) {
			assert_false(world.pending[id] && world.taken[id] == 0);
		}
		assert_int_equal(window_get_state(world.window), WINDOW_IDLE);
		window_destroy(world.window);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_of_the_reading_table),
		cmocka_unit_test(test_every_row_of_the_recording_table),
		cmocka_unit_test(test_ranges_leave_room_and_old_rows_are_read_some_at_a_time),
		cmocka_unit_test(test_rows_in_flight),
		cmocka_unit_test(test_clear_means_all_were_sent_and_acknowledged),
		cmocka_unit_test(test_no_row_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
