#include "daemon/mqtt/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "daemon/base/backoff.h"
#include "daemon/base/clock.h"
#include "daemon/mqtt/peer.h"

#define FIRST_RETRY_MS 1000
#define LAST_RETRY_MS 300000
#define FIRST_RIVAL_MS 2000
#define STEADY_MS 900000 /* a connection that stood so long was not fought over with another gateway */
#define DAY_NS 86400000000000LL

/* clang-format off */
/* Next state of each state; "-" cannot happen. MQTT 5 is due when 3.1.1 was used for a day. connection_finish() leads
 * from every state to FINISHING. "served" and "rival" below are facts of their own: a connection that is UP may have
 * either, both or none, and the next attempt depends on them.
 *
 *                     retry is due   CONNACK                    connection ended                   MQTT 5 is due
 *   WAITING           CONNECTING     -                          -                                  WAITING
 *   CONNECTING        -              UP; unusable broker:       WAITING: other manner at once,     CONNECTING
 *                                    LEAVING_UNUSABLE; other    else next broker
 *                                    keepalive: LEAVING_TO_RENEW
 *   UP                -              -                          WAITING: first broker if this one  LEAVING_TO_RENEW
 *                                                               served, else next broker
 *   LEAVING_UNUSABLE  -              -                          WAITING: next broker               LEAVING_UNUSABLE
 *   LEAVING_TO_RENEW  -              -                          WAITING: same broker at once       LEAVING_TO_RENEW
 *   FINISHING         -              -                          FINISHING                          FINISHING
 */
/* clang-format on */
enum state { WAITING, CONNECTING, UP, LEAVING_UNUSABLE, LEAVING_TO_RENEW, FINISHING };

struct connection {
	const struct site *site;
	const struct presence *presence;
	struct connection_handler handler;
	struct mqtt *mqtt; /* NULL when no broker is configured */
	struct loop_io *io;
	struct loop_timer *retry;
	struct loop_timer *patience;
	struct loop_timer *daily;

	enum state state;
	struct peer peers[MQTT_BROKERS];
	size_t broker;             /* of the configuration's: in use, or tried next */
	struct mqtt_manner manner; /* of the connection, or of the attempt */
	struct mqtt_terms terms;   /* of the connection */
	struct mqtt_terms known;   /* of the last one that was usable */
	int64_t connected_ms;
	const char *unusable; /* why we end the connection; NULL when we do not */
	size_t in_flight;
	bool served; /* a message was acknowledged on this connection, or on the one that it renews */
	bool rival;  /* another gateway showed itself on it */
	struct backoff backoff;
	struct backoff rivalry; /* counts connections lost to another gateway with our name */
	char error[200];
};

static struct peer *peer_of(struct connection *c)
{
	return &c->peers[c->broker];
}

/* ---- attempts ---- */

static void schedule_retry(struct connection *c)
{
	int64_t delay = backoff_next(&c->backoff);

	delay = c->rival && c->rivalry.delay_ms > delay ? c->rivalry.delay_ms : delay;
	loop_set_timer(c->retry, backoff_jitter(delay) * 1000000);
}

static void on_retry(void *context)
{
	struct connection *c = context;

	c->manner = peer_manner(peer_of(c), &c->site->mqtt, clock_real_mono_ms());
	c->rival = false;
	if (mqtt_connect(c->mqtt, c->broker, &c->manner) < 0) {
		schedule_retry(c);
		return;
	}
	c->state = CONNECTING;
}

/* The next broker in order. After a connection that served the first one again: the others are for standby. */
static void choose_broker(struct connection *c)
{
	size_t n = c->site->mqtt.n_brokers;

	c->broker = c->served ? 0 : (c->broker + 1) % n;
	if (!c->served && c->broker != 0) {
		loop_set_timer(c->retry, backoff_jitter(FIRST_RETRY_MS) * 1000000);
	} else {
		schedule_retry(c);
	}
}

/* ---- a connection ---- */

static void leave(struct connection *c, enum state state)
{
	c->state = state;
	mqtt_abort(c->mqtt);
}

/* True when we end the connection at once: the broker cannot be used, or only in another manner. */
static bool leave_unfit(struct connection *c, const struct mqtt_terms *terms)
{
	bool renew = peer_connected(peer_of(c), &c->manner, terms);

	c->unusable = peer_refusal(terms);
	if (c->unusable) {
		leave(c, LEAVING_UNUSABLE);
		return true;
	}
	if (renew) {
		log_info("broker %s: demands a keepalive of %u s; connecting again, with a ping every %d s",
			connection_broker_name(c), terms->keepalive_s,
			peer_manner(peer_of(c), &c->site->mqtt, clock_real_mono_ms()).keepalive_s);
		leave(c, LEAVING_TO_RENEW);
	}
	return renew;
}

static bool same_terms(const struct mqtt_terms *a, const struct mqtt_terms *b)
{
	return a->version == b->version && a->largest == b->largest && a->at_once == b->at_once &&
		a->highest_qos == b->highest_qos && a->keepalive_s == b->keepalive_s &&
		a->topic_aliases == b->topic_aliases && a->no_retain == b->no_retain;
}

static void subscribe(struct connection *c)
{
	char topic[TOPIC_SIZE];

	message_resend_topic(c->presence->context, topic);
	if (!mqtt_subscribe(c->mqtt, topic)) {
		log_warning("broker %s: cannot subscribe to the bureau's requests to send again; they get no answer",
			connection_broker_name(c));
	}
	message_online_topic(c->presence->context, topic);
	(void)mqtt_subscribe(c->mqtt, topic); /* without it only another gateway with our name goes unnoticed */
}

static void on_connected(void *context, const struct mqtt_terms *terms)
{
	struct connection *c = context;
	bool met = peer_of(c)->met;

	c->served = false;
	c->connected_ms = clock_real_mono_ms();
	c->terms = *terms;
	if (leave_unfit(c, terms)) {
		return;
	}
	c->state = UP;
	log_info("broker %s: connected%s", connection_broker_name(c),
		terms->version == 5 ? "" : " with MQTT 3.1.1, which does not say when it refuses a message");
	c->error[0] = '\0';
	enum connection_news news = !met       ? CONNECTION_NEW_BROKER
		: same_terms(terms, &c->known) ? CONNECTION_SAME_TERMS
					       : CONNECTION_OTHER_TERMS;
	c->known = *terms;
	if (peer_of(c)->uses_v3) {
		int64_t left = peer_of(c)->v5_again_ms - c->connected_ms;
		loop_set_timer(c->daily, (left > 0 ? left : 1) * 1000000);
	}
	subscribe(c);
	c->handler.up(c->handler.context, news);
}

bool connection_may_send(const struct connection *c)
{
	return c->state == UP && mqtt_get_state(c->mqtt) == MQTT_CONNECTED;
}

/* A silent cut is noticed within the keepalive. */
static void restart_patience(struct connection *c)
{
	loop_set_timer(c->patience, c->site->mqtt.keepalive_s * 1000000000LL);
}

static void on_patience(void *context)
{
	struct connection *c = context;

	if (c->in_flight > 0 && c->state == UP) {
		log_warning("broker %s: %zu messages unacknowledged for %d s; connecting again",
			connection_broker_name(c), c->in_flight, c->site->mqtt.keepalive_s);
		mqtt_abort(c->mqtt);
	}
}

enum mqtt_handed connection_publish(
	struct connection *c, int64_t token, const char *topic, const char *payload, bool retained)
{
	enum mqtt_handed handed = mqtt_publish(c->mqtt, token, topic, payload, retained);

	if (handed == MQTT_HANDED && c->in_flight++ == 0) {
		restart_patience(c);
	}
	return handed;
}

/* The broker took or refused a message. */
static void count_answer(struct connection *c)
{
	c->in_flight--;
	if (c->in_flight > 0) {
		restart_patience(c);
	}
}

static void on_acknowledged(void *context, int64_t token, bool no_subscriber)
{
	struct connection *c = context;

	if (!c->served) {
		c->served = true;
		backoff_reset(&c->backoff);
	}
	count_answer(c);
	c->handler.acknowledged(c->handler.context, token, no_subscriber);
}

static void on_refused(void *context, int64_t token, int code, const char *reason)
{
	struct connection *c = context;

	count_answer(c);
	c->handler.refused(c->handler.context, token, code, reason);
}

/* ---- another gateway with our name ---- */

static void report_rival(struct connection *c)
{
	char words[200];

	c->rival = true;
	snprintf(words, sizeof(words),
		"session taken over: another gateway uses the id emisd-%s; give each its own site.id", c->site->id);
	log_warning("broker %s: %s", connection_broker_name(c), words);
	c->handler.rival(c->handler.context, words);
}

static void on_requested(void *context, const struct mqtt_request *request)
{
	struct connection *c = context;

	if (!request->presence) {
		c->handler.requested(c->handler.context, request);
		return;
	}
	/* The first one of a broker may be retained since our own last run. */
	if (peer_of(c)->heard && !c->rival && presence_is_of_other_run(c->presence, request)) {
		report_rival(c);
	}
	peer_of(c)->heard = true;
}

/* Two gateways that throw each other out wait ever longer before they connect again. */
static void count_rivalry(struct connection *c, const struct mqtt_loss *loss)
{
	if (loss->kind == MQTT_LOSS_TAKEN_OVER && !c->rival) {
		report_rival(c);
	}
	if (clock_real_mono_ms() - c->connected_ms >= STEADY_MS) {
		backoff_reset(&c->rivalry);
	}
	if (c->rival) {
		(void)backoff_next(&c->rivalry);
	}
}

/* ---- the end of a connection ---- */

/* True when the same broker is to be tried at once in another manner. */
static bool has_other_manner(struct connection *c, const struct mqtt_loss *loss)
{
	if (!peer_failed(peer_of(c), &c->manner, loss->kind, clock_real_mono_ms())) {
		return false;
	}
	if (backoff_worth_a_line(&c->backoff)) {
		log_warning("broker %s: %s; %s", connection_broker_name(c), loss->reason,
			loss->kind == MQTT_LOSS_IDENTIFIER
				? "the keepalive may be too long for this broker: trying a shorter one"
				: "this broker does not seem to speak MQTT 5: trying 3.1.1 now and 5 again within a "
				  "day");
	}
	return true;
}

static void log_end(const struct connection *c, const char *lost_broker)
{
	if (c->backoff.failures == 0 || backoff_worth_a_line(&c->backoff)) {
		int64_t delay = c->rival && c->rivalry.delay_ms > c->backoff.delay_ms ? c->rivalry.delay_ms
										      : c->backoff.delay_ms;
		log_warning("broker %s: %s; attempt %u, trying %s within %lld s", lost_broker, c->error,
			c->backoff.failures, connection_broker_name(c), (long long)delay * 5 / 4 / 1000 + 1);
	}
}

static void on_lost(void *context, const struct mqtt_loss *loss)
{
	struct connection *c = context;
	const char *lost_broker = connection_broker_name(c);
	const char *reason = c->unusable ? c->unusable : loss->reason;
	enum state ended = c->state;

	c->in_flight = 0;
	c->unusable = NULL;
	c->handler.down(c->handler.context,
		ended == UP && !c->rival && loss->kind != MQTT_LOSS_BROKER_BUSY && loss->kind != MQTT_LOSS_TAKEN_OVER);
	if (ended == FINISHING) {
		return;
	}
	c->state = WAITING;
	if (ended == LEAVING_TO_RENEW || (ended == CONNECTING && has_other_manner(c, loss))) {
		loop_set_timer(c->retry, 0);
		return;
	}
	if (ended == UP) {
		count_rivalry(c, loss);
	}
	snprintf(c->error, sizeof(c->error), "%s%s", reason,
		c->rival ? "; session taken over: another gateway uses our id" : "");
	choose_broker(c);
	c->served = false;
	log_end(c, lost_broker);
}

/* ---- days, and the first minutes after MQTT 5 failed ---- */

static void on_daily(void *context)
{
	struct connection *c = context;

	loop_set_timer(c->daily, DAY_NS);
	if (c->state == UP && peer_wants_v5(peer_of(c), clock_real_mono_ms())) {
		leave(c, LEAVING_TO_RENEW);
	}
	c->handler.day_passed(c->handler.context);
}

/* ---- life ---- */

static void on_io(void *context, int fd, uint32_t events)
{
	struct connection *c = context;

	(void)fd;
	(void)events;
	mqtt_dispatch(c->mqtt);
}

static struct mqtt *create_mqtt(struct connection *c, char *error, size_t size)
{
	char topic[TOPIC_SIZE], client_id[MQTT_CLIENT_ID_SIZE];
	char *will = presence_message(c->presence, false, topic);
	const struct mqtt_setup setup = { .conf = &c->site->mqtt,
		.client_id = client_id,
		.will_topic = topic,
		.will_payload = will,
		.handler = { on_connected, on_lost, on_acknowledged, on_refused, on_requested, c } };

	snprintf(client_id, sizeof(client_id), "emisd-%s", c->site->id);
	struct mqtt *mqtt = will ? mqtt_create(&setup, error, size) : NULL;
	free(will);
	return mqtt;
}

/* 0, or -1 with a sentence in error. */
static int start(struct connection *c, struct loop *loop, char *error, size_t size)
{
	c->mqtt = create_mqtt(c, error, size);
	c->io = c->mqtt ? loop_add_io(loop, mqtt_fd(c->mqtt), EPOLLIN, on_io, c) : NULL;
	c->retry = loop_add_timer(loop, on_retry, c);
	c->patience = loop_add_timer(loop, on_patience, c);
	c->daily = loop_add_timer(loop, on_daily, c);
	if (!c->io || !c->retry || !c->patience || !c->daily) {
		return -1;
	}
	loop_set_timer(c->retry, 0);
	loop_set_timer(c->daily, DAY_NS);
	return 0;
}

struct connection *connection_create(const struct connection_setup *setup, char *error, size_t size)
{
	struct connection *c = calloc(1, sizeof(*c));

	snprintf(error, size, "out of memory");
	if (!c) {
		return NULL;
	}
	c->site = setup->site;
	c->presence = setup->presence;
	c->handler = setup->handler;
	backoff_init(&c->backoff, FIRST_RETRY_MS, LAST_RETRY_MS);
	backoff_init(&c->rivalry, FIRST_RIVAL_MS, LAST_RETRY_MS);
	if (c->site->mqtt.n_brokers > 0 && start(c, setup->loop, error, size) < 0) {
		(void)connection_destroy(c);
		return NULL;
	}
	return c;
}

void connection_finish(struct connection *c, int timeout_ms)
{
	char topic[TOPIC_SIZE];

	c->state = FINISHING;
	char *offline = c->mqtt ? presence_message(c->presence, false, topic) : NULL;
	if (offline) {
		mqtt_finish(c->mqtt, topic, offline, timeout_ms);
	}
	free(offline);
}

bool connection_destroy(struct connection *c)
{
	if (!c) {
		return true;
	}
	loop_remove_io(c->io);
	loop_remove_timer(c->retry);
	loop_remove_timer(c->patience);
	loop_remove_timer(c->daily);
	bool quiet = mqtt_destroy(c->mqtt);
	free(c);
	return quiet;
}

/* ---- questions ---- */

bool connection_reply(struct connection *c, const struct mqtt_request *request, const char *topic, const char *payload)
{
	return mqtt_reply(c->mqtt, request, topic, payload);
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
	return c->site->mqtt.brokers[c->broker];
}

const char *connection_state_name(const struct connection *c)
{
	static const char *const names[] = {
		[MQTT_WAITING] = "waiting", [MQTT_CONNECTING] = "connecting", [MQTT_CONNECTED] = "connected"
	};

	return c->mqtt ? names[mqtt_get_state(c->mqtt)] : "off";
}

const char *connection_error(const struct connection *c)
{
	return c->error;
}
