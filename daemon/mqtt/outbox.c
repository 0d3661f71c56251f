#include "daemon/mqtt/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "common/log.h"
#include "daemon/mqtt/outbox_internal.h"
#include "daemon/store/alarm.h"

#define FIRST_RETRY_MS 1000
#define LAST_RETRY_MS 300000
#define FIRST_RIVAL_MS 2000
/* Acknowledged messages are marked so within this time: one write for many. Who is killed before sends them again. */
#define DONE_WITHIN_MS 200
#define DAY_NS 86400000000000LL

static void on_patience(void *context)
{
	struct outbox *o = context;
	size_t n = outbox_all_in_flight(o);

	if (n > 0 && o->connected) {
		log_warning("broker %s: %zu messages unacknowledged for %d s; connecting anew", outbox_broker_name(o),
			n, o->context->site->mqtt.keepalive_s);
		mqtt_abort(o->mqtt);
	}
}

static void note_done(struct outbox *o, int64_t id)
{
	if (o->n_done == 0) {
		loop_set_timer(o->marking, DONE_WITHIN_MS * 1000000LL);
	}
	o->done[o->n_done++] = id;
	if (o->n_done == MAX_WINDOW) {
		outbox_mark_done(o);
	}
}

static void on_marking(void *context)
{
	outbox_mark_done(context);
	outbox_go_on(context);
}

/* ---- what became of messages ---- */

/* The row's flight has ended; false when it was not on its way. */
static bool take_flight(struct outbox *o, int64_t id, struct flight *ret_flight)
{
	size_t i = 0;

	while (i < o->in_flight && o->flights[i].id != id) {
		i++;
	}
	if (i == o->in_flight) {
		return false;
	}
	*ret_flight = o->flights[i];
	o->flights[i] = o->flights[--o->in_flight];
	return true;
}

static void row_acknowledged(struct outbox *o, int64_t id, bool no_subscriber)
{
	struct flight flight;

	if (!take_flight(o, id, &flight)) {
		return;
	}
	poison_taken(&o->poison);
	bool aside = hold_aside(&o->hold, flight.topic) != NULL;
	if (hold_settled(&o->hold, id)) {
		o->again = true;
		if (aside && store_outbox_release_topic(o->store, flight.topic) < 0) {
			log_error("the parked messages of %s cannot be released: %s", flight.topic,
				store_error(o->store));
		}
		if (hold_is_empty(&o->hold)) {
			log_info("broker %s: takes messages again", outbox_broker_name(o));
		}
	}
	note_done(o, id);
	if (no_subscriber && !o->warned_no_subscriber) {
		log_warning("broker %s: took message %lld, but nobody is subscribed to it", outbox_broker_name(o),
			(long long)id);
	}
	o->warned_no_subscriber = no_subscriber;
}

static void on_acknowledged(void *context, int64_t token, bool no_subscriber)
{
	struct outbox *o = context;

	if (!o->served) {
		o->served = true;
		backoff_reset(&o->backoff);
	}
	if (token == ONLINE_TOKEN) {
		o->online_in_flight = false;
		poison_proven(&o->poison);
	} else if (token >= STATE_TOKEN) {
		state_feed_settled(o->states, (size_t)(token - STATE_TOKEN));
		o->optional_delay_ms = 0;
	} else if (token < 0) {
		mean_feed_settled(o->means, token);
		o->optional_delay_ms = 0;
	} else {
		row_acknowledged(o, token, no_subscriber);
	}
	outbox_restart_patience(o);
	outbox_go_on(o);
}

static void on_refused(void *context, int64_t token, int code, const char *reason)
{
	struct outbox *o = context;
	struct flight flight;

	if (token == ONLINE_TOKEN) {
		log_warning("broker %s: refused the online message: %s", outbox_broker_name(o), reason);
		poison_proven(&o->poison); /* it lives */
		o->online_in_flight = false;
		o->online_wanted = refusal_of(code) == REFUSAL_OF_CLIENT;
		outbox_delay_optional(o);
	} else if (token >= STATE_TOKEN) {
		outbox_state_refused(o, (size_t)(token - STATE_TOKEN), code, reason);
	} else if (token < 0) {
		mean_feed_refused(o->means, reason);
		outbox_delay_optional(o);
	} else if (take_flight(o, token, &flight)) {
		outbox_row_refused(o, &flight, code, reason);
	}
	outbox_restart_patience(o);
	outbox_go_on(o);
}

static void on_requested(void *context, const struct mqtt_request *request)
{
	struct outbox *o = context;

	if (request->presence) {
		outbox_take_presence(o, request);
		return;
	}
	outbox_mark_done(o); /* or what is asked for again would be marked afterwards */
	struct resend_answer answer = resend_take(&o->resend, request, clock_real_mono_ms());

	if (answer.payload &&
		mqtt_message_size(answer.topic, answer.payload) + request->n_correlation + 8 <= o->terms.largest) {
		/* A reply that is lost is asked for again. */
		(void)mqtt_reply(o->mqtt, request, answer.topic, answer.payload);
	}
	free(answer.payload);
	if (answer.again > 0) {
		log_info("the bureau asked for %lld messages again", (long long)answer.again);
		outbox_again(o);
	}
}

static void on_io(void *context, int fd, uint32_t events)
{
	struct outbox *o = context;

	(void)fd;
	(void)events;
	mqtt_dispatch(o->mqtt);
}

/* ---- life ---- */

static void name_run(char *run)
{
	uint64_t random = 0;

	(void)!getrandom(&random, sizeof(random), 0); /* of so few bytes it gives all */
	snprintf(run, RUN_SIZE, "%016llx", (unsigned long long)random);
}

/* 0, or -1 with a sentence in error. */
static int open_way(struct outbox *o, char *error, size_t size)
{
	const struct message_context *context = o->context;
	const struct mqtt_handler bound = { outbox_on_connected, outbox_on_lost, on_acknowledged, on_refused,
		on_requested, o };
	char topic[TOPIC_SIZE], client_id[MQTT_CLIENT_ID_SIZE];

	message_online_topic(context, topic);
	snprintf(client_id, sizeof(client_id), "emisd-%s", context->site->id);
	char *will = message_online(context, false, store_next_seq(o->store) - 1, o->run);
	o->mqtt = will ? mqtt_create(&context->site->mqtt, client_id, topic, will, &bound, error, size) : NULL;
	free(will);
	o->io = o->mqtt ? loop_add_io(o->loop, mqtt_fd(o->mqtt), EPOLLIN, on_io, o) : NULL;
	o->retry = loop_add_timer(o->loop, outbox_on_retry, o);
	o->patience = loop_add_timer(o->loop, on_patience, o);
	o->marking = loop_add_timer(o->loop, on_marking, o);
	o->later = loop_add_timer(o->loop, outbox_on_later, o);
	o->daily = loop_add_timer(o->loop, outbox_on_daily, o);
	if (!o->io || !o->retry || !o->patience || !o->marking || !o->later || !o->daily) {
		return -1;
	}
	loop_set_timer(o->retry, 0);
	loop_set_timer(o->daily, DAY_NS);
	return 0;
}

struct outbox *outbox_create(const struct message_context *context, struct store *store, struct loop *loop,
	const struct outbox_handler *handler, char *error, size_t size)
{
	struct outbox *o = calloc(1, sizeof(*o));

	snprintf(error, size, "out of memory");
	if (!o) {
		return NULL;
	}
	o->context = context;
	o->store = store;
	o->loop = loop;
	o->handler = *handler;
	name_run(o->run);
	resend_init(&o->resend, context, store);
	backoff_init(&o->backoff, FIRST_RETRY_MS, LAST_RETRY_MS);
	backoff_init(&o->rivalry, FIRST_RIVAL_MS, LAST_RETRY_MS);
	backoff_init(&o->unmarkable, 1, 1);
	o->means = mean_feed_create(context, store);
	o->states = state_feed_create(handler->n_states + 1);
	if (!o->means || !o->states || (context->site->mqtt.n_brokers > 0 && open_way(o, error, size) < 0)) {
		(void)outbox_finish(o, 0);
		return NULL;
	}
	return o;
}

void outbox_periods_closed(struct outbox *o)
{
	mean_feed_wake(o->means);
	outbox_wake(o);
}

void outbox_again(struct outbox *o)
{
	o->again = true;
	outbox_wake(o);
}

void outbox_publish_states(struct outbox *o)
{
	for (size_t i = 0; i < o->handler.n_states; i++) {
		state_feed_want(o->states, i);
	}
	outbox_go_on(o);
}

void outbox_publish_health(struct outbox *o)
{
	state_feed_want(o->states, o->handler.n_states);
	outbox_go_on(o);
}

void outbox_get_status(struct outbox *o, struct outbox_status *ret_status)
{
	static const char *const states[] = {
		[MQTT_WAITING] = "waiting", [MQTT_CONNECTING] = "connecting", [MQTT_CONNECTED] = "connected"
	};
	struct outbox_status status = { .broker = outbox_broker_name(o), .error = o->error };

	status.state = o->mqtt ? states[mqtt_get_state(o->mqtt)] : "off";
	if (store_outbox_count(o->store, &status.counts) < 0) {
		log_error("the outbox cannot be counted: %s", store_error(o->store));
	}
	*ret_status = status;
}

bool outbox_finish(struct outbox *o, int timeout_ms)
{
	char topic[TOPIC_SIZE];

	if (!o) {
		return true;
	}
	o->finishing = true;
	if (o->mqtt) {
		char *offline = message_online(o->context, false, store_next_seq(o->store) - 1, o->run);
		message_online_topic(o->context, topic);
		if (offline) {
			mqtt_finish(o->mqtt, topic, offline, timeout_ms);
		}
		free(offline);
		outbox_mark_done(o);
	}
	loop_remove_io(o->io);
	loop_remove_timer(o->retry);
	loop_remove_timer(o->patience);
	loop_remove_timer(o->marking);
	loop_remove_timer(o->later);
	loop_remove_timer(o->daily);
	bool quiet = mqtt_destroy(o->mqtt);
	mean_feed_destroy(o->means);
	state_feed_destroy(o->states);
	free(o);
	return quiet;
}
