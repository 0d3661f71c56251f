/* test_state_feed.c - every state that changed is published in the end; none is in flight twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/mqtt/state_feed.h"

#define N 1000

static void test_all_of_them_go_once(void **state)
{
	struct state_feed *feed = state_feed_create(N);
	bool seen[N] = { false };
	size_t index, n = 0;

	(void)state;
	assert_false(state_feed_next(feed, &index));
	state_feed_want_all(feed);
	while (state_feed_next(feed, &index)) {
		assert_false(seen[index]);
		seen[index] = true;
		n++;
	}
	assert_int_equal(n, N);
	assert_int_equal(state_feed_in_flight(feed), N);
	state_feed_destroy(feed);
}

/* A state that changes while it is in flight is published again, but only after the first one was settled. */
static void test_the_newest_value_goes(void **state)
{
	struct state_feed *feed = state_feed_create(2);
	size_t index;

	(void)state;
	state_feed_want(feed, 1);
	assert_true(state_feed_next(feed, &index));
	state_feed_want(feed, 1);
	assert_false(state_feed_next(feed, &index));
	state_feed_settle(feed, 1);
	assert_true(state_feed_next(feed, &index));
	assert_int_equal(index, 1);
	state_feed_lost(feed);
	assert_int_equal(state_feed_in_flight(feed), 0);
	assert_true(state_feed_next(feed, &index));
	state_feed_settle(feed, index);
	assert_false(state_feed_next(feed, &index));
	state_feed_destroy(feed);
}

/* Whatever happens in between: once the line is good, all that was wanted is settled after its last change. */
static void test_random_lines(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	struct state_feed *feed = state_feed_create(N);
	bool due[N] = { false };
	size_t index, way[N], n = 0;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 200000; i++) {
		int what = rand() % 100;
		if (what < 30) {
			index = (size_t)rand() % N;
			state_feed_want(feed, index);
			due[index] = true;
		} else if (what < 60 && n < 8 && state_feed_next(feed, &index)) {
			due[index] = false; /* the value of now goes */
			way[n++] = index;
		} else if (what < 95 && n > 0) {
			size_t k = (size_t)rand() % n;
			index = way[k];
			way[k] = way[--n];
			if (rand() % 4) {
				state_feed_settle(feed, index);
			} else {
				state_feed_put_back(feed, index);
				due[index] = true;
			}
		} else if (what == 99) {
			for (; n > 0; n--) {
				due[way[n - 1]] = true;
			}
			state_feed_lost(feed);
		}
		assert_int_equal(state_feed_in_flight(feed), n);
	}
	while (n > 0) {
		state_feed_settle(feed, way[--n]);
	}
	while (state_feed_next(feed, &index)) {
		due[index] = false;
		state_feed_settle(feed, index);
	}
	for (size_t i = 0; i < N; i++) {
		assert_false(due[i]);
	}
	state_feed_destroy(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_them_go_once),
		cmocka_unit_test(test_the_newest_value_goes),
		cmocka_unit_test(test_random_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
