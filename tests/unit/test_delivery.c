/* test_delivery.c - which messages are sent when: order, room, acknowledgements, means and poison messages. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/store/aggregate.h"
#include "tests/unit/delivery_rig.h"
#include "tests/unit/random_mean.h"

/* ---- order and room ---- */

static void test_presence_goes_first_then_rows_then_states(void **state)
{
	struct rig *rig = *state;
	struct connection *c = &rig->connection;

	rig_commit_many(rig, 3);
	c->up = true;
	delivery_connection_up(rig->delivery, CONNECTION_NEW_BROKER);
	assert_int_equal(c->n_sent, 1 + 3 + 8); /* at most eight states are in flight */
	assert_true(c->sent[0] == PRESENCE_TOKEN && c->sent[1] == 1 && c->sent[3] == 3 && c->sent[4] >= STATE_TOKEN);
	rig_answer_optional(rig);
	rig_expect_sent(rig, 1, 2, 3, 0);
}

static void test_new_rows_go_before_those_that_waited(void **state)
{
	struct rig *rig = *state;

	rig->on.site.mqtt.window = 2;
	rig_commit_many(rig, 5);
	rig_connect_again(rig);
	rig_expect_sent(rig, 1, 2, 0);
	rig_commit(rig, "a");
	delivery_send_new(rig->delivery);
	rig_expect_sent(rig, 0);
	rig_acknowledge(rig, 1);
	rig_expect_sent(rig, 6, 0);
	rig_acknowledge(rig, 2);
	rig_acknowledge(rig, 6);
	rig_expect_sent(rig, 3, 4, 0);
}

static void test_receive_maximum_bounds_everything_in_flight(void **state)
{
	struct rig *rig = *state;

	rig->connection.terms.at_once = 4; /* connection_publish() looks at it */
	rig_commit_many(rig, 10);
	rig->connection.up = true;
	delivery_connection_up(rig->delivery, CONNECTION_NEW_BROKER);
	assert_int_equal(rig->connection.n_sent, 4);
	rig_answer_optional(rig);
	for (int64_t id = 1; id <= 10; id++) {
		rig_acknowledge(rig, id);
		rig_answer_optional(rig);
	}
	assert_int_equal(rig->connection.n_sent, 10);
}

static void test_states_leave_a_quarter_free_for_alarms(void **state)
{
	struct rig *rig = *state;

	rig->connection.terms.at_once = 8;
	rig->connection.up = true;
	delivery_connection_up(rig->delivery, CONNECTION_NEW_BROKER);
	assert_int_equal(rig->connection.n_sent, 6);
	rig_commit_many(rig, 3);
	delivery_send_new(rig->delivery);
	assert_int_equal(rig->connection.n_sent, 8);
}

static void test_what_the_library_does_not_take_now_goes_a_second_later(void **state)
{
	struct rig *rig = *state;

	rig_connect_again(rig);
	rig->connection.answer = MQTT_LATER;
	rig_commit_many(rig, 2);
	delivery_send_new(rig->delivery);
	optional_want_health(rig->optional);
	delivery_send(rig->delivery);
	rig_expect_sent(rig, 0);
	rig->connection.answer = MQTT_HANDED;
	rig_wait_ms(rig, 999);
	rig_expect_sent(rig, 0);
	rig_wait_ms(rig, 1);
	rig_answer_optional(rig);
	rig_expect_sent(rig, 1, 2, 0);
}

static void test_what_the_library_never_takes_is_parked(void **state)
{
	struct rig *rig = *state;

	rig_connect_again(rig);
	rig->connection.answer = MQTT_NEVER;
	rig_commit(rig, "a");
	delivery_send_new(rig->delivery);
	optional_want_health(rig->optional);
	delivery_send(rig->delivery);
	assert_int_equal(rig->n_parked, 1);
	assert_int_equal(rig_count(rig).parked, 1);
}

/* ---- acknowledgements ---- */

static void test_acknowledgements_are_recorded_within_200_ms(void **state)
{
	struct rig *rig = *state;

	rig_commit_many(rig, 3);
	rig_connect_again(rig);
	rig_acknowledge(rig, 1);
	rig_acknowledge(rig, 2);
	assert_int_equal(rig_count(rig).sent, 0);
	rig_wait_ms(rig, 200);
	assert_int_equal(rig_count(rig).sent, 2);
	rig_acknowledge(rig, 3);
	rig_disconnect(rig, false);
	rig_connect_again(rig); /* records before it reads */
	assert_int_equal(rig_count(rig).sent, 3);
	rig_expect_sent(rig, 0);
}

static void test_a_hundred_acknowledgements_are_recorded_at_once(void **state)
{
	struct rig *rig = *state;

	rig->on.site.mqtt.window = 100;
	rig_commit_many(rig, 100);
	rig_connect_again(rig);
	for (int64_t id = 1; id <= 99; id++) {
		rig_acknowledge(rig, id);
	}
	assert_int_equal(rig_count(rig).sent, 0);
	rig_acknowledge(rig, 100);
	assert_int_equal(rig_count(rig).sent, 100);
}

static void test_a_lost_connection_sends_again_what_was_in_flight(void **state)
{
	struct rig *rig = *state;

	rig_commit_many(rig, 3);
	rig_connect_again(rig);
	rig_acknowledge(rig, 2);
	rig_disconnect(rig, false);
	rig_commit(rig, "a");
	delivery_send_new(rig->delivery); /* not without a connection */
	rig_connect_again(rig);
	rig_expect_sent(rig, 1, 3, 4, 0);
	rig_acknowledge(rig, 1);
	rig_acknowledge(rig, 1); /* a second answer changes nothing */
	rig->connection.in_flight++;
	rig_wait_ms(rig, 200);
	assert_int_equal(rig_count(rig).sent, 2);
}

static void test_rows_that_are_asked_for_again_wait_for_those_in_flight(void **state)
{
	struct rig *rig = *state;

	rig_commit_many(rig, 2);
	rig_connect_again(rig);
	rig_acknowledge(rig, 1);
	rig_wait_ms(rig, 200);
	rig_expect_sent(rig, 1, 2, 0);
	assert_int_equal(store_outbox_again(rig->on.store, "alarm", 1, 2), 2);
	delivery_send_again(rig->delivery);
	rig_expect_sent(rig, 0); /* 2 would be sent twice */
	rig_acknowledge(rig, 2);
	rig_expect_sent(rig, 1, 0);
}

/* ---- means ---- */

/* The hour that starts at `start_ms` is closed, for both outlets. */
static void close_hour(struct rig *rig, int64_t start_ms)
{
	struct mean_record records[2];
	unsigned seed = 1;

	for (size_t i = 0; i < 2; i++) {
		const struct outlet *outlet = &rig->on.outlets[i];
		records[i] = (struct mean_record){ .outlet = outlet,
			.point = &outlet->points[0],
			.kind = SERIES_MEASURED,
			.o2_ref = NAN,
			.amount = NAN };
		records[i].mean = random_mean(mean_rule_of(outlet->medium, PERIOD_HOUR), start_ms, &seed);
	}
	assert_int_equal(store_aggregate_write(rig->on.store, records, 2), 0);
	optional_periods_closed(rig->optional);
	delivery_send_new(rig->delivery);
}

static void test_means_of_one_period_are_acknowledged_before_the_next_goes(void **state)
{
	struct rig *rig = *state;

	rig_connect_again(rig);
	close_hour(rig, EIGHT);
	close_hour(rig, EIGHT + HOUR_MS);
	rig_expect_sent(rig, -1, -2, 0);
	rig_acknowledge(rig, -2);
	rig_expect_sent(rig, 0);
	rig_acknowledge(rig, -1);
	rig_expect_sent(rig, -1, -2, 0); /* of the next hour */
	rig_disconnect(rig, false);
	rig->connection.up = true;
	delivery_connection_up(rig->delivery, CONNECTION_SAME_TERMS);
	size_t means = 0;
	for (size_t i = 0; i < rig->connection.n_sent; i++) {
		means += rig->connection.sent[i] < 0;
	}
	assert_int_equal(means, 2); /* once more: nobody acknowledged them */
}

static void test_means_that_are_refused_go_again_after_a_pause(void **state)
{
	struct rig *rig = *state;

	rig_connect_again(rig);
	close_hour(rig, EIGHT);
	rig_expect_sent(rig, -1, -2, 0);
	rig_refuse(rig, -1, NOT_NOW);
	rig_refuse(rig, -2, NOT_NOW);
	rig_wait_ms(rig, 999);
	rig_expect_sent(rig, 0);
	rig_wait_ms(rig, 1);
	rig_expect_sent(rig, -1, -2, 0);
	rig_acknowledge(rig, -1);
	rig_acknowledge(rig, -2);
	delivery_send(rig->delivery);
	rig_expect_sent(rig, 0);
}

static void test_means_that_the_library_does_not_take(void **state)
{
	struct rig *rig = *state;

	rig_connect_again(rig);
	rig->connection.answer = MQTT_LATER;
	close_hour(rig, EIGHT);
	rig->connection.answer = MQTT_HANDED;
	rig_wait_ms(rig, 1000);
	rig_expect_sent(rig, -1, -2, 0);
	rig_acknowledge(rig, -1);
	rig_acknowledge(rig, -2);
	rig->connection.answer = MQTT_NEVER;
	close_hour(rig, EIGHT + HOUR_MS); /* skipped */
	rig->connection.answer = MQTT_HANDED;
	rig->connection.terms.largest = 100;
	close_hour(rig, EIGHT + 2 * HOUR_MS); /* too large: skipped */
	rig->connection.terms.largest = SIZE_MAX;
	close_hour(rig, EIGHT + 3 * HOUR_MS);
	rig_expect_sent(rig, -1, -2, 0);
}

static void test_means_leave_the_window_to_rows(void **state)
{
	struct rig *rig = *state;

	rig->on.site.mqtt.window = 3;
	rig_connect_again(rig);
	rig_commit_many(rig, 2);
	delivery_send_new(rig->delivery);
	close_hour(rig, EIGHT);
	rig_expect_sent(rig, 1, 2, -1, 0);
	rig_acknowledge(rig, 1);
	rig_expect_sent(rig, -2, 0);
}

/* ---- poison ---- */

static void test_a_poison_message_is_found_and_parked(void **state)
{
	struct rig *rig = *state;
	struct connection *c = &rig->connection;
	int sent = 0;

	rig_commit_many(rig, 5);
	for (int i = 0; i < 3; i++) {
		rig_connect_again(rig);
		rig_expect_sent(rig, 1, 2, 3, 4, 5, 0);
		rig_disconnect(rig, true);
	}
	for (; rig->n_parked == 0 && sent < 10; sent++) {
		c->up = true;
		delivery_connection_up(rig->delivery, CONNECTION_SAME_TERMS);
		assert_int_equal(c->n_sent, 1); /* the presence: no row before the broker answered that */
		assert_int_equal(c->sent[0], PRESENCE_TOKEN);
		rig_answer_optional(rig);
		rig_expect_sent(rig, 1, 0);
		rig_disconnect(rig, true);
	}
	assert_int_equal(sent, 4);
	rig_connect_again(rig);
	rig_expect_sent(rig, 2, 0); /* still one by one */
	rig_acknowledge(rig, 2);
	rig_expect_sent(rig, 3, 0);
}

static void test_a_connection_that_we_end_parks_no_row(void **state)
{
	struct rig *rig = *state;

	rig_commit(rig, "a");
	for (int i = 0; i < 20; i++) {
		rig_connect_again(rig);
		rig_expect_sent(rig, 1, 0);
		rig_disconnect(rig, false);
	}
	assert_int_equal(rig->n_parked, 0);
}

static void test_short_connections_hold_back_states(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 3; i++) {
		rig_connect_again(rig);
		rig_disconnect(rig, true);
	}
	rig->connection.up = true;
	rig->connection.n_sent = 0;
	delivery_connection_up(rig->delivery, CONNECTION_SAME_TERMS);
	rig_acknowledge(rig, PRESENCE_TOKEN);
	rig_commit(rig, "a");
	delivery_send_new(rig->delivery);
	assert_int_equal(rig->connection.n_sent, 2); /* presence and row */
	rig_wait_ms(rig, 600000);
	assert_int_equal(rig->connection.n_sent, 2 + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_presence_goes_first_then_rows_then_states, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_new_rows_go_before_those_that_waited, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_receive_maximum_bounds_everything_in_flight, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_states_leave_a_quarter_free_for_alarms, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_the_library_does_not_take_now_goes_a_second_later, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_what_the_library_never_takes_is_parked, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_acknowledgements_are_recorded_within_200_ms, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_hundred_acknowledgements_are_recorded_at_once, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_lost_connection_sends_again_what_was_in_flight, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_rows_that_are_asked_for_again_wait_for_those_in_flight, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_means_of_one_period_are_acknowledged_before_the_next_goes, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			test_means_that_are_refused_go_again_after_a_pause, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_means_that_the_library_does_not_take, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_means_leave_the_window_to_rows, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_a_poison_message_is_found_and_parked, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_a_connection_that_we_end_parks_no_row, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(test_short_connections_hold_back_states, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
