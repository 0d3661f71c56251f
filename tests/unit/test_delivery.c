/* test_delivery.c - which messages are sent when, over a connection, timers and a clock that this test holds in its
 * hands, out of a real store. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/array.h"
#include "daemon/mqtt/delivery.h"
#include "daemon/store/aggregate.h"
#include "daemon/store/alarm.h"
#include "daemon/store/outbox.h"
#include "tests/unit/random_mean.h"
#include "tests/unit/store_rig.h"

#define MOST 2000
#define START_MS 1000000
#define NOT_NOW 0x97   /* quota exceeded */
#define NO_RIGHT 0x87  /* not authorized */
#define BAD_TOPIC 0x90 /* topic name invalid */

/* ---- what delivery.c stands on ---- */

struct connection {
	struct mqtt_terms terms;
	bool up;
	enum mqtt_handed answer; /* of the library to the next messages */
	size_t in_flight;
	int64_t sent[MOST]; /* tokens, since the last clear_sent() */
	size_t n_sent;
};

struct loop_timer {
	void (*callback)(void *context);
	void *context;
	int64_t due_ms; /* INT64_MAX = not set */
};

static struct {
	int64_t now_ms;
	int64_t tick_ms; /* each look at the clock takes so long: the store waits for others by the clock */
	struct loop_timer timers[4];
	size_t n_timers;
} world;

int64_t __wrap_clock_real_mono_ms(void);
int64_t __wrap_clock_real_mono_ms(void)
{
	return world.now_ms += world.tick_ms;
}

struct loop_timer *loop_add_timer(struct loop *loop, void (*callback)(void *context), void *context)
{
	struct loop_timer *timer = &world.timers[world.n_timers++];

	(void)loop;
	assert_true(world.n_timers <= ARRAY_SIZE(world.timers));
	*timer = (struct loop_timer){ callback, context, INT64_MAX };
	return timer;
}

void loop_set_timer(struct loop_timer *timer, int64_t ns)
{
	timer->due_ms = world.now_ms + (ns + 999999) / 1000000;
}

void loop_remove_timer(struct loop_timer *timer)
{
	(void)timer;
}

bool connection_may_send(const struct connection *c)
{
	return c->up;
}

enum mqtt_handed connection_publish(
	struct connection *c, int64_t token, const char *topic, const char *payload, bool retained)
{
	(void)topic;
	(void)payload;
	(void)retained;
	if (c->answer == MQTT_HANDED) {
		assert_true(c->in_flight < c->terms.at_once);
		assert_true(c->n_sent < MOST);
		c->sent[c->n_sent++] = token;
		c->in_flight++;
	}
	return c->answer;
}

size_t connection_in_flight(const struct connection *c)
{
	return c->in_flight;
}

const struct mqtt_terms *connection_terms(const struct connection *c)
{
	return &c->terms;
}

const char *connection_broker_name(const struct connection *c)
{
	(void)c;
	return "mqtt://test";
}

/* ---- the rig ---- */

struct rig {
	struct store_rig on;
	struct message_context context;
	struct presence presence;
	struct connection connection;
	struct optional *optional;
	struct delivery *delivery;
	size_t n_rows;
	size_t n_parked; /* reports */
	bool waiting;    /* reported */
};

static void on_parked(void *context, int64_t id, const char *reason)
{
	struct rig *rig = context;

	(void)id;
	assert_true(reason[0]);
	rig->n_parked++;
}

static void on_waiting(void *context, const char *reason)
{
	struct rig *rig = context;

	rig->waiting = reason != NULL;
}

static char *compose_state(void *context, size_t index, char *topic)
{
	(void)context;
	snprintf(topic, TOPIC_SIZE, "state/%zu", index);
	return strdup(index == 3 ? "{\"text\":\"longer than the others by far, as the health is, and longer\"}" : "{}");
}

#define STATES 30

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	memset(&world, 0, sizeof(world));
	world.now_ms = START_MS;
	store_rig_set_up(&rig->on);
	rig->on.site.mqtt.window = 20;
	rig->on.site.mqtt.means[PERIOD_HOUR] = true;
	store_rig_outlet(&rig->on, "DA001", MEDIUM_GAS, (const char *const[]){ "so2", NULL });
	store_rig_outlet(&rig->on, "DA002", MEDIUM_GAS, (const char *const[]){ "nox", NULL });
	rig->context = (struct message_context){ &rig->on.site, &rig->on.clock };
	store_rig_open(&rig->on);
	presence_init(&rig->presence, &rig->context, rig->on.store);
	rig->connection.terms =
		(struct mqtt_terms){ .version = 5, .largest = SIZE_MAX, .at_once = 65535, .highest_qos = 2 };
	const struct optional_setup optional = { .context = &rig->context,
		.store = rig->on.store,
		.connection = &rig->connection,
		.presence = &rig->presence,
		.source = { compose_state, rig, STATES } };
	rig->optional = optional_create(&optional);
	const struct delivery_setup delivery = { .context = &rig->context,
		.store = rig->on.store,
		.connection = &rig->connection,
		.optional = rig->optional,
		.handler = { on_parked, on_waiting, rig } };
	rig->delivery = delivery_create(&delivery);
	assert_true(rig->optional && rig->delivery);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	delivery_destroy(rig->delivery);
	optional_destroy(rig->optional);
	store_rig_tear_down(&rig->on);
	free(rig);
	return 0;
}

/* Commits a row; rows have ids from 1. */
static void commit_long(struct rig *rig, const char *topic, const char *payload)
{
	struct store_alarm alarm = { .raised = true, .rule = "disk-low", .outlet = GATEWAY };

	snprintf(alarm.id, sizeof(alarm.id), "alarm %zu", ++rig->n_rows);
	assert_int_equal(store_commit_alarm(rig->on.store, &alarm, "raised", topic, payload), 0);
}

static void commit(struct rig *rig, const char *topic)
{
	commit_long(rig, topic, "{}");
}

static void commit_many(struct rig *rig, size_t n)
{
	while (n-- > 0) {
		commit(rig, "a");
	}
}

static struct outbox_counts count(struct rig *rig)
{
	struct outbox_counts counts;

	assert_int_equal(store_outbox_count(rig->on.store, &counts), 0);
	return counts;
}

static void acknowledge(struct rig *rig, int64_t token)
{
	rig->connection.in_flight--;
	delivery_acknowledged(rig->delivery, token, token == 3); /* nobody is subscribed to row 3: a line of the log */
}

static void refuse(struct rig *rig, int64_t token, int code)
{
	char reason[32];

	snprintf(reason, sizeof(reason), "no (reason 0x%02X)", (unsigned)code);
	rig->connection.in_flight--;
	delivery_refused(rig->delivery, token, code, reason);
}

/* The broker answers presence, states and what else may wait, and only then rows. */
static void answer_optional(struct rig *rig)
{
	struct connection *c = &rig->connection;
	size_t kept = 0;

	for (size_t i = 0; i < c->n_sent; i++) {
		if (optional_has_token(c->sent[i])) {
			acknowledge(rig, c->sent[i]); /* sends more, behind the last one */
		} else {
			c->sent[kept++] = c->sent[i];
		}
	}
	c->n_sent = kept;
}

static void connect_with(struct rig *rig, enum connection_news news)
{
	rig->connection.up = true;
	rig->connection.n_sent = 0;
	delivery_connection_up(rig->delivery, news);
	answer_optional(rig);
}

static void connect_again(struct rig *rig)
{
	connect_with(rig, CONNECTION_SAME_TERMS);
}

static void disconnect(struct rig *rig, bool suspicious)
{
	rig->connection.up = false;
	rig->connection.in_flight = 0;
	delivery_connection_down(rig->delivery, suspicious);
}

/* Time passes; timers fire. */
static void wait_ms(struct rig *rig, int64_t ms)
{
	int64_t until = world.now_ms + ms;

	(void)rig;
	for (;;) {
		struct loop_timer *next = &world.timers[0];
		for (size_t i = 1; i < world.n_timers; i++) {
			next = world.timers[i].due_ms < next->due_ms ? &world.timers[i] : next;
		}
		if (next->due_ms > until) {
			break;
		}
		world.now_ms = next->due_ms > world.now_ms ? next->due_ms : world.now_ms;
		next->due_ms = INT64_MAX;
		next->callback(next->context);
	}
	world.now_ms = until;
}

/* These rows were sent since the last call, in this order; 0 ends the list. */
static void expect_sent(struct rig *rig, ...)
{
	struct connection *c = &rig->connection;
	va_list arguments;
	size_t n = 0;

	va_start(arguments, rig);
	for (int id = va_arg(arguments, int); id != 0; id = va_arg(arguments, int), n++) {
		if (n >= c->n_sent || c->sent[n] != id) {
			fail_msg("message %zu is %lld of %zu, not %d", n, n < c->n_sent ? (long long)c->sent[n] : -1LL,
				c->n_sent, id);
		}
	}
	va_end(arguments);
	assert_int_equal(c->n_sent, n);
	c->n_sent = 0;
}

/* ---- order and room ---- */

static void test_presence_goes_first_then_rows_then_states(void **state)
{
	struct rig *rig = *state;
	struct connection *c = &rig->connection;

	commit_many(rig, 3);
	c->up = true;
	delivery_connection_up(rig->delivery, CONNECTION_NEW_BROKER);
	assert_int_equal(c->n_sent, 1 + 3 + 8); /* at most eight states are in flight */
	assert_true(c->sent[0] == PRESENCE_TOKEN && c->sent[1] == 1 && c->sent[3] == 3 && c->sent[4] >= STATE_TOKEN);
	answer_optional(rig);
	expect_sent(rig, 1, 2, 3, 0);
}

static void test_new_rows_go_before_those_that_waited(void **state)
{
	struct rig *rig = *state;

	rig->on.site.mqtt.window = 2;
	commit_many(rig, 5);
	connect_again(rig);
	expect_sent(rig, 1, 2, 0);
	commit(rig, "a");
	delivery_send_new(rig->delivery);
	expect_sent(rig, 0);
	acknowledge(rig, 1);
	expect_sent(rig, 6, 0);
	acknowledge(rig, 2);
	acknowledge(rig, 6);
	expect_sent(rig, 3, 4, 0);
}

static void test_receive_maximum_bounds_everything_in_flight(void **state)
{
	struct rig *rig = *state;

	rig->connection.terms.at_once = 4; /* connection_publish() looks at it */
	commit_many(rig, 10);
	rig->connection.up = true;
	delivery_connection_up(rig->delivery, CONNECTION_NEW_BROKER);
	assert_int_equal(rig->connection.n_sent, 4);
	answer_optional(rig);
	for (int64_t id = 1; id <= 10; id++) {
		acknowledge(rig, id);
		answer_optional(rig);
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
	commit_many(rig, 3);
	delivery_send_new(rig->delivery);
	assert_int_equal(rig->connection.n_sent, 8);
}

static void test_what_the_library_does_not_take_now_goes_a_second_later(void **state)
{
	struct rig *rig = *state;

	connect_again(rig);
	rig->connection.answer = MQTT_LATER;
	commit_many(rig, 2);
	delivery_send_new(rig->delivery);
	optional_want_health(rig->optional);
	delivery_send(rig->delivery);
	expect_sent(rig, 0);
	rig->connection.answer = MQTT_HANDED;
	wait_ms(rig, 999);
	expect_sent(rig, 0);
	wait_ms(rig, 1);
	answer_optional(rig);
	expect_sent(rig, 1, 2, 0);
}

static void test_what_the_library_never_takes_is_parked(void **state)
{
	struct rig *rig = *state;

	connect_again(rig);
	rig->connection.answer = MQTT_NEVER;
	commit(rig, "a");
	delivery_send_new(rig->delivery);
	optional_want_health(rig->optional);
	delivery_send(rig->delivery);
	assert_int_equal(rig->n_parked, 1);
	assert_int_equal(count(rig).parked, 1);
}

/* ---- acknowledgements ---- */

static void test_acknowledgements_are_recorded_within_200_ms(void **state)
{
	struct rig *rig = *state;

	commit_many(rig, 3);
	connect_again(rig);
	acknowledge(rig, 1);
	acknowledge(rig, 2);
	assert_int_equal(count(rig).sent, 0);
	wait_ms(rig, 200);
	assert_int_equal(count(rig).sent, 2);
	acknowledge(rig, 3);
	disconnect(rig, false);
	connect_again(rig); /* records before it reads */
	assert_int_equal(count(rig).sent, 3);
	expect_sent(rig, 0);
}

static void test_a_hundred_acknowledgements_are_recorded_at_once(void **state)
{
	struct rig *rig = *state;

	rig->on.site.mqtt.window = 100;
	commit_many(rig, 100);
	connect_again(rig);
	for (int64_t id = 1; id <= 99; id++) {
		acknowledge(rig, id);
	}
	assert_int_equal(count(rig).sent, 0);
	acknowledge(rig, 100);
	assert_int_equal(count(rig).sent, 100);
}

static void test_a_lost_connection_sends_again_what_was_in_flight(void **state)
{
	struct rig *rig = *state;

	commit_many(rig, 3);
	connect_again(rig);
	acknowledge(rig, 2);
	disconnect(rig, false);
	commit(rig, "a");
	delivery_send_new(rig->delivery); /* not without a connection */
	connect_again(rig);
	expect_sent(rig, 1, 3, 4, 0);
	acknowledge(rig, 1);
	acknowledge(rig, 1); /* a second answer changes nothing */
	rig->connection.in_flight++;
	wait_ms(rig, 200);
	assert_int_equal(count(rig).sent, 2);
}

static void test_rows_that_are_asked_for_again_wait_for_those_in_flight(void **state)
{
	struct rig *rig = *state;

	commit_many(rig, 2);
	connect_again(rig);
	acknowledge(rig, 1);
	wait_ms(rig, 200);
	expect_sent(rig, 1, 2, 0);
	assert_int_equal(store_outbox_again(rig->on.store, "alarm", 1, 2), 2);
	delivery_send_again(rig->delivery);
	expect_sent(rig, 0); /* 2 would be sent twice */
	acknowledge(rig, 2);
	expect_sent(rig, 1, 0);
}

/* ---- refusals ---- */

static void test_a_row_that_is_refused_for_now_holds_back_those_behind_it(void **state)
{
	struct rig *rig = *state;

	connect_again(rig);
	commit_many(rig, 2);
	delivery_send_new(rig->delivery);
	expect_sent(rig, 1, 2, 0);
	refuse(rig, 1, NOT_NOW);
	refuse(rig, 2, NOT_NOW);
	commit(rig, "b");
	delivery_send_new(rig->delivery);
	wait_ms(rig, 999);
	expect_sent(rig, 0);
	wait_ms(rig, 1);
	expect_sent(rig, 1, 0); /* one at a time */
	acknowledge(rig, 1);
	expect_sent(rig, 2, 3, 0);
	assert_int_equal(count(rig).parked, 0);
}

/* The main loop was busy: the pause is over, its timer has not fired yet, and a new row is committed. */
static void test_a_new_row_does_not_overtake_one_that_is_due(void **state)
{
	struct rig *rig = *state;

	connect_again(rig);
	commit(rig, "a");
	delivery_send_new(rig->delivery);
	expect_sent(rig, 1, 0);
	refuse(rig, 1, NOT_NOW);
	world.now_ms += 1500;
	commit(rig, "a");
	delivery_send_new(rig->delivery);
	expect_sent(rig, 1, 0);
	acknowledge(rig, 1);
	expect_sent(rig, 2, 0);
}

static void test_waiting_is_reported_after_a_minute_and_its_end_too(void **state)
{
	struct rig *rig = *state;
	size_t tries = 0;

	commit_many(rig, 2);
	connect_again(rig);
	refuse(rig, 2, NOT_NOW);
	rig->connection.n_sent = 0;
	acknowledge(rig, 1);
	for (; world.now_ms < START_MS + 110000; wait_ms(rig, 100)) {
		while (rig->connection.n_sent > 0) {
			tries++;
			refuse(rig, rig->connection.sent[--rig->connection.n_sent], NOT_NOW);
			assert_true(!rig->waiting || world.now_ms >= START_MS + 60000);
		}
	}
	assert_true(rig->waiting && tries > 7 && tries < 12);
	disconnect(rig, false);
	connect_again(rig);
	expect_sent(rig, 2, 0);
	assert_true(rig->waiting);
	acknowledge(rig, 2);
	assert_false(rig->waiting);
}

static void test_a_missing_right_sets_the_topic_aside_and_it_comes_back(void **state)
{
	struct rig *rig = *state;

	commit(rig, "a");
	commit(rig, "a");
	commit(rig, "b");
	connect_again(rig);
	expect_sent(rig, 1, 2, 3, 0);
	refuse(rig, 1, NO_RIGHT);
	refuse(rig, 2, NO_RIGHT);
	acknowledge(rig, 3);
	for (int i = 0; i < 400 && count(rig).parked < 2; i++, wait_ms(rig, 100)) {
		while (rig->connection.n_sent > 0) {
			assert_int_equal(rig->connection.sent[rig->connection.n_sent - 1], 1); /* the oldest */
			rig->connection.n_sent--;
			refuse(rig, 1, NO_RIGHT);
		}
	}
	assert_true(world.now_ms > START_MS + 15000 && world.now_ms < START_MS + 30000);
	assert_int_equal(rig->n_parked, 2);
	commit(rig, "a"); /* is parked at once */
	commit(rig, "b");
	delivery_send_new(rig->delivery);
	expect_sent(rig, 5, 0);
	acknowledge(rig, 5);
	assert_int_equal(count(rig).parked, 3);
	wait_ms(rig, 60000);
	expect_sent(rig, 1, 0); /* although it is parked */
	refuse(rig, 1, NO_RIGHT);
	assert_int_equal(rig->n_parked, 3); /* it stays so; no second report */
	wait_ms(rig, 60000);
	expect_sent(rig, 1, 0);
	acknowledge(rig, 1);
	expect_sent(rig, 4, 2, 0); /* 4 is new to this connection */
	acknowledge(rig, 2);
	acknowledge(rig, 4);
	wait_ms(rig, 1000);
	assert_true(count(rig).parked == 0 && count(rig).sent == 5);
}

static void test_parked_rows_that_somebody_released_are_not_tried(void **state)
{
	struct rig *rig = *state;

	commit(rig, "a");
	connect_again(rig);
	for (int i = 0; i < 400 && count(rig).parked < 1; i++, wait_ms(rig, 100)) {
		if (rig->connection.n_sent > 0) {
			rig->connection.n_sent--;
			refuse(rig, 1, NO_RIGHT);
		}
	}
	assert_int_equal(store_outbox_release(rig->on.store), 1);
	wait_ms(rig, 60000); /* not a parked one any more, but a pending one */
	expect_sent(rig, 1, 0);
}

static void test_a_row_that_is_refused_for_good_is_parked_and_the_others_flow(void **state)
{
	struct rig *rig = *state;

	commit_many(rig, 2);
	connect_again(rig);
	refuse(rig, 1, BAD_TOPIC);
	acknowledge(rig, 2);
	wait_ms(rig, 200);
	assert_true(count(rig).parked == 1 && count(rig).sent == 1 && rig->n_parked == 1);
	disconnect(rig, false);
	connect_again(rig);
	expect_sent(rig, 0); /* its reason is not a missing right */
	disconnect(rig, false);
	connect_with(rig, CONNECTION_OTHER_TERMS);
	expect_sent(rig, 1, 0);
	refuse(rig, 1, BAD_TOPIC);
	disconnect(rig, false);
	connect_with(rig, CONNECTION_NEW_BROKER);
	expect_sent(rig, 1, 0);
}

static void test_a_held_row_that_is_refused_for_good_frees_those_behind_it(void **state)
{
	struct rig *rig = *state;

	commit_many(rig, 2);
	connect_again(rig);
	refuse(rig, 1, NOT_NOW);
	refuse(rig, 2, NOT_NOW);
	rig->connection.n_sent = 0;
	wait_ms(rig, 1000);
	expect_sent(rig, 1, 0);
	refuse(rig, 1, BAD_TOPIC);
	expect_sent(rig, 2, 0);
}

static void test_a_new_connection_tries_what_was_parked_for_want_of_a_right(void **state)
{
	struct rig *rig = *state;

	commit(rig, "a");
	assert_int_equal(store_outbox_park(rig->on.store, 1, clock_utc(&rig->on.clock), "no (reason 0x87)"), 0);
	connect_again(rig);
	expect_sent(rig, 1, 0);
}

static void test_a_row_that_is_too_large_waits_for_another_connection(void **state)
{
	struct rig *rig = *state;

	commit_long(rig, "a", "{\"text\":\"longer than the forty bytes that this broker takes\"}");
	commit(rig, "a");
	rig->connection.terms.largest = 40;
	connect_again(rig);
	expect_sent(rig, 2, 0);
	assert_true(rig->waiting);
	acknowledge(rig, 2);
	assert_true(rig->waiting); /* it still waits */
	disconnect(rig, false);
	rig->connection.terms.largest = SIZE_MAX;
	connect_with(rig, CONNECTION_OTHER_TERMS);
	expect_sent(rig, 1, 0);
	acknowledge(rig, 1);
	assert_false(rig->waiting);
}

static void test_what_may_wait_pauses_after_a_refusal(void **state)
{
	struct rig *rig = *state;
	struct connection *c = &rig->connection;

	c->up = true;
	delivery_connection_up(rig->delivery, CONNECTION_NEW_BROKER);
	refuse(rig, PRESENCE_TOKEN, NOT_NOW);
	for (size_t i = 1; i <= 8; i++) {
		refuse(rig, c->sent[i], NOT_NOW);
	}
	c->n_sent = 0;
	commit(rig, "a");
	delivery_send_new(rig->delivery);
	expect_sent(rig, 1, 0); /* rows do not */
	wait_ms(rig, 999);
	expect_sent(rig, 0);
	wait_ms(rig, 1);
	assert_int_equal(c->n_sent, 1 + 8);
	refuse(rig, STATE_TOKEN + 8, NO_RIGHT); /* dropped until it changes */
	refuse(rig, PRESENCE_TOKEN, NOT_NOW);
	c->n_sent = 0;
	wait_ms(rig, 1999); /* the pause is twice as long */
	expect_sent(rig, 0);
	wait_ms(rig, 1);
	assert_int_equal(c->sent[0], PRESENCE_TOKEN);
	answer_optional(rig);
	expect_sent(rig, 0);
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
		acknowledge(rig, c->sent[n]);
	}
	assert_int_equal(n, STATES);
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

	connect_again(rig);
	close_hour(rig, EIGHT);
	close_hour(rig, EIGHT + HOUR_MS);
	expect_sent(rig, -1, -2, 0);
	acknowledge(rig, -2);
	expect_sent(rig, 0);
	acknowledge(rig, -1);
	expect_sent(rig, -1, -2, 0); /* of the next hour */
	disconnect(rig, false);
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

	connect_again(rig);
	close_hour(rig, EIGHT);
	expect_sent(rig, -1, -2, 0);
	refuse(rig, -1, NOT_NOW);
	refuse(rig, -2, NOT_NOW);
	wait_ms(rig, 999);
	expect_sent(rig, 0);
	wait_ms(rig, 1);
	expect_sent(rig, -1, -2, 0);
	acknowledge(rig, -1);
	acknowledge(rig, -2);
	delivery_send(rig->delivery);
	expect_sent(rig, 0);
}

static void test_means_that_the_library_does_not_take(void **state)
{
	struct rig *rig = *state;

	connect_again(rig);
	rig->connection.answer = MQTT_LATER;
	close_hour(rig, EIGHT);
	rig->connection.answer = MQTT_HANDED;
	wait_ms(rig, 1000);
	expect_sent(rig, -1, -2, 0);
	acknowledge(rig, -1);
	acknowledge(rig, -2);
	rig->connection.answer = MQTT_NEVER;
	close_hour(rig, EIGHT + HOUR_MS); /* skipped */
	rig->connection.answer = MQTT_HANDED;
	rig->connection.terms.largest = 100;
	close_hour(rig, EIGHT + 2 * HOUR_MS); /* too large: skipped */
	rig->connection.terms.largest = SIZE_MAX;
	close_hour(rig, EIGHT + 3 * HOUR_MS);
	expect_sent(rig, -1, -2, 0);
}

static void test_means_leave_the_window_to_rows(void **state)
{
	struct rig *rig = *state;

	rig->on.site.mqtt.window = 3;
	connect_again(rig);
	commit_many(rig, 2);
	delivery_send_new(rig->delivery);
	close_hour(rig, EIGHT);
	expect_sent(rig, 1, 2, -1, 0);
	acknowledge(rig, 1);
	expect_sent(rig, -2, 0);
}

/* ---- poison ---- */

static void test_a_poison_message_is_found_and_parked(void **state)
{
	struct rig *rig = *state;
	struct connection *c = &rig->connection;
	int sent = 0;

	commit_many(rig, 5);
	for (int i = 0; i < 3; i++) {
		connect_again(rig);
		expect_sent(rig, 1, 2, 3, 4, 5, 0);
		disconnect(rig, true);
	}
	for (; rig->n_parked == 0 && sent < 10; sent++) {
		c->up = true;
		delivery_connection_up(rig->delivery, CONNECTION_SAME_TERMS);
		assert_int_equal(c->n_sent, 1); /* the presence: no row before the broker answered that */
		assert_int_equal(c->sent[0], PRESENCE_TOKEN);
		answer_optional(rig);
		expect_sent(rig, 1, 0);
		disconnect(rig, true);
	}
	assert_int_equal(sent, 4);
	connect_again(rig);
	expect_sent(rig, 2, 0); /* still one by one */
	acknowledge(rig, 2);
	expect_sent(rig, 3, 0);
}

static void test_a_connection_that_we_end_parks_no_row(void **state)
{
	struct rig *rig = *state;

	commit(rig, "a");
	for (int i = 0; i < 20; i++) {
		connect_again(rig);
		expect_sent(rig, 1, 0);
		disconnect(rig, false);
	}
	assert_int_equal(rig->n_parked, 0);
}

static void test_short_connections_hold_back_states(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 3; i++) {
		connect_again(rig);
		disconnect(rig, true);
	}
	rig->connection.up = true;
	rig->connection.n_sent = 0;
	delivery_connection_up(rig->delivery, CONNECTION_SAME_TERMS);
	acknowledge(rig, PRESENCE_TOKEN);
	commit(rig, "a");
	delivery_send_new(rig->delivery);
	assert_int_equal(rig->connection.n_sent, 2); /* presence and row */
	wait_ms(rig, 600000);
	assert_int_equal(rig->connection.n_sent, 2 + 8);
}

/* ---- a store that another program holds ---- */

static sqlite3 *lock(struct rig *rig)
{
	char path[96];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/state.db", rig->on.folder);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	world.tick_ms = 50;
	return db;
}

static void unlock(sqlite3 *db)
{
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	world.tick_ms = 0;
}

static void test_acknowledgements_that_cannot_be_recorded_are_kept(void **state)
{
	struct rig *rig = *state;

	commit_many(rig, 3);
	connect_again(rig);
	expect_sent(rig, 1, 2, 3, 0);
	sqlite3 *db = lock(rig);
	acknowledge(rig, 1);
	acknowledge(rig, 2);
	wait_ms(rig, 5000);
	assert_int_equal(count(rig).sent, 0);
	unlock(db);
	wait_ms(rig, 2000);
	assert_int_equal(count(rig).sent, 2);
	acknowledge(rig, 3);
	wait_ms(rig, 200);
	assert_int_equal(count(rig).pending, 0);
	expect_sent(rig, 0); /* none went twice */
}

static void test_acknowledgements_that_do_not_fit_are_sent_again(void **state)
{
	struct rig *rig = *state;

	rig->on.site.mqtt.window = 100;
	commit_many(rig, 101);
	connect_again(rig);
	sqlite3 *db = lock(rig);
	for (int64_t id = 1; id <= 101; id++) {
		acknowledge(rig, id);
	}
	assert_int_equal(rig->connection.n_sent, 101);
	rig->connection.n_sent = 0;
	unlock(db);
	wait_ms(rig, 2000);
	assert_int_equal(count(rig).sent, 1);
	assert_int_equal(rig->connection.n_sent, 100);
	for (int64_t id = 1; id <= 100; id++) {
		acknowledge(rig, id);
	}
	assert_int_equal(count(rig).sent, 101);
}

static void test_a_row_that_cannot_be_parked_is_not_lost(void **state)
{
	struct rig *rig = *state;

	commit(rig, "a");
	connect_again(rig);
	expect_sent(rig, 1, 0);
	sqlite3 *db = lock(rig);
	refuse(rig, 1, BAD_TOPIC);
	expect_sent(rig, 1, 0);
	refuse(rig, 1, NOT_NOW); /* the reason cannot be stored either */
	wait_ms(rig, 1000);
	expect_sent(rig, 1, 0);
	unlock(db);
	refuse(rig, 1, BAD_TOPIC);
	assert_int_equal(count(rig).parked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_presence_goes_first_then_rows_then_states, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_rows_go_before_those_that_waited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_receive_maximum_bounds_everything_in_flight, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_states_leave_a_quarter_free_for_alarms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_the_library_does_not_take_now_goes_a_second_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_the_library_never_takes_is_parked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_acknowledgements_are_recorded_within_200_ms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_hundred_acknowledgements_are_recorded_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_lost_connection_sends_again_what_was_in_flight, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_rows_that_are_asked_for_again_wait_for_those_in_flight, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_row_that_is_refused_for_now_holds_back_those_behind_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_new_row_does_not_overtake_one_that_is_due, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_waiting_is_reported_after_a_minute_and_its_end_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_missing_right_sets_the_topic_aside_and_it_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_parked_rows_that_somebody_released_are_not_tried, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_row_that_is_refused_for_good_is_parked_and_the_others_flow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_held_row_that_is_refused_for_good_frees_those_behind_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_new_connection_tries_what_was_parked_for_want_of_a_right, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_row_that_is_too_large_waits_for_another_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_may_wait_pauses_after_a_refusal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_states_that_are_too_large_are_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_means_of_one_period_are_acknowledged_before_the_next_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_means_that_are_refused_go_again_after_a_pause, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_means_that_the_library_does_not_take, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_means_leave_the_window_to_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_poison_message_is_found_and_parked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_connection_that_we_end_parks_no_row, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_short_connections_hold_back_states, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_acknowledgements_that_cannot_be_recorded_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_acknowledgements_that_do_not_fit_are_sent_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_row_that_cannot_be_parked_is_not_lost, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
