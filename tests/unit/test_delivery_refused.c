/* test_delivery_refused.c - messages that the broker refuses, for good or for now, and a store that another program
 * holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/delivery_rig.h"

/* ---- refusals ---- */

static void test_a_row_that_is_refused_for_now_holds_back_those_behind_it(void **state)
{
	struct rig *rig = *state;

	rig_connect_again(rig);
	rig_commit_many(rig, 2);
	delivery_send_new(rig->delivery);
	rig_expect_sent(rig, 1, 2, 0);
	rig_refuse(rig, 1, NOT_NOW);
	rig_refuse(rig, 2, NOT_NOW);
	rig_commit(rig, "b");
	delivery_send_new(rig->delivery);
	rig_wait_ms(rig, 999);
	rig_expect_sent(rig, 0);
	rig_wait_ms(rig, 1);
	rig_expect_sent(rig, 1, 0); /* one at a time */
	rig_acknowledge(rig, 1);
	rig_expect_sent(rig, 2, 3, 0);
	assert_int_equal(rig_count(rig).parked, 0);
}

/* The main loop was busy: the pause is over, its timer has not fired yet, and a new row is committed. */
static void test_a_new_row_does_not_overtake_one_that_is_due(void **state)
{
	struct rig *rig = *state;

	rig_connect_again(rig);
	rig_commit(rig, "a");
	delivery_send_new(rig->delivery);
	rig_expect_sent(rig, 1, 0);
	rig_refuse(rig, 1, NOT_NOW);
	rig_keep_busy(1500);
	rig_commit(rig, "a");
	delivery_send_new(rig->delivery);
	rig_expect_sent(rig, 1, 0);
	rig_acknowledge(rig, 1);
	rig_expect_sent(rig, 2, 0);
}

static void test_waiting_is_reported_after_a_minute_and_its_end_too(void **state)
{
	struct rig *rig = *state;
	size_t tries = 0;

	rig_commit_many(rig, 2);
	rig_connect_again(rig);
	rig_refuse(rig, 2, NOT_NOW);
	rig->connection.n_sent = 0;
	rig_acknowledge(rig, 1);
	for (; rig_now_ms() < RIG_START_MS + 110000; rig_wait_ms(rig, 100)) {
		while (rig->connection.n_sent > 0) {
			tries++;
			rig_refuse(rig, rig->connection.sent[--rig->connection.n_sent], NOT_NOW);
			assert_true(!rig->waiting || rig_now_ms() >= RIG_START_MS + 60000);
		}
	}
	assert_true(rig->waiting && tries > 7 && tries < 12);
	rig_disconnect(rig, false);
	rig_connect_again(rig);
	rig_expect_sent(rig, 2, 0);
	assert_true(rig->waiting);
	rig_acknowledge(rig, 2);
	assert_false(rig->waiting);
}

static void test_a_missing_right_sets_the_topic_aside_and_it_comes_back(void **state)
{
	struct rig *rig = *state;

	rig_commit(rig, "a");
	rig_commit(rig, "a");
	rig_commit(rig, "b");
	rig_connect_again(rig);
	rig_expect_sent(rig, 1, 2, 3, 0);
	rig_refuse(rig, 1, NO_RIGHT);
	rig_refuse(rig, 2, NO_RIGHT);
	rig_acknowledge(rig, 3);
	for (int i = 0; i < 400 && rig_count(rig).parked < 2; i++, rig_wait_ms(rig, 100)) {
		while (rig->connection.n_sent > 0) {
			assert_int_equal(rig->connection.sent[rig->connection.n_sent - 1], 1); /* the oldest */
			rig->connection.n_sent--;
			rig_refuse(rig, 1, NO_RIGHT);
		}
	}
	assert_true(rig_now_ms() > RIG_START_MS + 15000 && rig_now_ms() < RIG_START_MS + 30000);
	assert_int_equal(rig->n_parked, 2);
	rig_commit(rig, "a"); /* is parked at once */
	rig_commit(rig, "b");
	delivery_send_new(rig->delivery);
	rig_expect_sent(rig, 5, 0);
	rig_acknowledge(rig, 5);
	assert_int_equal(rig_count(rig).parked, 3);
	rig_wait_ms(rig, 60000);
	rig_expect_sent(rig, 1, 0); /* although it is parked */
	rig_refuse(rig, 1, NO_RIGHT);
	assert_int_equal(rig->n_parked, 3); /* it stays so; no second report */
	rig_wait_ms(rig, 60000);
	rig_expect_sent(rig, 1, 0);
	rig_acknowledge(rig, 1);
	rig_expect_sent(rig, 4, 2, 0); /* 4 is new to this connection */
	rig_acknowledge(rig, 2);
	rig_acknowledge(rig, 4);
	rig_wait_ms(rig, 1000);
	assert_true(rig_count(rig).parked == 0 && rig_count(rig).sent == 5);
}

static void test_parked_rows_that_somebody_released_are_not_tried(void **state)
{
	struct rig *rig = *state;

	rig_commit(rig, "a");
	rig_connect_again(rig);
	for (int i = 0; i < 400 && rig_count(rig).parked < 1; i++, rig_wait_ms(rig, 100)) {
		if (rig->connection.n_sent > 0) {
			rig->connection.n_sent--;
			rig_refuse(rig, 1, NO_RIGHT);
		}
	}
	assert_int_equal(store_outbox_release(rig->on.store), 1);
	rig_wait_ms(rig, 60000); /* not a parked one any more, but a pending one */
	rig_expect_sent(rig, 1, 0);
}

static void test_a_row_that_is_refused_for_good_is_parked_and_the_others_flow(void **state)
{
	struct rig *rig = *state;

	rig_commit_many(rig, 2);
	rig_connect_again(rig);
	rig_refuse(rig, 1, BAD_TOPIC);
	rig_acknowledge(rig, 2);
	rig_wait_ms(rig, 200);
	assert_true(rig_count(rig).parked == 1 && rig_count(rig).sent == 1 && rig->n_parked == 1);
	rig_disconnect(rig, false);
	rig_connect_again(rig);
	rig_expect_sent(rig, 0); /* its reason is not a missing right */
	rig_disconnect(rig, false);
	rig_connect_with(rig, CONNECTION_OTHER_TERMS);
	rig_expect_sent(rig, 1, 0);
	rig_refuse(rig, 1, BAD_TOPIC);
	rig_disconnect(rig, false);
	rig_connect_with(rig, CONNECTION_NEW_BROKER);
	rig_expect_sent(rig, 1, 0);
}

static void test_a_held_row_that_is_refused_for_good_frees_those_behind_it(void **state)
{
	struct rig *rig = *state;

	rig_commit_many(rig, 2);
	rig_connect_again(rig);
	rig_refuse(rig, 1, NOT_NOW);
	rig_refuse(rig, 2, NOT_NOW);
	rig->connection.n_sent = 0;
	rig_wait_ms(rig, 1000);
	rig_expect_sent(rig, 1, 0);
	rig_refuse(rig, 1, BAD_TOPIC);
	rig_expect_sent(rig, 2, 0);
}

static void test_a_new_connection_tries_what_was_parked_for_want_of_a_right(void **state)
{
	struct rig *rig = *state;

	rig_commit(rig, "a");
	assert_int_equal(store_outbox_park(rig->on.store, 1, clock_utc(&rig->on.clock), "no (reason 0x87)"), 0);
	rig_connect_again(rig);
	rig_expect_sent(rig, 1, 0);
}

static void test_a_row_that_is_too_large_waits_for_another_connection(void **state)
{
	struct rig *rig = *state;

	rig_commit_long(rig, "a", "{\"text\":\"longer than the forty bytes that this broker takes\"}");
	rig_commit(rig, "a");
	rig->connection.terms.largest = 40;
	rig_connect_again(rig);
	rig_expect_sent(rig, 2, 0);
	assert_true(rig->waiting);
	rig_acknowledge(rig, 2);
	assert_true(rig->waiting); /* it still waits */
	rig_disconnect(rig, false);
	rig->connection.terms.largest = SIZE_MAX;
	rig_connect_with(rig, CONNECTION_OTHER_TERMS);
	rig_expect_sent(rig, 1, 0);
	rig_acknowledge(rig, 1);
	assert_false(rig->waiting);
}

static void test_what_may_wait_pauses_after_a_refusal(void **state)
{
	struct rig *rig = *state;
	struct connection *c = &rig->connection;

	c->up = true;
	delivery_connection_up(rig->delivery, CONNECTION_NEW_BROKER);
	rig_refuse(rig, PRESENCE_TOKEN, NOT_NOW);
	for (size_t i = 1; i <= 8; i++) {
		rig_refuse(rig, c->sent[i], NOT_NOW);
	}
	c->n_sent = 0;
	rig_commit(rig, "a");
	delivery_send_new(rig->delivery);
	rig_expect_sent(rig, 1, 0); /* rows do not */
	rig_wait_ms(rig, 999);
	rig_expect_sent(rig, 0);
	rig_wait_ms(rig, 1);
	assert_int_equal(c->n_sent, 1 + 8);
	rig_refuse(rig, STATE_TOKEN + 8, NO_RIGHT); /* dropped until it changes */
	rig_refuse(rig, PRESENCE_TOKEN, NOT_NOW);
	c->n_sent = 0;
	rig_wait_ms(rig, 1999); /* the pause is twice as long */
	rig_expect_sent(rig, 0);
	rig_wait_ms(rig, 1);
	assert_int_equal(c->sent[0], PRESENCE_TOKEN);
	rig_answer_optional(rig);
	rig_expect_sent(rig, 0);
}

static void test_states_that_are_too_large_are_dropped(void **state)
{
	struct rig *rig = *state;
	struct connection *c = &rig->connection;

	c->terms.largest = 40; /* of 31 states, one is longer; so is the presence */
	c->up = true;
	delivery_connection_up(rig->delivery, CONNECTION_NEW_BROKER);
	size_t n = 0;
	for (; n < c->n_sent; n++) {
		assert_true(c->sent[n] >= STATE_TOKEN && c->sent[n] != STATE_TOKEN + 3);
		rig_acknowledge(rig, c->sent[n]);
	}
	assert_int_equal(n, STATES);
}

/* ---- a store that another program holds ---- */

static void test_acknowledgements_that_cannot_be_recorded_are_kept(void **state)
{
	struct rig *rig = *state;

	rig_commit_many(rig, 3);
	rig_connect_again(rig);
	rig_expect_sent(rig, 1, 2, 3, 0);
	struct sqlite3 *db = rig_lock(rig);
	rig_acknowledge(rig, 1);
	rig_acknowledge(rig, 2);
	rig_wait_ms(rig, 5000);
	assert_int_equal(rig_count(rig).sent, 0);
	rig_unlock(db);
	rig_wait_ms(rig, 2000);
	assert_int_equal(rig_count(rig).sent, 2);
	rig_acknowledge(rig, 3);
	rig_wait_ms(rig, 200);
	assert_int_equal(rig_count(rig).pending, 0);
	rig_expect_sent(rig, 0); /* none went twice */
}

static void test_acknowledgements_that_do_not_fit_are_sent_again(void **state)
{
	struct rig *rig = *state;

	rig->on.site.mqtt.window = 100;
	rig_commit_many(rig, 101);
	rig_connect_again(rig);
	struct sqlite3 *db = rig_lock(rig);
	for (int64_t id = 1; id <= 101; id++) {
		rig_acknowledge(rig, id);
	}
	assert_int_equal(rig->connection.n_sent, 101);
	rig->connection.n_sent = 0;
	rig_unlock(db);
	rig_wait_ms(rig, 2000);
	assert_int_equal(rig_count(rig).sent, 1);
	assert_int_equal(rig->connection.n_sent, 100);
	for (int64_t id = 1; id <= 100; id++) {
		rig_acknowledge(rig, id);
	}
	assert_int_equal(rig_count(rig).sent, 101);
}

static void test_a_row_that_cannot_be_parked_is_not_lost(void **state)
{
	struct rig *rig = *state;

	rig_commit(rig, "a");
	rig_connect_again(rig);
	rig_expect_sent(rig, 1, 0);
	struct sqlite3 *db = rig_lock(rig);
	rig_refuse(rig, 1, BAD_TOPIC);
	rig_expect_sent(rig, 1, 0);
	rig_refuse(rig, 1, NOT_NOW); /* the reason cannot be stored either */
	rig_wait_ms(rig, 1000);
	rig_expect_sent(rig, 1, 0);
	rig_unlock(db);
	rig_refuse(rig, 1, BAD_TOPIC);
	assert_int_equal(rig_count(rig).parked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_row_that_is_refused_for_now_holds_back_those_behind_it, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_new_row_does_not_overtake_one_that_is_due, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_waiting_is_reported_after_a_minute_and_its_end_too, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_missing_right_sets_the_topic_aside_and_it_comes_back, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_parked_rows_that_somebody_released_are_not_tried, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_row_that_is_refused_for_good_is_parked_and_the_others_flow, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_held_row_that_is_refused_for_good_frees_those_behind_it, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_new_connection_tries_what_was_parked_for_want_of_a_right, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_row_that_is_too_large_waits_for_another_connection, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_what_may_wait_pauses_after_a_refusal, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_states_that_are_too_large_are_dropped, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_acknowledgements_that_cannot_be_recorded_are_kept, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_acknowledgements_that_do_not_fit_are_sent_again, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_row_that_cannot_be_parked_is_not_lost, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
