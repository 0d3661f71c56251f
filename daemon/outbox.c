#include "daemon/outbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "common/text.h"
#include "daemon/backoff.h"
#include "daemon/mean_feed.h"
#include "daemon/out_mqtt.h"
#include "daemon/resend.h"
#include "daemon/suspicion.h"

#define FIRST_RETRY_MS 1000
#define LAST_RETRY_MS 300000
#define MAX_REFUSALS 4 /* then the row is parked with the reason */
#define MAX_WINDOW 100
#define ONLINE_TOKEN 0 /* of the word that we are here; rows have ids from 1 */
/* Acknowledged messages are marked so within this time: one write for many. Who is killed before sends them again. */
#define DONE_WITHIN_MS 200
#define AGAIN_MS 1000

/* Pending rows that lie together. */
struct region {
	int64_t last;   /* highest id of those handed to this connection */
	bool exhausted; /* nothing is behind it */
};

struct outbox {
	const struct message_context *context;
	struct store *store;
	struct loop *loop;
	struct mqtt *mqtt; /* NULL when no broker is configured */
	struct loop_io *io;
	struct loop_timer *retry;
	struct loop_timer *patience;
	struct loop_timer *marking;
	struct mean_feed *means;
	struct outbox_handler handler;
	struct backoff backoff;
	struct resend resend;
	struct suspicion suspicion;
	size_t broker; /* of the configuration's: in use, or tried next */
	size_t in_flight;
	int64_t alone;     /* the row in flight, when there is only one */
	int64_t live_from; /* what was queued after the connection was made goes first: ids from here on */
	struct region live;
	struct region backlog; /* the older ones */
	size_t n_done;
	int64_t done[MAX_WINDOW]; /* acknowledged and not marked so yet */
	char error[128];
	bool connected;
	bool unmarked; /* more than fit could not be: they go again once the store takes a mark */
	bool again;    /* there are pending rows behind live and backlog: to be handed over from the start */
	bool warned_no_subscriber;
	bool finishing;
};

static const char *broker_name(const struct outbox *o)
{
	return o->context->site->mqtt.brokers[o->broker];
}

static void schedule_retry(struct outbox *o)
{
	loop_set_timer(o->retry, backoff_jitter(backoff_next(&o->backoff)) * 1000000);
}

static void on_retry(void *context)
{
	struct outbox *o = context;

	if (mqtt_connect(o->mqtt, o->broker) < 0) {
		schedule_retry(o);
	}
}

static size_t all_in_flight(const struct outbox *o)
{
	return o->in_flight + mean_feed_in_flight(o->means);
}

static void restart_patience(struct outbox *o)
{
	if (all_in_flight(o) > 0) {
		/* A cut that says nothing is noticed within the keepalive. */
		loop_set_timer(o->patience, o->context->site->mqtt.keepalive_s * 1000000000LL);
	}
}

static void on_patience(void *context)
{
	struct outbox *o = context;

	if (all_in_flight(o) > 0) {
		log_warning("broker %s: %zu messages unacknowledged for %d s; connecting anew", broker_name(o),
			all_in_flight(o), o->context->site->mqtt.keepalive_s);
		mqtt_abort(o->mqtt);
	}
}

static void go_on(struct outbox *o);

/* Nothing else may come that would. */
static void try_again_soon(struct outbox *o)
{
	loop_set_timer(o->marking, AGAIN_MS * 1000000LL);
}

/* Marks what was acknowledged. */
static void mark_done(struct outbox *o)
{
	if (o->n_done == 0) {
		return;
	}
	if (store_outbox_done(o->store, o->done, o->n_done, clock_utc(o->context->clock)) == 0) {
		o->n_done = 0;
		o->again |= o->unmarked;
		o->unmarked = false;
		return;
	}
	log_error("%zu messages were acknowledged, but cannot be marked: %s; they may go twice", o->n_done,
		store_error(o->store));
	try_again_soon(o);
	if (o->n_done == MAX_WINDOW) {
		o->unmarked = true;
		o->n_done = 0;
	}
}

static void note_done(struct outbox *o, int64_t id)
{
	if (o->n_done == 0) {
		loop_set_timer(o->marking, DONE_WITHIN_MS * 1000000LL);
	}
	o->done[o->n_done++] = id;
	if (o->n_done == MAX_WINDOW) {
		mark_done(o);
	}
}

static void on_marking(void *context)
{
	mark_done(context);
	go_on(context);
}

/* Hands everything over that is pending. What was handed to another connection is of unknown fate: the same rows go
 * again, with the same numbers and ids. */
static void start_over(struct outbox *o, int64_t live_from)
{
	mark_done(o);
	o->live_from = live_from;
	o->live = (struct region){ .last = live_from - 1 };
	o->backlog = (struct region){ .last = 0 };
	o->again = false;
}

static void on_connected(void *context)
{
	struct outbox *o = context;
	char topic[TOPIC_SIZE];
	char *online = message_online(o->context, true, store_next_seq(o->store) - 1);

	log_info("broker %s: connected", broker_name(o));
	backoff_reset(&o->backoff);
	o->connected = true;
	suspicion_connected(&o->suspicion, clock_real_mono_ms());
	o->error[0] = '\0';
	start_over(o, store_outbox_newest(o->store) + 1);
	mean_feed_connected(o->means);
	message_online_topic(o->context, topic);
	if (online) {
		/* Lost with the connection, and said again then. */
		(void)mqtt_publish(o->mqtt, ONLINE_TOKEN, topic, online, true);
	}
	free(online);
	message_resend_topic(o->context, topic);
	if (!mqtt_subscribe(o->mqtt, topic)) {
		log_warning("broker %s: requests to send again cannot be subscribed to", broker_name(o));
	}
	o->handler.connected(o->handler.context);
	outbox_wake(o);
}

static void park(struct outbox *o, int64_t id, const char *reason)
{
	log_error("message %lld is parked: %s", (long long)id, reason);
	if (store_outbox_park(o->store, id, clock_utc(o->context->clock), reason) < 0) {
		log_error("message %lld cannot be parked: %s", (long long)id, store_error(o->store));
	}
	o->handler.parked(o->handler.context, id, reason);
}

/* One more refusal of a row; after some it is parked. */
static void count_refusal(struct outbox *o, int64_t id, const char *reason)
{
	int refusals = store_outbox_refused(o->store, id, reason);

	if (refusals < 0) {
		log_error("message %lld was refused (%s), and that cannot be noted: %s", (long long)id, reason,
			store_error(o->store));
	} else if (refusals >= MAX_REFUSALS) {
		park(o, id, reason);
	} else {
		o->again = true;
	}
}

/* What the end of a connection says of the messages that it took along. */
static void suspect(struct outbox *o)
{
	unsigned found = suspicion_lost(&o->suspicion, o->in_flight, clock_real_mono_ms());

	if (found & FOUND_CULPRIT) {
		count_refusal(o, o->alone, "the broker ends the connection whenever it is sent");
	}
	if (found & FOUND_CAREFUL) {
		log_warning("broker %s: it ended %u connections with messages unacknowledged; sending them one by one",
			broker_name(o), o->suspicion.unanswered);
	}
	if (found & FOUND_QUIET) {
		log_warning("broker %s: it ended %u connections at once; no states and means for a while",
			broker_name(o), o->suspicion.short_lived);
	}
}

/* The next broker in order; from the first after a connection, for the standby ones are that. */
static void choose_broker(struct outbox *o)
{
	size_t n = o->context->site->mqtt.n_brokers;

	o->broker = o->connected ? 0 : (o->broker + 1) % n;
	if (!o->connected && o->broker != 0) {
		loop_set_timer(o->retry, backoff_jitter(FIRST_RETRY_MS) * 1000000);
	} else {
		schedule_retry(o);
	}
}

static void on_lost(void *context, const char *reason)
{
	struct outbox *o = context;
	const char *lost = broker_name(o);

	(void)text_copy(o->error, sizeof(o->error), reason); /* shortened words are words enough */
	if (o->connected) {
		suspect(o);
	}
	o->in_flight = 0;
	o->again = false;
	if (o->finishing) {
		return;
	}
	choose_broker(o);
	o->connected = false;
	if (o->backoff.failures == 0 || backoff_worth_a_line(&o->backoff)) {
		log_warning("broker %s: %s; attempt %u, trying %s within %lld s", lost, reason, o->backoff.failures,
			broker_name(o), (long long)o->backoff.delay_ms * 5 / 4 / 1000 + 1);
	}
}

static void settled(struct outbox *o)
{
	o->in_flight--;
	restart_patience(o);
}

static void on_acknowledged(void *context, int64_t id, bool no_subscriber)
{
	struct outbox *o = context;

	if (id == ONLINE_TOKEN) {
		suspicion_proven(&o->suspicion);
		go_on(o);
		return;
	}
	if (id < 0) {
		mean_feed_settled(o->means, id);
		restart_patience(o);
		go_on(o);
		return;
	}
	settled(o);
	suspicion_taken(&o->suspicion);
	note_done(o, id);
	if (no_subscriber && !o->warned_no_subscriber) {
		log_warning(
			"broker %s: took message %lld, but nobody is subscribed to it", broker_name(o), (long long)id);
	}
	o->warned_no_subscriber = no_subscriber;
	go_on(o);
}

static void on_refused(void *context, int64_t id, const char *reason)
{
	struct outbox *o = context;

	if (id == ONLINE_TOKEN) {
		log_warning("broker %s: refuses the word that the gateway is here: %s", broker_name(o), reason);
		suspicion_proven(&o->suspicion); /* it lives */
	} else if (id < 0) {
		mean_feed_refused(o->means, reason);
	} else {
		settled(o);
		count_refusal(o, id, reason);
	}
	go_on(o);
}

static void on_requested(void *context, const struct mqtt_request *request)
{
	struct outbox *o = context;

	mark_done(o); /* or what is asked for again would be marked afterwards */
	struct resend_answer answer = resend_take(&o->resend, request, clock_real_mono_ms());

	if (answer.payload) {
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

struct outbox *outbox_create(const struct message_context *context, struct store *store, struct loop *loop,
	const struct outbox_handler *handler, char *error, size_t size)
{
	struct outbox *o = calloc(1, sizeof(*o));
	char topic[TOPIC_SIZE], client_id[96];

	snprintf(error, size, "out of memory");
	if (!o) {
		return NULL;
	}
	o->context = context;
	o->store = store;
	o->loop = loop;
	o->handler = *handler;
	resend_init(&o->resend, context, store);
	o->means = mean_feed_create(context, store);
	if (!o->means) {
		(void)outbox_finish(o, 0);
		return NULL;
	}
	backoff_init(&o->backoff, FIRST_RETRY_MS, LAST_RETRY_MS);
	if (context->site->mqtt.n_brokers == 0) {
		return o;
	}
	const struct mqtt_handler bound = { on_connected, on_lost, on_acknowledged, on_refused, on_requested, o };
	message_online_topic(context, topic);
	snprintf(client_id, sizeof(client_id), "emisd-%s", context->site->id);
	char *will = message_online(context, false, store_next_seq(store) - 1);
	o->mqtt = will ? mqtt_create(&context->site->mqtt, client_id, topic, will, &bound, error, size) : NULL;
	free(will);
	o->io = o->mqtt ? loop_add_io(loop, mqtt_fd(o->mqtt), EPOLLIN, on_io, o) : NULL;
	o->retry = loop_add_timer(loop, on_retry, o);
	o->patience = loop_add_timer(loop, on_patience, o);
	o->marking = loop_add_timer(loop, on_marking, o);
	if (!o->io || !o->retry || !o->patience || !o->marking) {
		outbox_finish(o, 0);
		return NULL;
	}
	loop_set_timer(o->retry, 0);
	return o;
}

static size_t window_of(const struct outbox *o)
{
	return suspicion_window(&o->suspicion, o->context->site->mqtt.window);
}

/* Hands one row over, or parks it when the broker said that it takes none of this size. False when paho takes no more.
 */
static bool hand_row(struct outbox *o, const struct outbox_row *row)
{
	size_t size = mqtt_message_size(row->topic, row->payload);
	char reason[96];

	if (size > mqtt_largest(o->mqtt)) {
		snprintf(reason, sizeof(reason), "%zu bytes are more than the %zu that the broker takes", size,
			mqtt_largest(o->mqtt));
		park(o, row->id, reason);
		return true;
	}
	if (!mqtt_publish(o->mqtt, row->id, row->topic, row->payload, false)) {
		return false;
	}
	o->in_flight++;
	o->alone = row->id;
	return true;
}

/* Hands over pending rows behind r->last and before `before`, as far as the window has room. */
static void hand_over(struct outbox *o, struct region *r, int64_t before)
{
	struct outbox_row rows[MAX_WINDOW];
	size_t window = window_of(o);
	bool taking = true;

	while (taking && !r->exhausted && o->in_flight < window) {
		size_t room = window - o->in_flight;
		int n = store_outbox_pending(o->store, r->last, before, rows, room);
		if (n < 0) {
			log_error("the outbox cannot be read: %s", store_error(o->store));
			try_again_soon(o);
			return;
		}
		r->exhausted = n == 0; /* fewer than asked for may be all that there was memory for */
		for (int i = 0; i < n; i++) {
			taking = taking && hand_row(o, &rows[i]);
			r->last = taking ? rows[i].id : r->last;
			free(rows[i].payload);
		}
	}
	if (!taking) {
		try_again_soon(o);
	}
}

/* Means go where alarms leave room. */
static void hand_means(struct outbox *o)
{
	struct mean_message m;

	while (!suspicion_quiet(&o->suspicion, clock_real_mono_ms()) && all_in_flight(o) < window_of(o) &&
		mean_feed_next(o->means, &m)) {
		if (mqtt_message_size(m.topic, m.payload) > mqtt_largest(o->mqtt)) {
			log_warning("%s: %zu bytes are more than the broker takes; passed over", m.topic,
				strlen(m.payload));
			mean_feed_settled(o->means, m.token);
		} else if (!mqtt_publish(o->mqtt, m.token, m.topic, m.payload, false)) {
			mean_feed_put_back(o->means);
			return;
		}
	}
}

/* Hands over what the window has room for. */
static void go_on(struct outbox *o)
{
	bool was_idle = all_in_flight(o) == 0;

	if (!o->mqtt || mqtt_get_state(o->mqtt) != MQTT_CONNECTED) {
		return;
	}
	if (o->again) {
		if (o->in_flight > 0) {
			return; /* first learn the fate of the others, or they would go twice */
		}
		start_over(o, o->live_from);
	}
	hand_over(o, &o->live, INT64_MAX);
	if (o->in_flight * 2 <= window_of(o)) { /* some at a time, and not each for itself */
		hand_over(o, &o->backlog, o->live_from);
	}
	hand_means(o);
	if (was_idle) {
		restart_patience(o);
	}
}

void outbox_wake(struct outbox *o)
{
	o->live.exhausted = false;
	go_on(o);
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

bool outbox_publish_state(struct outbox *o, const char *topic, const char *payload)
{
	return o->mqtt && !suspicion_quiet(&o->suspicion, clock_real_mono_ms()) &&
		mqtt_publish_state(o->mqtt, topic, payload);
}

void outbox_get_status(struct outbox *o, struct outbox_status *ret_status)
{
	static const char *const states[] = {
		[MQTT_WAITING] = "waiting", [MQTT_CONNECTING] = "connecting", [MQTT_CONNECTED] = "connected"
	};
	struct outbox_status status = { .broker = broker_name(o), .error = o->error };

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
		char *offline = message_online(o->context, false, store_next_seq(o->store) - 1);
		message_online_topic(o->context, topic);
		if (offline) {
			mqtt_finish(o->mqtt, topic, offline, timeout_ms);
		}
		free(offline);
		mark_done(o);
	}
	loop_remove_io(o->io);
	loop_remove_timer(o->retry);
	loop_remove_timer(o->patience);
	loop_remove_timer(o->marking);
	bool quiet = mqtt_destroy(o->mqtt);
	mean_feed_destroy(o->means);
	free(o);
	return quiet;
}
