/* test_poison.c - when a broker that ends connections is suspected to do so because of a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/mqtt/poison.h"

/* A connection that lasts `ms`, is proven or not, and ends with so many rows in flight. Returns the findings. */
static unsigned connection(struct poison *s, int64_t *now_ms, int64_t ms, bool proven, size_t in_flight)
{
	poison_connected(s, *now_ms);
	if (proven) {
		poison_prove_connection(s);
	}
	*now_ms += ms;
	return poison_lost(s, in_flight, *now_ms);
}

static void test_after_three_unanswered_connections_rows_go_one_by_one(void **state)
{
	struct poison s = { 0 };
	int64_t now = 1000000;

	(void)state;
	assert_int_equal(poison_window(&s, 20), 20);
	assert_int_equal(connection(&s, &now, 500, true, 20), POISON_NOTHING);
	assert_int_equal(connection(&s, &now, 500, true, 7), POISON_NOTHING);
	assert_int_equal(connection(&s, &now, 500, true, 20), POISON_CAREFUL);
	assert_true(poison_quiet(&s, now));
	poison_connected(&s, now);
	assert_int_equal(poison_window(&s, 20), 0); /* no row before the broker answered a harmless message */
	poison_prove_connection(&s);
	assert_int_equal(poison_window(&s, 20), 1);
}

static void test_an_acknowledgement_starts_the_count_again(void **state)
{
	struct poison s = { 0 };
	int64_t now = 1000000;

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(connection(&s, &now, 500, true, 20), POISON_NOTHING);
		poison_count_acknowledgement(&s);
	}
	assert_false(s.careful);
}

static void test_only_a_single_row_on_a_proven_connection_is_the_culprit(void **state)
{
	struct poison s = { .careful = true };
	int64_t now = 1000000;

	(void)state;
	assert_int_equal(connection(&s, &now, 500, false, 1) & POISON_CULPRIT, 0); /* the link itself may be bad */
	assert_int_equal(connection(&s, &now, 500, true, 0) & POISON_CULPRIT, 0);
	assert_int_equal(connection(&s, &now, 500, true, 1) & POISON_CULPRIT, POISON_CULPRIT);
}

static void test_after_twenty_acknowledgements_rows_go_as_before(void **state)
{
	struct poison s = { .careful = true, .proven = true };

	(void)state;
	for (int i = 0; i < 19; i++) {
		poison_count_acknowledgement(&s);
	}
	assert_int_equal(poison_window(&s, 20), 1);
	poison_count_acknowledgement(&s);
	assert_int_equal(poison_window(&s, 20), 20);
}

static void test_short_connections_without_a_row_hold_back_states_and_means(void **state)
{
	struct poison s = { 0 };
	int64_t now = 1000000;

	(void)state;
	assert_int_equal(connection(&s, &now, 500, true, 0), POISON_NOTHING);
	assert_int_equal(
		connection(&s, &now, 60000, true, 0), POISON_NOTHING); /* a long connection starts the count again */
	assert_int_equal(connection(&s, &now, 500, true, 0), POISON_NOTHING);
	assert_int_equal(connection(&s, &now, 500, true, 0), POISON_NOTHING);
	assert_int_equal(connection(&s, &now, 500, true, 0), POISON_QUIET);
	assert_true(poison_quiet(&s, now + 599999));
	assert_false(poison_quiet(&s, now + 600000));
	assert_int_equal(poison_window(&s, 20), 20); /* rows still go */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_after_three_unanswered_connections_rows_go_one_by_one),
		cmocka_unit_test(test_an_acknowledgement_starts_the_count_again),
		cmocka_unit_test(test_only_a_single_row_on_a_proven_connection_is_the_culprit),
		cmocka_unit_test(test_after_twenty_acknowledgements_rows_go_as_before),
		cmocka_unit_test(test_short_connections_without_a_row_hold_back_states_and_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
