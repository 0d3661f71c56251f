/* test_connection.c - which broker is connected to, when and how, and what the end of a connection says; over an MQTT
 * library, timers and a clock that this test holds in its hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "daemon/mqtt/connection.h"
#include "tests/unit/store_rig.h"

#define START_MS 1000000
#define DAY_LENGTH_MS 86400000
#define KEEPALIVE_S 30

/* ---- what connection.c stands on ---- */

struct mqtt {
	struct mqtt_handler handler;
	enum mqtt_state state;
	size_t broker;
	struct mqtt_manner manner;
	unsigned connects;
	unsigned aborts;
	unsigned subscriptions;
	bool fails; /* the library refuses everything */
	bool said_goodbye;
};

struct loop_timer {
	void (*callback)(void *context);
	void *context;
	int64_t due_ms; /* INT64_MAX = not set */
};

static struct {
	int64_t now_ms;
	struct mqtt mqtt;
	struct loop_timer timers[16];
	size_t n_timers;
} world;

int64_t __wrap_clock_real_mono_ms(void);
int64_t __wrap_clock_real_mono_ms(void)
{
	return world.now_ms;
}

int64_t __wrap_backoff_jitter(int64_t ms);
int64_t __wrap_backoff_jitter(int64_t ms)
{
	return ms;
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
	timer->due_ms = world.now_ms + ns / 1000000;
}

void loop_remove_timer(struct loop_timer *timer)
{
	(void)timer;
}

struct loop_io *loop_add_io(struct loop *loop, int fd, uint32_t events,
	void (*callback)(void *context, int fd, uint32_t events), void *context)
{
	(void)loop;
	(void)fd;
	(void)events;
	(void)callback;
	return context; /* never looked into */
}

void loop_remove_io(struct loop_io *io)
{
	(void)io;
}

struct mqtt *mqtt_create(const struct mqtt_setup *setup, char *error, size_t size)
{
	assert_string_equal(setup->client_id, "emisd-test");
	assert_non_null(strstr(setup->will_payload, "\"online\":false"));
	assert_string_equal(setup->will_topic, "emis/1/test/online");
	if (world.mqtt.fails) {
		snprintf(error, size, "the reason");
		return NULL;
	}
	world.mqtt.handler = setup->handler;
	return &world.mqtt;
}

int mqtt_fd(const struct mqtt *mqtt)
{
	(void)mqtt;
	return -1;
}

void mqtt_dispatch(struct mqtt *mqtt)
{
	(void)mqtt;
}

enum mqtt_state mqtt_get_state(const struct mqtt *mqtt)
{
	return mqtt->state;
}

int mqtt_connect(struct mqtt *mqtt, size_t broker, const struct mqtt_manner *manner)
{
	assert_int_equal(mqtt->state, MQTT_WAITING);
	if (mqtt->fails) {
		return -1;
	}
	mqtt->state = MQTT_CONNECTING;
	mqtt->broker = broker;
	mqtt->manner = *manner;
	mqtt->connects++;
	return 0;
}

bool mqtt_subscribe(struct mqtt *mqtt, const char *topic)
{
	(void)topic;
	mqtt->subscriptions++;
	return !mqtt->fails;
}

enum mqtt_handed mqtt_publish(struct mqtt *mqtt, int64_t token, const char *topic, const char *payload, bool retained)
{
	(void)token;
	(void)topic;
	(void)payload;
	(void)retained;
	return mqtt->fails ? MQTT_LATER : MQTT_HANDED;
}

bool mqtt_reply(struct mqtt *mqtt, const struct mqtt_request *request, const char *topic, const char *payload)
{
	(void)request;
	(void)topic;
	(void)payload;
	return !mqtt->fails;
}

void mqtt_abort(struct mqtt *mqtt)
{
	mqtt->aborts++;
}

void mqtt_finish(struct mqtt *mqtt, const char *topic, const char *payload, int timeout_ms)
{
	(void)timeout_ms;
	assert_string_equal(topic, "emis/1/test/online");
	mqtt->said_goodbye = strstr(payload, "\"online\":false") != NULL;
}

bool mqtt_destroy(struct mqtt *mqtt)
{
	(void)mqtt;
	return true;
}

/* ---- the rig ---- */

struct rig {
	struct store_rig on;
	struct message_context context;
	struct presence presence;
	struct connection *connection;
	unsigned ups, downs, suspicious, acknowledged, refused, requests, rivals, days;
	enum connection_news news;
};

static void on_up(void *context, enum connection_news news)
{
	struct rig *rig = context;

	rig->ups++;
	rig->news = news;
	assert_true(connection_may_send(rig->connection));
}

static void on_down(void *context, bool suspicious)
{
	struct rig *rig = context;

	rig->downs++;
	rig->suspicious += suspicious;
}

static void on_acknowledged(void *context, int64_t token, bool no_subscriber)
{
	struct rig *rig = context;

	(void)token;
	(void)no_subscriber;
	rig->acknowledged++;
}

static void on_refused(void *context, int64_t token, int code, const char *reason)
{
	struct rig *rig = context;

	(void)token;
	(void)code;
	(void)reason;
	rig->refused++;
}

static void on_requested(void *context, const struct mqtt_request *request)
{
	struct rig *rig = context;

	(void)request;
	rig->requests++;
}

static void on_rival(void *context, const char *words)
{
	struct rig *rig = context;

	assert_non_null(strstr(words, "emisd-test"));
	rig->rivals++;
}

static void on_day_passed(void *context)
{
	struct rig *rig = context;

	rig->days++;
}

static struct connection *create(struct rig *rig, char *error, size_t size)
{
	const struct connection_setup setup = { .site = &rig->on.site,
		.presence = &rig->presence,
		.handler = {
			on_up, on_down, on_acknowledged, on_refused, on_requested, on_rival, on_day_passed, rig } };

	return connection_create(&setup, error, size);
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char error[200];

	assert_non_null(rig);
	memset(&world, 0, sizeof(world));
	world.now_ms = START_MS;
	store_rig_set_up(&rig->on);
	struct mqtt_conf *mqtt = &rig->on.site.mqtt;
	mqtt->version = 5;
	mqtt->keepalive_s = KEEPALIVE_S;
	mqtt->n_brokers = 3;
	snprintf(mqtt->brokers[0], sizeof(mqtt->brokers[0]), "mqtt://first");
	snprintf(mqtt->brokers[1], sizeof(mqtt->brokers[1]), "mqtt://second");
	snprintf(mqtt->brokers[2], sizeof(mqtt->brokers[2]), "mqtt://third");
	rig->context = (struct message_context){ &rig->on.site, &rig->on.clock };
	store_rig_open(&rig->on);
	presence_init(&rig->presence, &rig->context, rig->on.store);
	rig->connection = create(rig, error, sizeof(error));
	assert_non_null(rig->connection);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	assert_true(connection_destroy(rig->connection));
	store_rig_tear_down(&rig->on);
	free(rig);
	return 0;
}

/* Time passes up to the next timer of all, which fires; how long that took. */
static int64_t fire_next(void)
{
	struct loop_timer *next = &world.timers[0];

	for (size_t i = 1; i < world.n_timers; i++) {
		next = world.timers[i].due_ms < next->due_ms ? &world.timers[i] : next;
	}
	int64_t waited = next->due_ms - world.now_ms;
	assert_true(next->due_ms != INT64_MAX && waited >= 0);
	world.now_ms = next->due_ms;
	next->due_ms = INT64_MAX;
	next->callback(next->context);
	return waited;
}

/* The same up to the next attempt. */
static int64_t wait_for_attempt(void)
{
	int64_t from = world.now_ms;

	while (world.mqtt.state == MQTT_WAITING) {
		(void)fire_next();
	}
	return world.now_ms - from;
}

static const struct mqtt_terms good = { .version = 5, .largest = SIZE_MAX, .at_once = 20, .highest_qos = 2 };

static void connected(const struct mqtt_terms *terms)
{
	struct mqtt *mqtt = &world.mqtt;

	assert_int_equal(mqtt->state, MQTT_CONNECTING);
	mqtt->state = MQTT_CONNECTED;
	mqtt->handler.connected(mqtt->handler.context, terms);
}

static void lost(enum mqtt_loss_kind kind)
{
	struct mqtt *mqtt = &world.mqtt;
	const struct mqtt_loss loss = { kind, "the reason" };

	mqtt->state = MQTT_WAITING;
	mqtt->handler.lost(mqtt->handler.context, &loss);
}

static void acknowledge(struct rig *rig)
{
	assert_int_equal(connection_publish(rig->connection, 1, "a", "{}", false), MQTT_HANDED);
	world.mqtt.handler.acknowledged(world.mqtt.handler.context, 1, false);
}

/* A presence message of our own run, or of another one. */
static void hear_presence(struct rig *rig, const char *run)
{
	struct mqtt_request request = { .presence = true };
	char *payload = message_online(&rig->context, true, 1, run ? run : rig->presence.run);

	assert_non_null(payload);
	request.size = strlen(payload);
	memcpy(request.payload, payload, request.size);
	free(payload);
	world.mqtt.handler.requested(world.mqtt.handler.context, &request);
}

/* ---- brokers and pauses ---- */

static void test_connects_at_once_and_tells_what_is_new(void **state)
{
	struct rig *rig = *state;
	struct mqtt_terms other = good;

	rig->on.site.mqtt.n_brokers = 1;
	assert_string_equal(connection_state_name(rig->connection), "waiting");
	assert_int_equal(fire_next(), 0);
	assert_string_equal(connection_state_name(rig->connection), "connecting");
	assert_false(connection_may_send(rig->connection));
	connected(&good);
	assert_true(rig->ups == 1 && rig->news == CONNECTION_NEW_BROKER && world.mqtt.subscriptions == 2);
	assert_string_equal(connection_state_name(rig->connection), "connected");
	assert_string_equal(connection_error(rig->connection), "");
	lost(MQTT_LOSS_OTHER);
	assert_string_equal(connection_error(rig->connection), "the reason");
	fire_next();
	connected(&good);
	assert_int_equal(rig->news, CONNECTION_SAME_TERMS);
	lost(MQTT_LOSS_OTHER);
	fire_next();
	other.topic_aliases = 5;
	connected(&other);
	assert_int_equal(rig->news, CONNECTION_OTHER_TERMS);
}

static void test_brokers_are_tried_in_order_and_the_first_after_one_that_served(void **state)
{
	struct rig *rig = *state;

	fire_next();
	lost(MQTT_LOSS_OTHER);
	assert_string_equal(connection_broker_name(rig->connection), "mqtt://second");
	assert_int_equal(fire_next(), 1000);
	assert_int_equal(world.mqtt.broker, 1);
	connected(&good);
	acknowledge(rig);
	lost(MQTT_LOSS_OTHER);
	assert_string_equal(connection_broker_name(rig->connection), "mqtt://first");
	fire_next();
	connected(&good); /* serves nothing */
	lost(MQTT_LOSS_OTHER);
	assert_string_equal(connection_broker_name(rig->connection), "mqtt://second");
	fire_next();
	lost(MQTT_LOSS_OTHER);
	assert_string_equal(connection_broker_name(rig->connection), "mqtt://third");
}

static void test_the_pause_grows_until_a_connection_served(void **state)
{
	struct rig *rig = *state;
	int64_t pause = 0;

	rig->on.site.mqtt.n_brokers = 1;
	fire_next();
	for (int i = 0; i < 12; i++) {
		connected(&good); /* a CONNACK says little */
		lost(MQTT_LOSS_OTHER);
		int64_t longer = fire_next();
		assert_true(longer == pause * 2 || longer == 300000 || pause == 0);
		pause = longer;
	}
	assert_int_equal(pause, 300000);
	connected(&good);
	acknowledge(rig);
	lost(MQTT_LOSS_OTHER);
	assert_int_equal(fire_next(), 1000);
}

static void test_a_library_that_cannot_connect_is_tried_again(void **state)
{
	(void)state;
	world.mqtt.fails = true;
	fire_next();
	assert_int_equal(world.mqtt.connects, 0);
	world.mqtt.fails = false;
	assert_int_equal(fire_next(), 1000);
	assert_int_equal(world.mqtt.connects, 1);
}

/* ---- manners ---- */

static void test_an_unusable_broker_is_left_for_the_next(void **state)
{
	struct rig *rig = *state;
	const struct mqtt_terms unusable = { .version = 5, .largest = SIZE_MAX, .at_once = 20, .highest_qos = 0 };

	fire_next();
	connected(&unusable);
	assert_true(rig->ups == 0 && world.mqtt.aborts == 1 && !connection_may_send(rig->connection));
	lost(MQTT_LOSS_OTHER);
	assert_non_null(strstr(connection_error(rig->connection), "QoS"));
	assert_string_equal(connection_broker_name(rig->connection), "mqtt://second");
	assert_int_equal(rig->suspicious, 0);
	fire_next();
	lost(MQTT_LOSS_OTHER); /* the next one gives a reason of its own */
	assert_string_equal(connection_error(rig->connection), "the reason");
}

static void test_a_shorter_keepalive_is_heeded_by_a_new_connection(void **state)
{
	struct rig *rig = *state;
	struct mqtt_terms demanding = good;

	demanding.keepalive_s = 8;
	fire_next();
	assert_int_equal(world.mqtt.manner.keepalive_s, 10);
	connected(&demanding);
	assert_true(rig->ups == 0 && world.mqtt.aborts == 1);
	lost(MQTT_LOSS_OTHER);
	assert_int_equal(fire_next(), 0);
	assert_true(world.mqtt.broker == 0 && world.mqtt.manner.keepalive_s == 4);
	connected(&demanding);
	assert_true(rig->ups == 1 && rig->suspicious == 0);
}

static void test_a_broker_without_mqtt_5_gets_3_1_1_at_once_and_5_again_daily(void **state)
{
	struct rig *rig = *state;
	const struct mqtt_terms old = { .version = 3, .largest = SIZE_MAX, .at_once = 65535, .highest_qos = 2 };

	fire_next();
	lost(MQTT_LOSS_VERSION);
	assert_int_equal(fire_next(), 0);
	assert_true(world.mqtt.broker == 0 && world.mqtt.manner.version == 3);
	connected(&old);
	assert_int_equal(rig->ups, 1);
	assert_int_equal(fire_next(), DAY_LENGTH_MS);
	assert_true(rig->days == 1 && world.mqtt.aborts == 1 && !connection_may_send(rig->connection));
	lost(MQTT_LOSS_OTHER);
	assert_int_equal(rig->suspicious, 0);
	assert_int_equal(fire_next(), 0);
	assert_true(world.mqtt.broker == 0 && world.mqtt.manner.version == 5);
	connected(&good);
	assert_int_equal(fire_next(), DAY_LENGTH_MS);
	assert_true(rig->days == 2 && world.mqtt.aborts == 1); /* no reason to connect again */
}

static void test_an_identifier_that_is_rejected_may_be_the_keepalive(void **state)
{
	struct rig *rig = *state;

	rig->on.site.mqtt.version = 3;
	fire_next();
	assert_true(world.mqtt.manner.version == 3 && world.mqtt.manner.keepalive_s == 10);
	lost(MQTT_LOSS_IDENTIFIER);
	assert_int_equal(fire_next(), 0);
	assert_true(world.mqtt.broker == 0 && world.mqtt.manner.keepalive_s == 5);
	lost(MQTT_LOSS_IDENTIFIER);
	assert_string_equal(connection_broker_name(rig->connection), "mqtt://second");
}

/* ---- messages in flight ---- */

static void test_a_broker_that_leaves_messages_unacknowledged_is_left(void **state)
{
	struct rig *rig = *state;

	fire_next();
	connected(&good);
	for (int64_t token = 1; token <= 2; token++) {
		assert_int_equal(connection_publish(rig->connection, token, "a", "{}", false), MQTT_HANDED);
	}
	world.now_ms += 20000;
	world.mqtt.handler.refused(world.mqtt.handler.context, 1, 0x97, "no");
	assert_true(rig->refused == 1 && connection_in_flight(rig->connection) == 1);
	assert_int_equal(fire_next(), KEEPALIVE_S * 1000); /* counted from the last answer */
	assert_int_equal(world.mqtt.aborts, 1);
	lost(MQTT_LOSS_OTHER);
	assert_true(rig->suspicious == 1 && connection_in_flight(rig->connection) == 0);
}

static void test_without_messages_in_flight_the_connection_stays(void **state)
{
	struct rig *rig = *state;

	fire_next();
	connected(&good);
	acknowledge(rig);
	assert_int_equal(fire_next(), KEEPALIVE_S * 1000);
	assert_true(world.mqtt.aborts == 0 && connection_in_flight(rig->connection) == 0);
	world.mqtt.fails = true;
	assert_int_equal(connection_publish(rig->connection, 2, "a", "{}", false), MQTT_LATER);
	assert_int_equal(connection_in_flight(rig->connection), 0);
}

static void test_which_end_is_suspicious(void **state)
{
	static const struct {
		const char *rule;
		enum mqtt_loss_kind kind;
		unsigned suspicious;
	} cases[] = {
		{ "a broker that hangs up may do so because of a message", MQTT_LOSS_OTHER, 1 },
		{ "one that shuts down does not", MQTT_LOSS_BROKER_BUSY, 0 },
		{ "another gateway with our name is the reason itself", MQTT_LOSS_TAKEN_OVER, 0 },
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fire_next();
		connected(&good);
		rig->suspicious = 0;
		lost(cases[i].kind);
		if (rig->suspicious != cases[i].suspicious) {
			fail_msg("%s", cases[i].rule);
		}
	}
	fire_next();
	rig->suspicious = 0;
	lost(MQTT_LOSS_OTHER); /* an attempt */
	assert_int_equal(rig->suspicious, 0);
}

/* ---- another gateway with our name ---- */

static void test_a_presence_message_of_another_run_is_a_rival(void **state)
{
	struct rig *rig = *state;

	fire_next();
	connected(&good);
	hear_presence(rig, "0123456789abcdef"); /* retained since our last run, perhaps */
	assert_int_equal(rig->rivals, 0);
	hear_presence(rig, NULL);
	assert_int_equal(rig->rivals, 0);
	hear_presence(rig, "0123456789abcdef");
	hear_presence(rig, "0123456789abcdef");
	assert_int_equal(rig->rivals, 1);
	lost(MQTT_LOSS_OTHER);
	assert_int_equal(rig->suspicious, 0);
	assert_non_null(strstr(connection_error(rig->connection), "another gateway uses our id"));
	assert_int_equal(rig->requests, 0);
}

static void test_two_gateways_give_way_ever_longer(void **state)
{
	struct rig *rig = *state;
	int64_t pause = 1000;

	rig->on.site.mqtt.n_brokers = 1;
	fire_next();
	for (int i = 0; i < 5; i++) {
		connected(&good);
		acknowledge(rig); /* a connection that served: the usual pause is 1 s */
		lost(MQTT_LOSS_TAKEN_OVER);
		int64_t waited = wait_for_attempt();
		assert_int_equal(waited, pause * 2);
		pause = waited;
	}
	assert_int_equal(rig->rivals, 5);
	connected(&good);
	acknowledge(rig);
	(void)fire_next();      /* patience; nothing was in flight */
	world.now_ms += 900000; /* nobody threw us out for long */
	lost(MQTT_LOSS_TAKEN_OVER);
	assert_int_equal(wait_for_attempt(), 2000);
}

/* ---- life ---- */

static void test_the_end_of_the_daemon_is_no_loss(void **state)
{
	struct rig *rig = *state;
	const struct mqtt_request request = { .size = 0 };

	fire_next();
	connected(&good);
	world.mqtt.handler.requested(world.mqtt.handler.context, &request);
	assert_true(rig->requests == 1 && connection_reply(rig->connection, &request, "a", "{}"));
	connection_finish(rig->connection, 500);
	assert_true(world.mqtt.said_goodbye && !connection_may_send(rig->connection));
	lost(MQTT_LOSS_OTHER);
	assert_true(rig->downs == 1 && rig->suspicious == 0);
	assert_string_equal(connection_error(rig->connection), "");
}

static void test_without_a_broker_nothing_is_published(void **state)
{
	struct rig *rig = *state;
	char error[200];

	rig->on.site.mqtt.n_brokers = 0;
	rig->on.site.mqtt.brokers[0][0] = '\0';
	struct connection *none = create(rig, error, sizeof(error));
	assert_non_null(none);
	assert_string_equal(connection_state_name(none), "off");
	assert_string_equal(connection_broker_name(none), "");
	assert_false(connection_may_send(none));
	connection_finish(none, 500);
	assert_true(connection_destroy(none));
	assert_true(connection_destroy(NULL));
	rig->on.site.mqtt.n_brokers = 1;
	world.mqtt.fails = true;
	assert_null(create(rig, error, sizeof(error)));
	assert_string_equal(error, "the reason");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_connects_at_once_and_tells_what_is_new, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_brokers_are_tried_in_order_and_the_first_after_one_that_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_pause_grows_until_a_connection_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_library_that_cannot_connect_is_tried_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_unusable_broker_is_left_for_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_shorter_keepalive_is_heeded_by_a_new_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_broker_without_mqtt_5_gets_3_1_1_at_once_and_5_again_daily, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_an_identifier_that_is_rejected_may_be_the_keepalive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_broker_that_leaves_messages_unacknowledged_is_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_without_messages_in_flight_the_connection_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_which_end_is_suspicious, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_presence_message_of_another_run_is_a_rival, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_gateways_give_way_ever_longer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_end_of_the_daemon_is_no_loss, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_a_broker_nothing_is_published, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
