#include "daemon/outbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "common/log.h"
#include "common/text.h"
#include "daemon/backoff.h"
#include "daemon/out_mqtt.h"

#define FIRST_RETRY_MS 1000
#define LAST_RETRY_MS 300000
#define MAX_REFUSALS 5        /* then the row is parked with the broker's reason */
#define ACK_PATIENCE_MS 60000 /* without an acknowledgement the connection is taken for dead */
#define MAX_WINDOW 100

struct outbox {
	const struct message_context *context;
	struct store *store;
	struct loop *loop;
	struct mqtt *mqtt; /* NULL when no broker is configured */
	struct loop_io *io;
	struct loop_timer *retry;
	struct loop_timer *patience;
	struct backoff backoff;
	void (*on_connected)(void *context);
	void *callback_context;
	char error[128];
	size_t in_flight;
	int64_t live_from; /* what was queued after the connection was made goes first: ids from here on */
	int64_t live;      /* highest id of those handed to this connection */
	int64_t backlog;   /* highest id of the older ones handed to it */
	bool refused_some; /* rows of this connection to be handed over again */
	bool warned_no_subscriber;
	bool finishing;
};

/* +-25 %: hundreds of boxes shall not come back in the same second. */
static int64_t jitter(int64_t ms)
{
	uint16_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
		return ms;
	}
	return ms * 3 / 4 + ms / 2 * random / UINT16_MAX;
}

static void schedule_retry(struct outbox *o)
{
	loop_set_timer(o->retry, jitter(backoff_next(&o->backoff)) * 1000000);
}

static void on_retry(void *context)
{
	struct outbox *o = context;

	if (mqtt_connect(o->mqtt) < 0) {
		schedule_retry(o);
	}
}

static void restart_patience(struct outbox *o)
{
	if (o->in_flight > 0) {
		loop_set_timer(o->patience, (int64_t)ACK_PATIENCE_MS * 1000000);
	}
}

static void on_patience(void *context)
{
	struct outbox *o = context;

	if (o->in_flight > 0) {
		log_warning("broker %s: %zu messages unacknowledged for %d s; connecting anew",
			o->context->site->mqtt.broker, o->in_flight, ACK_PATIENCE_MS / 1000);
		mqtt_abort(o->mqtt);
	}
}

/* Hands everything over that is pending. What was handed to another connection is of unknown fate: the same rows go
 * again, with the same numbers and ids. */
static void start_over(struct outbox *o, int64_t live_from)
{
	o->live_from = live_from;
	o->live = live_from - 1;
	o->backlog = 0;
	o->refused_some = false;
}

static void on_connected(void *context)
{
	struct outbox *o = context;
	char topic[TOPIC_SIZE];
	char *online = message_online(o->context, true, store_next_seq(o->store) - 1);

	log_info("broker %s: connected", o->context->site->mqtt.broker);
	backoff_reset(&o->backoff);
	o->error[0] = '\0';
	start_over(o, store_outbox_newest(o->store) + 1);
	message_online_topic(o->context, topic);
	if (online) {
		(void)mqtt_publish_state(o->mqtt, topic, online); /* lost with the connection, and said again then */
	}
	free(online);
	o->on_connected(o->callback_context);
	outbox_wake(o);
}

static void on_lost(void *context, const char *reason)
{
	struct outbox *o = context;

	(void)text_copy(o->error, sizeof(o->error), reason); /* shortened words are words enough */
	o->in_flight = 0;
	o->refused_some = false;
	if (o->finishing) {
		return;
	}
	schedule_retry(o);
	long long within_s = o->backoff.delay_ms * 5 / 4 / 1000 + 1;
	if (backoff_worth_a_line(&o->backoff)) {
		log_warning("broker %s: %s; attempt %u, trying again within %lld s", o->context->site->mqtt.broker,
			reason, o->backoff.failures, within_s);
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

	settled(o);
	if (store_outbox_done(o->store, id, clock_utc(o->context->clock)) < 0) {
		log_error("message %lld was acknowledged, but cannot be marked: %s; it may go twice", (long long)id,
			store_error(o->store));
	}
	if (no_subscriber && !o->warned_no_subscriber) {
		log_warning("broker %s: took message %lld, but nobody is subscribed to it",
			o->context->site->mqtt.broker, (long long)id);
	}
	o->warned_no_subscriber = no_subscriber;
	outbox_wake(o);
}

static void on_refused(void *context, int64_t id, const char *reason)
{
	struct outbox *o = context;
	int refusals = store_outbox_refused(o->store, id, reason);

	settled(o);
	if (refusals < 0) {
		log_error("message %lld was refused (%s), and that cannot be noted: %s", (long long)id, reason,
			store_error(o->store));
	} else if (refusals >= MAX_REFUSALS) {
		log_error(
			"message %lld is parked: the broker refused it %d times: %s", (long long)id, refusals, reason);
		if (store_outbox_park(o->store, id, clock_utc(o->context->clock), reason) < 0) {
			log_error("message %lld cannot be parked: %s", (long long)id, store_error(o->store));
		}
	} else {
		o->refused_some = true;
	}
	outbox_wake(o);
}

static void on_io(void *context, int fd, uint32_t events)
{
	struct outbox *o = context;

	(void)fd;
	(void)events;
	mqtt_dispatch(o->mqtt);
}

struct outbox *outbox_create(const struct message_context *context, struct store *store, struct loop *loop,
	void (*connected)(void *context), void *callback_context, char *error, size_t size)
{
	const struct mqtt_handler handler = { on_connected, on_lost, on_acknowledged, on_refused, NULL };
	struct outbox *o = calloc(1, sizeof(*o));
	char topic[TOPIC_SIZE], client_id[96];

	snprintf(error, size, "out of memory");
	if (!o) {
		return NULL;
	}
	o->context = context;
	o->store = store;
	o->loop = loop;
	o->on_connected = connected;
	o->callback_context = callback_context;
	backoff_init(&o->backoff, FIRST_RETRY_MS, LAST_RETRY_MS);
	if (!context->site->mqtt.broker[0]) {
		return o;
	}
	struct mqtt_handler bound = handler;
	bound.context = o;
	message_online_topic(context, topic);
	snprintf(client_id, sizeof(client_id), "emisd-%s", context->site->id);
	char *will = message_online(context, false, store_next_seq(store) - 1);
	o->mqtt = will ? mqtt_create(&context->site->mqtt, client_id, topic, will, &bound, error, size) : NULL;
	free(will);
	o->io = o->mqtt ? loop_add_io(loop, mqtt_fd(o->mqtt), EPOLLIN, on_io, o) : NULL;
	o->retry = loop_add_timer(loop, on_retry, o);
	o->patience = loop_add_timer(loop, on_patience, o);
	if (!o->io || !o->retry || !o->patience) {
		outbox_finish(o, 0);
		return NULL;
	}
	loop_set_timer(o->retry, 0);
	return o;
}

/* Hands over pending rows between *last, which moves on, and `before`, as far as the window has room. */
static void hand_over(struct outbox *o, int64_t *last, int64_t before)
{
	struct outbox_row rows[MAX_WINDOW];
	size_t window = o->context->site->mqtt.window;
	bool taking = o->in_flight < window;
	int n = taking ? store_outbox_pending(o->store, *last, before, rows, window - o->in_flight) : 0;

	if (n < 0) {
		log_error("the outbox cannot be read: %s", store_error(o->store));
	}
	for (int i = 0; i < n; i++) {
		taking = taking && mqtt_publish(o->mqtt, rows[i].id, rows[i].topic, rows[i].payload, false);
		if (taking) {
			*last = rows[i].id;
			o->in_flight++;
		}
		free(rows[i].payload);
	}
}

void outbox_wake(struct outbox *o)
{
	bool was_idle = o->in_flight == 0;

	if (!o->mqtt || mqtt_get_state(o->mqtt) != MQTT_CONNECTED) {
		return;
	}
	if (o->refused_some) {
		if (o->in_flight > 0) {
			return; /* first learn the fate of the others, or they would go twice */
		}
		start_over(o, o->live_from);
	}
	hand_over(o, &o->live, INT64_MAX);
	hand_over(o, &o->backlog, o->live_from);
	if (was_idle) {
		restart_patience(o);
	}
}

bool outbox_publish_state(struct outbox *o, const char *topic, const char *payload)
{
	return o->mqtt && mqtt_publish_state(o->mqtt, topic, payload);
}

void outbox_get_status(struct outbox *o, struct outbox_status *ret_status)
{
	static const char *const states[] = {
		[MQTT_WAITING] = "waiting", [MQTT_CONNECTING] = "connecting", [MQTT_CONNECTED] = "connected"
	};
	struct outbox_status status = { .broker = o->context->site->mqtt.broker, .error = o->error };

	status.state = o->mqtt ? states[mqtt_get_state(o->mqtt)] : "off";
	if (store_outbox_count(o->store, &status.counts) < 0) {
		log_error("the outbox cannot be counted: %s", store_error(o->store));
	}
	*ret_status = status;
}

void outbox_finish(struct outbox *o, int timeout_ms)
{
	char topic[TOPIC_SIZE];

	if (!o) {
		return;
	}
	o->finishing = true;
	if (o->mqtt) {
		char *offline = message_online(o->context, false, store_next_seq(o->store) - 1);
		message_online_topic(o->context, topic);
		if (offline) {
			mqtt_finish(o->mqtt, topic, offline, timeout_ms);
		}
		free(offline);
	}
	loop_remove_io(o->io);
	loop_remove_timer(o->retry);
	loop_remove_timer(o->patience);
	mqtt_destroy(o->mqtt);
	free(o);
}
