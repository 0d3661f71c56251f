#include "daemon/mqtt/optional.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/text.h"
#include "daemon/base/clock.h"
#include "daemon/mqtt/hold.h"
#include "daemon/mqtt/mean_feed.h"
#include "daemon/mqtt/state_feed.h"

#define STATE_WINDOW 8 /* states in flight at once: few, so that alarms do not wait behind them */
#define STATES_A_TURN 64
#define FIRST_PAUSE_MS 1000
#define LAST_PAUSE_MS 60000

enum presence_state { PRESENCE_NONE, PRESENCE_DUE, PRESENCE_IN_FLIGHT };

struct optional {
	struct connection *connection;
	const struct presence *presence;
	struct optional_source source;
	struct mean_feed *means;
	struct state_feed *states; /* the source's, and behind them the health */
	enum presence_state presence_state;
	int64_t pause_until_ms;
	int64_t pause_ms;      /* the last one; 0 = the broker refused none since it took one */
	size_t states_dropped; /* not published, since all states were published or dropped */
	char states_reason[160];
};

struct optional *optional_create(const struct optional_setup *setup)
{
	struct optional *o = calloc(1, sizeof(*o));

	if (!o) {
		return NULL;
	}
	o->connection = setup->connection;
	o->presence = setup->presence;
	o->source = setup->source;
	o->means = mean_feed_create(setup->context, setup->store);
	o->states = state_feed_create(setup->source.n_states + 1);
	if (!o->means || !o->states) {
		optional_destroy(o);
		return NULL;
	}
	return o;
}

void optional_destroy(struct optional *optional)
{
	if (optional) {
		mean_feed_destroy(optional->means);
		state_feed_destroy(optional->states);
		free(optional);
	}
}

bool optional_has_token(int64_t token)
{
	return token <= PRESENCE_TOKEN || token >= STATE_TOKEN;
}

void optional_connected(struct optional *o)
{
	o->pause_until_ms = o->pause_ms = 0;
	o->presence_state = PRESENCE_DUE;
	mean_feed_connected(o->means);
	state_feed_want_all(o->states);
}

void optional_lost(struct optional *o)
{
	o->presence_state = PRESENCE_NONE;
	state_feed_lost(o->states);
}

void optional_want_states(struct optional *o)
{
	for (size_t i = 0; i < o->source.n_states; i++) {
		state_feed_want(o->states, i);
	}
}

void optional_want_health(struct optional *o)
{
	state_feed_want(o->states, o->source.n_states);
}

void optional_periods_closed(struct optional *o)
{
	mean_feed_wake(o->means);
}

/* ---- room and pauses ---- */

/* A quarter of what the broker takes at once stays free for alarms. */
static bool has_room(const struct optional *o)
{
	unsigned at_once = connection_terms(o->connection)->at_once;

	return connection_in_flight(o->connection) < at_once - at_once / 4;
}

static bool is_paused(const struct optional *o)
{
	return clock_real_mono_ms() < o->pause_until_ms;
}

static void start_pause(struct optional *o)
{
	int64_t longer = o->pause_ms * 2;

	if (is_paused(o)) {
		return; /* the message was sent before the first refusal came */
	}
	o->pause_ms = o->pause_ms == 0 ? FIRST_PAUSE_MS : longer < LAST_PAUSE_MS ? longer : LAST_PAUSE_MS;
	o->pause_until_ms = clock_real_mono_ms() + o->pause_ms;
}

int64_t optional_pause_until_ms(const struct optional *o)
{
	return o->pause_until_ms;
}

void optional_end_pause(struct optional *o)
{
	if (!is_paused(o)) {
		mean_feed_unblock(o->means);
	}
}

bool optional_has_states(const struct optional *o)
{
	return state_feed_waiting(o->states) > 0;
}

/* ---- presence ---- */

bool optional_send_presence(struct optional *o)
{
	const struct mqtt_terms *terms = connection_terms(o->connection);
	char topic[TOPIC_SIZE];
	bool fits = true;

	if (o->presence_state != PRESENCE_DUE || connection_in_flight(o->connection) >= terms->at_once ||
		is_paused(o)) {
		return true;
	}
	char *online = presence_message(o->presence, true, topic);
	if (online && mqtt_message_size(topic, online) > terms->largest) {
		o->presence_state = PRESENCE_NONE;
		fits = false;
	} else if (online && connection_publish(o->connection, PRESENCE_TOKEN, topic, online, true) == MQTT_HANDED) {
		o->presence_state = PRESENCE_IN_FLIGHT;
	}
	free(online);
	return fits;
}

/* ---- means ---- */

/* False when the library takes no more now. */
static bool send_mean(struct optional *o, const struct mean_message *m)
{
	size_t size = mqtt_message_size(m->topic, m->payload), largest = connection_terms(o->connection)->largest;

	if (size > largest) {
		log_warning("%s: skipped: the message has %zu bytes, the broker takes at most %zu", m->topic, size,
			largest);
		mean_feed_settle(o->means, m->token);
		return true;
	}
	switch (connection_publish(o->connection, m->token, m->topic, m->payload, false)) {
	case MQTT_HANDED:
		return true;
	case MQTT_LATER:
		mean_feed_put_back(o->means);
		return false;
	case MQTT_NEVER:
		mean_feed_settle(o->means, m->token);
		return true;
	}
	return true;
}

static bool send_means(struct optional *o, size_t most)
{
	struct mean_message m;

	while (!is_paused(o) && mean_feed_in_flight(o->means) < most && has_room(o) && mean_feed_next(o->means, &m)) {
		if (!send_mean(o, &m)) {
			return false;
		}
	}
	return true;
}

/* ---- states ---- */

static void drop_state(struct optional *o, size_t index, const char *reason)
{
	state_feed_settle(o->states, index);
	o->states_dropped++;
	(void)text_copy(o->states_reason, sizeof(o->states_reason), reason); /* its beginning is enough */
}

/* False when the library takes no more now. */
static bool send_state(struct optional *o, size_t index)
{
	size_t largest = connection_terms(o->connection)->largest;
	char topic[TOPIC_SIZE] = "", reason[96];
	char *payload = o->source.state(o->source.context, index, topic);
	size_t size = payload ? mqtt_message_size(topic, payload) : 0;
	enum mqtt_handed handed = MQTT_NEVER;

	if (!payload) {
		drop_state(o, index, "out of memory");
	} else if (size > largest) {
		snprintf(reason, sizeof(reason), "the message has %zu bytes, the broker takes at most %zu", size,
			largest);
		drop_state(o, index, reason);
	} else {
		handed = connection_publish(o->connection, STATE_TOKEN + (int64_t)index, topic, payload, true);
		if (handed == MQTT_NEVER) {
			drop_state(o, index, "the topic is not UTF-8");
		}
	}
	free(payload);
	if (handed == MQTT_LATER) {
		state_feed_put_back(o->states, index);
	}
	return handed != MQTT_LATER;
}

static bool send_states(struct optional *o)
{
	bool taking = true;
	size_t index;

	/* Bounded: a round of states that are all dropped would hold up the main loop. */
	for (int i = 0; taking && i < STATES_A_TURN && !is_paused(o) && has_room(o) &&
		state_feed_in_flight(o->states) < STATE_WINDOW && state_feed_next(o->states, &index);
		i++) {
		taking = send_state(o, index);
	}
	if (o->states_dropped > 0 && state_feed_waiting(o->states) == 0 && state_feed_in_flight(o->states) == 0) {
		log_warning("broker %s: %zu states are not published: %s", connection_broker_name(o->connection),
			o->states_dropped, o->states_reason);
		o->states_dropped = 0;
	}
	return taking;
}

bool optional_send(struct optional *o, size_t most_means)
{
	bool means_taken = send_means(o, most_means);

	return send_states(o) && means_taken;
}

/* ---- answers of the broker ---- */

void optional_acknowledged(struct optional *o, int64_t token)
{
	if (token == PRESENCE_TOKEN) {
		o->presence_state = PRESENCE_NONE;
		return;
	}
	if (token >= STATE_TOKEN) {
		state_feed_settle(o->states, (size_t)(token - STATE_TOKEN));
	} else {
		mean_feed_settle(o->means, token);
	}
	o->pause_ms = 0;
}

void optional_refused(struct optional *o, int64_t token, int code, const char *reason)
{
	size_t index = (size_t)(token - STATE_TOKEN);
	bool passes = hold_refusal_of(code) == REFUSAL_OF_CLIENT;

	if (token == PRESENCE_TOKEN) {
		log_warning("broker %s: refused the online message: %s", connection_broker_name(o->connection), reason);
		o->presence_state = passes ? PRESENCE_DUE : PRESENCE_NONE;
		start_pause(o);
	} else if (token < 0) {
		mean_feed_refused(o->means, reason);
		start_pause(o);
	} else if (passes) {
		state_feed_put_back(o->states, index);
		start_pause(o);
	} else {
		drop_state(o, index, reason); /* until it is to be published again, which is soon */
	}
}
