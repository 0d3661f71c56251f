/* test_peer.c - in which manner a broker is connected to, after what it did before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/mqtt/peer.h"

#define DAY 86400000

static const struct mqtt_conf conf = { .version = 5, .keepalive_s = 120 };
static const struct mqtt_terms plain = { .version = 3, .at_once = 65535, .highest_qos = 2 };
static const struct mqtt_terms good = { .version = 5, .at_once = 20, .highest_qos = 2 };

static void test_a_broker_that_refuses_version_5(void **state)
{
	struct peer peer = { 0 };

	(void)state;
	struct mqtt_manner manner = peer_manner(&peer, &conf, 0);
	assert_int_equal(manner.version, 5);
	assert_true(peer_failed(&peer, &manner, MQTT_LOSS_VERSION, 0));
	manner = peer_manner(&peer, &conf, 0);
	assert_int_equal(manner.version, 3);
	assert_false(peer_connected(&peer, &manner, &plain));
	assert_false(peer_failed(&peer, &manner, MQTT_LOSS_OTHER, 1000)); /* a restart of it */
	assert_int_equal(peer_manner(&peer, &conf, 2000).version, 3);
	assert_false(peer_wants_v5(&peer, DAY - 1));
	assert_true(peer_wants_v5(&peer, DAY));
	manner = peer_manner(&peer, &conf, DAY);
	assert_int_equal(manner.version, 5); /* daily */
	assert_false(peer_connected(&peer, &manner, &good));
	assert_int_equal(peer_manner(&peer, &conf, DAY + 1).version, 5);
}

static void test_no_answer_to_either_version(void **state)
{
	struct peer peer = { 0 };

	(void)state;
	for (int64_t now = 0; now < 10000; now += 1000) {
		struct mqtt_manner manner = peer_manner(&peer, &conf, now);
		assert_int_equal(manner.version, 5);
		assert_true(peer_failed(&peer, &manner, MQTT_LOSS_NO_ANSWER, now));
		manner = peer_manner(&peer, &conf, now);
		assert_int_equal(manner.version, 3);
		assert_false(peer_failed(&peer, &manner, MQTT_LOSS_NO_ANSWER, now)); /* the next broker's turn */
	}
}

static void test_nobody_listens_says_nothing_of_the_version(void **state)
{
	struct peer peer = { 0 };
	struct mqtt_manner manner = peer_manner(&peer, &conf, 0);

	(void)state;
	assert_false(peer_failed(&peer, &manner, MQTT_LOSS_OTHER, 0));
	assert_int_equal(peer_manner(&peer, &conf, 1).version, 5);
}

static void test_the_keepalive_of_the_broker(void **state)
{
	static const struct {
		unsigned demanded;
		int interval;
		bool anew;
	} cases[] = { { 0, 40, false }, { 1, 1, true }, { 2, 1, true }, { 10, 5, true }, { 79, 39, true },
		{ 80, 40, false }, { 65535, 40, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer peer = { 0 };
		struct mqtt_manner manner = peer_manner(&peer, &conf, 0);
		struct mqtt_terms terms = good;
		terms.keepalive_s = cases[i].demanded;
		assert_int_equal(peer_connected(&peer, &manner, &terms), cases[i].anew);
		manner = peer_manner(&peer, &conf, 0);
		assert_int_equal(manner.keepalive_s, cases[i].interval);
		assert_false(peer_connected(&peer, &manner, &terms)); /* once is enough */
		terms.keepalive_s = 0;                                /* the broker says nothing when ours is shorter */
		assert_false(peer_connected(&peer, &manner, &terms));
		assert_int_equal(peer_manner(&peer, &conf, 0).keepalive_s, cases[i].interval);
	}
}

/* MQTT 3.1.1 has no code for a keepalive that is too long: Mosquitto says "identifier rejected". */
static void test_a_keepalive_that_3_1_1_cannot_name(void **state)
{
	const struct mqtt_conf old = { .version = 3, .keepalive_s = 120 };
	struct peer peer = { 0 };
	int tries = 0;

	(void)state;
	struct mqtt_manner manner = peer_manner(&peer, &old, 0);
	while (peer_failed(&peer, &manner, MQTT_LOSS_IDENTIFIER, 0)) {
		struct mqtt_manner next = peer_manner(&peer, &old, 0);
		assert_true(next.keepalive_s < manner.keepalive_s);
		manner = next;
		assert_true(++tries < 10);
	}
	assert_true(manner.keepalive_s <= 5);
	assert_int_equal(peer_manner(&peer, &old, 0).keepalive_s, 40); /* it was really the identifier */
}

static void test_brokers_that_cannot_be_used(void **state)
{
	struct mqtt_terms terms = good;

	(void)state;
	assert_null(peer_refusal(&terms));
	terms.highest_qos = 0;
	assert_non_null(peer_refusal(&terms));
	terms = good;
	terms.at_once = 0;
	assert_non_null(peer_refusal(&terms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_broker_that_refuses_version_5),
		cmocka_unit_test(test_no_answer_to_either_version),
		cmocka_unit_test(test_nobody_listens_says_nothing_of_the_version),
		cmocka_unit_test(test_the_keepalive_of_the_broker),
		cmocka_unit_test(test_a_keepalive_that_3_1_1_cannot_name),
		cmocka_unit_test(test_brokers_that_cannot_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
