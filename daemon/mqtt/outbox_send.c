/* outbox_send.c - what the outbox hands to the broker, and when: rows, then means, then states. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "daemon/mqtt/outbox_internal.h"
#include "daemon/store/alarm.h"

#define MAX_REFUSALS 4 /* of a row for which the broker ends the connection; then it is parked with the reason */
#define AGAIN_MS 1000
#define STATES_A_TURN 64
#define TELL_AFTER_MS 60000 /* that rows are held back */
#define FIRST_OPTIONAL_MS 1000
#define LAST_OPTIONAL_MS 60000

/* No other event would restart sending. */
static void try_again_soon(struct outbox *o)
{
	loop_set_timer(o->marking, AGAIN_MS * 1000000LL);
}

/* ---- how much may be on its way ---- */

static size_t window_of(const struct outbox *o)
{
	return poison_window(&o->poison, o->context->site->mqtt.window);
}

/* A broker says how many it takes at once (Receive Maximum). */
static bool has_room_for_row(const struct outbox *o)
{
	return o->in_flight < window_of(o) && outbox_all_in_flight(o) < o->terms.at_once;
}

/* A quarter of what the broker takes at once stays free for alarms. */
static bool has_room_for_optional(const struct outbox *o)
{
	return outbox_all_in_flight(o) < o->terms.at_once - o->terms.at_once / 4;
}

static bool optional_goes(const struct outbox *o)
{
	int64_t now = clock_real_mono_ms();

	return !poison_quiet(&o->poison, now) && now >= o->optional_ms;
}

void outbox_delay_optional(struct outbox *o)
{
	int64_t longer = o->optional_delay_ms * 2;
	int64_t now = clock_real_mono_ms();

	if (now < o->optional_ms) {
		return; /* sent before the first refusal came */
	}
	o->optional_delay_ms = o->optional_delay_ms == 0 ? FIRST_OPTIONAL_MS
		: longer < LAST_OPTIONAL_MS              ? longer
							 : LAST_OPTIONAL_MS;
	o->optional_ms = now + o->optional_delay_ms;
}

/* ---- rows that are not taken ---- */

void outbox_park(struct outbox *o, int64_t id, const char *reason)
{
	log_error("message %lld is parked: %s", (long long)id, reason);
	if (store_outbox_park(o->store, id, clock_utc(o->context->clock), reason) < 0) {
		log_error("message %lld cannot be parked: %s", (long long)id, store_error(o->store));
		o->again = true; /* it is still pending */
	}
	o->handler.parked(o->handler.context, id, reason);
}

void outbox_count_refusal(struct outbox *o, int64_t id, const char *reason)
{
	int refusals = store_outbox_refused(o->store, id, reason);

	if (refusals < 0) {
		log_error("message %lld was refused (%s), and that cannot be noted: %s", (long long)id, reason,
			store_error(o->store));
	} else if (refusals >= MAX_REFUSALS) {
		outbox_park(o, id, reason);
	} else {
		o->again = true;
	}
}

static void tell_waiting(struct outbox *o, const char *reason)
{
	o->told_waiting = true;
	o->handler.waiting(o->handler.context, reason);
}

/* The row stays pending; its reason is for emisctl outbox. */
static void note_reason(struct outbox *o, int64_t id, const char *reason)
{
	if (store_outbox_wait(o->store, id, reason) < 0) {
		log_error("why message %lld waits cannot be noted: %s", (long long)id, store_error(o->store));
	}
}

void outbox_row_refused(struct outbox *o, const struct flight *flight, int code, const char *reason)
{
	enum refusal refusal = refusal_of(code);
	int64_t now = clock_real_mono_ms();
	bool first = hold_is_empty(&o->hold);

	if (refusal == REFUSAL_FOR_GOOD) {
		o->again |= hold_settled(&o->hold, flight->id);
		outbox_park(o, flight->id, reason);
		return;
	}
	o->n_passed_over++;
	bool was_aside = hold_aside(&o->hold, flight->topic) != NULL;
	const struct refused refused = { flight->topic, flight->id, refusal, reason };
	if (!hold_refused(&o->hold, &refused, now) || was_aside) {
		return; /* a parked one that was tried stays so */
	}
	if (hold_aside(&o->hold, flight->topic)) {
		outbox_park(o, flight->id, reason);
		o->again = true; /* those behind it are parked, too */
		return;
	}
	note_reason(o, flight->id, reason);
	if (first) {
		log_warning("broker %s: refuses message %lld: %s; it waits, with what is behind it, and is tried again",
			outbox_broker_name(o), (long long)flight->id, reason);
	}
	if (now - o->hold.since_ms >= TELL_AFTER_MS) {
		tell_waiting(o, reason);
	}
}

/* A message that this connection cannot take is not sent on it; the next one may take more. */
static void pass_over_large(struct outbox *o, int64_t id, size_t size)
{
	char reason[96];

	snprintf(reason, sizeof(reason), "%zu bytes are more than the %zu that the broker takes", size,
		o->terms.largest);
	o->n_passed_over++;
	note_reason(o, id, reason);
	if (!o->told_waiting) {
		log_warning("broker %s: message %lld waits: %s", outbox_broker_name(o), (long long)id, reason);
		tell_waiting(o, reason);
	}
}

/* ---- rows ---- */

void outbox_start_over(struct outbox *o, int64_t live_from)
{
	outbox_mark_done(o);
	o->live_from = live_from;
	o->live = (struct region){ .last = live_from - 1 };
	o->backlog = (struct region){ .last = 0 };
	o->n_passed_over = 0;
	o->again = false;
}

/* False when paho takes no more. */
static bool publish_row(struct outbox *o, const struct outbox_row *row)
{
	switch (mqtt_publish(o->mqtt, row->id, row->topic, row->payload, false)) {
	case MQTT_HANDED:
		break;
	case MQTT_LATER:
		hold_withdraw(&o->hold, row->id);
		return false;
	case MQTT_NEVER:
		o->again |= hold_settled(&o->hold, row->id);
		outbox_park(o, row->id, "its topic is not UTF-8: MQTT cannot carry it");
		return true;
	}
	struct flight *flight = &o->flights[o->in_flight++];
	flight->id = row->id;
	(void)text_copy(flight->topic, sizeof(flight->topic), row->topic); /* of the same size */
	return true;
}

/* Hands one row over, or passes it over when it has to wait or is parked. False when paho takes no more. */
static bool hand_row(struct outbox *o, const struct outbox_row *row)
{
	size_t size = mqtt_message_size(row->topic, row->payload);

	if (size > o->terms.largest) {
		pass_over_large(o, row->id, size);
		return true;
	}
	const char *aside = hold_aside(&o->hold, row->topic);
	if (aside) {
		outbox_park(o, row->id, aside);
		return true;
	}
	if (!hold_admits(&o->hold, row->topic, row->id, clock_real_mono_ms())) {
		o->n_passed_over++;
		return true;
	}
	return publish_row(o, row);
}

/* Of topics that are set aside the oldest message is tried, although it is parked. */
static void try_parked(struct outbox *o)
{
	const char *topic;

	while (has_room_for_row(o) && (topic = hold_due_topic(&o->hold, clock_real_mono_ms())) != NULL) {
		struct outbox_row row = { 0 };
		int n = store_outbox_parked_first(o->store, topic, &row);
		if (n == 0) {
			hold_forget(&o->hold, topic); /* somebody released them */
			continue;
		}
		if (n < 0) {
			log_error("the outbox cannot be read: %s", store_error(o->store));
			try_again_soon(o);
			return;
		}
		hold_try(&o->hold, row.topic, row.id);
		bool handed = row.payload && publish_row(o, &row);
		free(row.payload);
		if (!handed) {
			hold_withdraw(&o->hold, row.id);
			try_again_soon(o);
			return;
		}
	}
}

/* While everything is held, one message is tried when its time has come, and none is read before. */
static bool all_held(const struct outbox *o)
{
	const struct held *all = &o->hold.all;

	return all->refusals > 0 && (all->trying != 0 || clock_real_mono_ms() < all->until_ms);
}

/* Hands over pending rows behind r->last and before `before`, as far as the window has room. */
static void hand_region(struct outbox *o, struct region *r, int64_t before)
{
	struct outbox_row rows[MAX_WINDOW];
	bool taking = true;

	while (taking && !r->exhausted && has_room_for_row(o) && !all_held(o)) {
		int n = store_outbox_pending(o->store, r->last, before, rows, window_of(o) - o->in_flight);
		if (n < 0) {
			log_error("the outbox cannot be read: %s", store_error(o->store));
			try_again_soon(o);
			return;
		}
		r->exhausted = n == 0; /* fewer than asked for may be all that there was memory for */
		for (int i = 0; i < n; i++) {
			taking = taking && has_room_for_row(o) && hand_row(o, &rows[i]);
			r->last = taking ? rows[i].id : r->last;
			free(rows[i].payload);
		}
		if (!taking && has_room_for_row(o)) {
			try_again_soon(o);
		}
	}
}

static void hand_rows(struct outbox *o)
{
	if (o->again && o->in_flight > 0) {
		return; /* wait for acknowledgements in flight; resending now would duplicate them */
	}
	if (o->again) {
		outbox_start_over(o, o->live_from);
	}
	try_parked(o);
	hand_region(o, &o->live, INT64_MAX);
	if (o->in_flight * 2 <= window_of(o)) { /* some at a time, and not each for itself */
		hand_region(o, &o->backlog, o->live_from);
	}
	bool all_sent = o->live.exhausted && o->backlog.exhausted && o->in_flight == 0 && !o->again;
	if (o->told_waiting && all_sent && o->n_passed_over == 0) {
		o->told_waiting = false;
		o->handler.waiting(o->handler.context, NULL);
	}
}

/* ---- what may wait ---- */

static void hand_online(struct outbox *o)
{
	char topic[TOPIC_SIZE];

	if (!o->online_wanted || o->online_in_flight || outbox_all_in_flight(o) >= o->terms.at_once ||
		clock_real_mono_ms() < o->optional_ms) {
		return;
	}
	char *online = message_online(o->context, true, store_next_seq(o->store) - 1, o->run);
	message_online_topic(o->context, topic);
	if (online && mqtt_message_size(topic, online) > o->terms.largest) {
		o->online_wanted = false;
		poison_proven(&o->poison); /* nothing harmless fits that broker: go on without */
	} else if (online && mqtt_publish(o->mqtt, ONLINE_TOKEN, topic, online, true) == MQTT_HANDED) {
		o->online_in_flight = true;
		o->online_wanted = false;
	}
	free(online);
}

static void hand_means(struct outbox *o)
{
	struct mean_message m;

	while (optional_goes(o) && o->in_flight + mean_feed_in_flight(o->means) < window_of(o) &&
		has_room_for_optional(o) && mean_feed_next(o->means, &m)) {
		if (mqtt_message_size(m.topic, m.payload) > o->terms.largest) {
			log_warning("%s: %zu bytes are more than the broker takes; passed over", m.topic,
				strlen(m.payload));
			mean_feed_settled(o->means, m.token);
			continue;
		}
		enum mqtt_handed handed = mqtt_publish(o->mqtt, m.token, m.topic, m.payload, false);
		if (handed == MQTT_LATER) {
			mean_feed_put_back(o->means);
			try_again_soon(o);
			return;
		}
		if (handed == MQTT_NEVER) {
			mean_feed_settled(o->means, m.token);
		}
	}
}

static void drop_state(struct outbox *o, size_t index, const char *reason)
{
	state_feed_settled(o->states, index);
	o->states_refused++;
	(void)text_copy(o->states_reason, sizeof(o->states_reason), reason); /* shortened words are words enough */
}

void outbox_state_refused(struct outbox *o, size_t index, int code, const char *reason)
{
	enum refusal refusal = refusal_of(code);

	if (refusal == REFUSAL_OF_CLIENT) {
		state_feed_put_back(o->states, index);
		outbox_delay_optional(o);
		return;
	}
	drop_state(o, index, reason); /* until the next round: no state of the plant stays the same for long */
}

/* False when no more can be handed over now. */
static bool hand_state(struct outbox *o)
{
	char topic[TOPIC_SIZE] = "", reason[96];
	size_t index;

	if (!state_feed_next(o->states, &index)) {
		return false;
	}
	char *payload = o->handler.state(o->handler.context, index, topic);
	size_t size = payload ? mqtt_message_size(topic, payload) : 0;
	enum mqtt_handed handed = MQTT_NEVER;
	if (!payload) {
		drop_state(o, index, "out of memory");
	} else if (size > o->terms.largest) {
		snprintf(reason, sizeof(reason), "%zu bytes are more than the %zu that the broker takes", size,
			o->terms.largest);
		drop_state(o, index, reason);
	} else {
		handed = mqtt_publish(o->mqtt, STATE_TOKEN + (int64_t)index, topic, payload, true);
		if (handed == MQTT_NEVER) {
			drop_state(o, index, "its topic is not UTF-8");
		}
	}
	free(payload);
	if (handed == MQTT_LATER) {
		state_feed_put_back(o->states, index);
		try_again_soon(o);
	}
	return handed != MQTT_LATER;
}

static void hand_states(struct outbox *o)
{
	/* Bounded, or a round of states that are all dropped would hold up the loop. */
	for (int i = 0; i < STATES_A_TURN && optional_goes(o) && has_room_for_optional(o) &&
		state_feed_in_flight(o->states) < STATE_WINDOW && hand_state(o);
		i++) {
	}
	if (state_feed_waiting(o->states) == 0 && state_feed_in_flight(o->states) == 0 && o->states_refused > 0) {
		log_warning("broker %s: %zu states are not published: %s", outbox_broker_name(o), o->states_refused,
			o->states_reason);
		o->states_refused = 0;
	}
}

/* ---- all ---- */

/* When something that is held back is due, wakes us; whatever else happens wakes us, too. */
static void arm_later(struct outbox *o)
{
	int64_t now = clock_real_mono_ms(), next = hold_next(&o->hold);

	if (now < o->optional_ms && o->optional_ms < next) {
		next = o->optional_ms;
	}
	if (now < o->poison.quiet_until_ms && o->poison.quiet_until_ms < next) {
		next = o->poison.quiet_until_ms;
	}
	if (state_feed_waiting(o->states) > 0 && outbox_all_in_flight(o) == 0 && optional_goes(o)) {
		next = now; /* all of this turn were dropped: no acknowledgement comes */
	}
	if (next != INT64_MAX) {
		loop_set_timer(o->later, (next > now ? next - now : 1) * 1000000);
	}
}

void outbox_on_later(void *context)
{
	struct outbox *o = context;

	if (hold_next(&o->hold) <= clock_real_mono_ms()) {
		o->again = true; /* what was passed over lies behind the regions */
	}
	if (clock_real_mono_ms() >= o->optional_ms) {
		mean_feed_unblock(o->means);
	}
	outbox_go_on(o);
}

void outbox_go_on(struct outbox *o)
{
	bool was_idle = outbox_all_in_flight(o) == 0;

	if (!o->mqtt || !o->connected || o->verdict || o->anew || mqtt_get_state(o->mqtt) != MQTT_CONNECTED) {
		return;
	}
	hand_online(o);
	hand_rows(o);
	hand_means(o);
	hand_states(o);
	arm_later(o);
	if (was_idle) {
		outbox_restart_patience(o);
	}
}

void outbox_wake(struct outbox *o)
{
	o->live.exhausted = false;
	outbox_go_on(o);
}
