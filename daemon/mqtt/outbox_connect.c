/* outbox_connect.c - the connection of the outbox: which broker, in which manner, and after which pause. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "daemon/mqtt/outbox_internal.h"

#define FIRST_RETRY_MS 1000
#define NO_RIGHT "%(reason 0x87)%" /* as mqtt_callbacks.c writes it */
#define STEADY_MS 900000           /* a connection that stood so long was not fought over */
#define DAY_NS 86400000000000LL

static struct peer *peer_of(struct outbox *o)
{
	return &o->peers[o->broker];
}

/* ---- attempts ---- */

static void schedule_retry(struct outbox *o)
{
	int64_t delay = backoff_next(&o->backoff);

	delay = o->rival && o->rivalry.delay_ms > delay ? o->rivalry.delay_ms : delay;
	loop_set_timer(o->retry, backoff_jitter(delay) * 1000000);
}

void outbox_on_retry(void *context)
{
	struct outbox *o = context;

	o->manner = peer_manner(peer_of(o), &o->context->site->mqtt, clock_real_mono_ms());
	o->rival = false;
	if (mqtt_connect(o->mqtt, o->broker, &o->manner) < 0) {
		schedule_retry(o);
	}
}

/* The next broker in order; from the first after a connection that served, for the standby ones are that. */
static void choose_broker(struct outbox *o)
{
	size_t n = o->context->site->mqtt.n_brokers;

	o->broker = o->served ? 0 : (o->broker + 1) % n;
	if (!o->served && o->broker != 0) {
		loop_set_timer(o->retry, backoff_jitter(FIRST_RETRY_MS) * 1000000);
	} else {
		schedule_retry(o);
	}
}

/* ---- a connection ---- */

/* True when we end the connection at once: the broker cannot be used, or only in another manner. */
static bool turns_away(struct outbox *o, const struct mqtt_terms *terms)
{
	bool anew = peer_connected(peer_of(o), &o->manner, terms);

	o->verdict = peer_refusal(terms);
	if (!o->verdict && !anew) {
		return false;
	}
	if (!o->verdict) {
		log_info("broker %s: demands a keepalive of %u s; connecting anew with a ping each %d s",
			outbox_broker_name(o), terms->keepalive_s,
			peer_manner(peer_of(o), &o->context->site->mqtt, clock_real_mono_ms()).keepalive_s);
		o->anew = true;
	}
	mqtt_abort(o->mqtt);
	return true;
}

/* What was parked was refused under other terms: it is tried once more. NULL: only what was refused for want of a
 * right. */
static void release_parked(struct outbox *o, const char *why)
{
	int64_t n = why ? store_outbox_release(o->store) : store_outbox_release_reason(o->store, NO_RIGHT);

	why = why ? why : "a new connection may have the right to them";
	if (n < 0) {
		log_error("the parked messages cannot be tried again: %s", store_error(o->store));
	} else if (n > 0) {
		log_info("%lld parked messages are tried again: %s", (long long)n, why);
		o->again = true;
	}
}

static bool same_terms(const struct mqtt_terms *a, const struct mqtt_terms *b)
{
	return a->version == b->version && a->largest == b->largest && a->at_once == b->at_once &&
		a->highest_qos == b->highest_qos && a->keepalive_s == b->keepalive_s &&
		a->topic_aliases == b->topic_aliases && a->no_retain == b->no_retain;
}

static void subscribe(struct outbox *o)
{
	char topic[TOPIC_SIZE];

	message_resend_topic(o->context, topic);
	if (!mqtt_subscribe(o->mqtt, topic)) {
		log_warning("broker %s: requests to send again cannot be subscribed to", outbox_broker_name(o));
	}
	message_online_topic(o->context, topic);
	(void)mqtt_subscribe(o->mqtt, topic); /* it only tells of another gateway with our name */
}

void outbox_on_connected(void *context, const struct mqtt_terms *terms)
{
	struct outbox *o = context;
	bool met = peer_of(o)->met;

	o->connected = true;
	o->served = false;
	o->connected_ms = clock_real_mono_ms();
	o->terms = *terms;
	if (turns_away(o, terms)) {
		return;
	}
	log_info("broker %s: connected%s", outbox_broker_name(o),
		terms->version == 5 ? "" : " with MQTT 3.1.1, which does not say when it refuses a message");
	poison_connected(&o->poison, o->connected_ms);
	o->error[0] = '\0';
	outbox_start_over(o, store_outbox_newest(o->store) + 1);
	hold_reset(&o->hold);
	o->optional_ms = o->optional_delay_ms = 0;
	if (!met || !same_terms(terms, &o->known)) {
		release_parked(o, met ? "the broker announces other properties" : "a broker that is new to this run");
	} else {
		release_parked(o, NULL);
	}
	o->known = *terms;
	if (peer_of(o)->plain) {
		int64_t left = peer_of(o)->v5_again_ms - o->connected_ms;
		loop_set_timer(o->daily, (left > 0 ? left : 1) * 1000000);
	}
	mean_feed_connected(o->means);
	o->online_wanted = true;
	subscribe(o);
	state_feed_want_all(o->states);
	outbox_wake(o);
}

/* ---- another gateway with our name ---- */

static void tell_rival(struct outbox *o)
{
	char words[200];

	o->rival = true;
	snprintf(words, sizeof(words),
		"session taken over: another gateway uses the id emisd-%s; give each its own site.id",
		o->context->site->id);
	log_warning("broker %s: %s", outbox_broker_name(o), words);
	o->handler.rival(o->handler.context, words);
}

void outbox_take_presence(struct outbox *o, const struct mqtt_request *request)
{
	char run[RUN_SIZE];
	bool named = !request->too_long && message_online_run(request->payload, request->size, run);

	/* The first one of a broker may be retained since our own last run. */
	if (named && strcmp(run, o->run) != 0 && !o->rival && peer_of(o)->heard) {
		tell_rival(o);
	}
	peer_of(o)->heard = true;
}

/* ---- the end of a connection ---- */

/* What the end of a connection says of the messages that it took along. */
static void suspect(struct outbox *o)
{
	unsigned found = poison_lost(&o->poison, o->in_flight, clock_real_mono_ms());

	if (found & FOUND_CULPRIT) {
		outbox_count_refusal(o, o->flights[0].id, "the broker ends the connection whenever it is sent");
	}
	if (found & FOUND_CAREFUL) {
		log_warning("broker %s: it ended %u connections with messages unacknowledged; sending them one by one",
			outbox_broker_name(o), o->poison.unanswered);
	}
	if (found & FOUND_QUIET) {
		log_warning("broker %s: it ended %u connections at once; no states and means for a while",
			outbox_broker_name(o), o->poison.short_lived);
	}
}

static void forget_flights(struct outbox *o)
{
	o->in_flight = 0;
	o->online_in_flight = false;
	o->again = false;
	state_feed_lost(o->states);
}

/* True when another manner is tried at once. */
static bool try_otherwise(struct outbox *o, const struct mqtt_loss *loss)
{
	if (o->connected || !peer_failed(peer_of(o), &o->manner, loss->kind, clock_real_mono_ms())) {
		return false;
	}
	if (backoff_worth_a_line(&o->backoff)) {
		log_warning("broker %s: %s; %s", outbox_broker_name(o), loss->reason,
			loss->kind == MQTT_LOSS_IDENTIFIER
				? "the keepalive may be too long for it: trying a shorter one"
				: "it seems to speak no MQTT 5: trying 3.1.1, and 5 again within a day");
	}
	loop_set_timer(o->retry, 0);
	return true;
}

/* Two gateways that throw each other out do so ever more slowly. */
static void give_way(struct outbox *o, const struct mqtt_loss *loss)
{
	if (loss->kind == MQTT_LOSS_TAKEN_OVER && !o->rival) {
		tell_rival(o);
	}
	if (clock_real_mono_ms() - o->connected_ms >= STEADY_MS) {
		backoff_reset(&o->rivalry);
	}
	if (o->rival) {
		(void)backoff_next(&o->rivalry);
	}
}

void outbox_on_lost(void *context, const struct mqtt_loss *loss)
{
	struct outbox *o = context;
	const char *lost = outbox_broker_name(o);
	const char *reason = o->verdict ? o->verdict : loss->reason;
	bool ours = o->verdict || o->anew; /* we ended it */

	if (o->connected && !ours && !o->rival && loss->kind != MQTT_LOSS_BROKER_BUSY) {
		suspect(o);
	}
	forget_flights(o);
	o->verdict = NULL;
	if (o->finishing) {
		return;
	}
	if (o->anew || try_otherwise(o, loss)) {
		if (o->anew) {
			loop_set_timer(o->retry, 0);
		}
		o->anew = o->connected = false;
		return;
	}
	if (o->connected) {
		give_way(o, loss);
	}
	snprintf(o->error, sizeof(o->error), "%s%s", reason,
		o->rival ? "; session taken over: another gateway uses our id" : "");
	choose_broker(o);
	o->connected = o->served = false;
	if (o->backoff.failures == 0 || backoff_worth_a_line(&o->backoff)) {
		int64_t delay = o->rival && o->rivalry.delay_ms > o->backoff.delay_ms ? o->rivalry.delay_ms
										      : o->backoff.delay_ms;
		log_warning("broker %s: %s; attempt %u, trying %s within %lld s", lost, o->error, o->backoff.failures,
			outbox_broker_name(o), (long long)delay * 5 / 4 / 1000 + 1);
	}
}

/* ---- days, and the first minutes after MQTT 5 failed ---- */

void outbox_on_daily(void *context)
{
	struct outbox *o = context;

	loop_set_timer(o->daily, DAY_NS);
	release_parked(o, "a day has passed");
	if (o->connected && peer_wants_v5(peer_of(o), clock_real_mono_ms())) {
		o->anew = true;
		mqtt_abort(o->mqtt);
		return;
	}
	outbox_wake(o);
}
