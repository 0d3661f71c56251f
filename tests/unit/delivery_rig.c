#include "tests/unit/delivery_rig.h"
#include "daemon/store/alarm.h"

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

/* ---- what delivery.c stands on ---- */

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

int rig_set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	memset(&world, 0, sizeof(world));
	world.now_ms = RIG_START_MS;
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

int rig_tear_down(void **state)
{
	struct rig *rig = *state;

	delivery_destroy(rig->delivery);
	optional_destroy(rig->optional);
	store_rig_tear_down(&rig->on);
	free(rig);
	return 0;
}

/* Commits a row; rows have ids from 1. */
void rig_commit_long(struct rig *rig, const char *topic, const char *payload)
{
	struct store_alarm alarm = { .raised = true, .rule = "disk-low", .outlet = GATEWAY };

	snprintf(alarm.id, sizeof(alarm.id), "alarm %zu", ++rig->n_rows);
	assert_int_equal(store_commit_alarm(rig->on.store, &alarm, "raised", topic, payload), 0);
}

void rig_commit(struct rig *rig, const char *topic)
{
	rig_commit_long(rig, topic, "{}");
}

void rig_commit_many(struct rig *rig, size_t n)
{
	while (n-- > 0) {
		rig_commit(rig, "a");
	}
}

struct outbox_counts rig_count(struct rig *rig)
{
	struct outbox_counts counts;

	assert_int_equal(store_outbox_count(rig->on.store, &counts), 0);
	return counts;
}

void rig_acknowledge(struct rig *rig, int64_t token)
{
	rig->connection.in_flight--;
	delivery_acknowledged(rig->delivery, token, token == 3); /* nobody is subscribed to row 3: a line of the log */
}

void rig_refuse(struct rig *rig, int64_t token, int code)
{
	char reason[32];

	snprintf(reason, sizeof(reason), "no (reason 0x%02X)", (unsigned)code);
	rig->connection.in_flight--;
	delivery_refused(rig->delivery, token, code, reason);
}

/* The broker answers presence, states and what else may wait, and only then rows. */
void rig_answer_optional(struct rig *rig)
{
	struct connection *c = &rig->connection;
	size_t kept = 0;

	for (size_t i = 0; i < c->n_sent; i++) {
		if (optional_has_token(c->sent[i])) {
			rig_acknowledge(rig, c->sent[i]); /* sends more, behind the last one */
		} else {
			c->sent[kept++] = c->sent[i];
		}
	}
	c->n_sent = kept;
}

void rig_connect_with(struct rig *rig, enum connection_news news)
{
	rig->connection.up = true;
	rig->connection.n_sent = 0;
	delivery_connection_up(rig->delivery, news);
	rig_answer_optional(rig);
}

void rig_connect_again(struct rig *rig)
{
	rig_connect_with(rig, CONNECTION_SAME_TERMS);
}

void rig_disconnect(struct rig *rig, bool suspicious)
{
	rig->connection.up = false;
	rig->connection.in_flight = 0;
	delivery_connection_down(rig->delivery, suspicious);
}

/* Time passes; timers fire. */
void rig_wait_ms(struct rig *rig, int64_t ms)
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
void rig_expect_sent(struct rig *rig, ...)
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

int64_t rig_now_ms(void)
{
	return world.now_ms;
}

void rig_keep_busy(int64_t ms)
{
	world.now_ms += ms;
}

sqlite3 *rig_lock(struct rig *rig)
{
	char path[96];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/state.db", rig->on.folder);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	world.tick_ms = 50;
	return db;
}

void rig_unlock(sqlite3 *db)
{
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	world.tick_ms = 0;
}
