/* bench_publish.c - the time of an alarm to a subscriber, and of a backlog to the broker.
 *
 *   bench_publish latency BROKER_PORT FOLDER N
 *
 * sends N alarms one after the other. Each line has the microseconds of the commit, and the microseconds from before
 * the commit to the subscriber.
 *
 *   bench_publish drain BROKER_PORT FOLDER N
 *
 * sends N waiting messages through store and outbox, and prints the seconds.
 *
 *   bench_publish bare BROKER_PORT FOLDER N
 *
 * sends the same messages with a bare paho publisher, and prints the seconds.
 *
 *   bench_publish latency BROKER_PORT FOLDER N STATES
 *
 * measures the latency while a round of so many retained states is on its way. An alarm that finds the last round
 * done begins a new round. The last line is the number of states that were composed. */
#include <MQTTAsync.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/loop.h"
#include "daemon/mqtt/outbox.h"
#include "daemon/store/alarm.h"

#define WINDOW 100
#define PAYLOAD_FORMAT "{\"seq\":%lld,\"ns\":%lld,\"words\":\"%01100d\"}" /* the size of an alarm event */
#define LOOK_NS 1000000

struct bench {
	struct site site;
	struct clock clock;
	struct message_context context;
	struct store *store;
	struct loop *loop;
	struct outbox *outbox;
	struct loop_timer *look;
	long n;
	long n_states;
	long states_composed;
	long sent;
	int64_t commit_ns;
	/* For the subscriber or the bare publisher, on paho's thread. */
	pthread_mutex_t lock;
	pthread_cond_t news;
	long arrived;
	int64_t latency_ns;
	bool connected;
	long in_flight;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void die(const char *words)
{
	fprintf(stderr, "bench_publish: %s\n", words);
	exit(1);
}

static void signal_news(struct bench *b, long *counter, long change)
{
	pthread_mutex_lock(&b->lock);
	*counter += change;
	pthread_cond_signal(&b->news);
	pthread_mutex_unlock(&b->lock);
}

/* ---- paho without emisd: a subscriber, and the bare publisher ---- */

static void on_connected(void *context, MQTTAsync_successData5 *data)
{
	struct bench *b = context;

	(void)data;
	pthread_mutex_lock(&b->lock);
	b->connected = true;
	pthread_cond_signal(&b->news);
	pthread_mutex_unlock(&b->lock);
}

static void on_failed(void *context, MQTTAsync_failureData5 *data)
{
	(void)context;
	(void)data;
	die("the broker cannot be reached");
}

static int on_arrived(void *context, char *topic, int length, MQTTAsync_message *message)
{
	struct bench *b = context;
	char text[64];
	long long ns = 0;

	(void)length;
	snprintf(text, sizeof(text), "%.60s", (const char *)message->payload);
	const char *found = strstr(text, "\"ns\":");
	ns = found ? strtoll(found + 5, NULL, 10) : 0;
	if (ns > 0) {
		b->latency_ns = now_ns() - ns;
		signal_news(b, &b->arrived, 1);
	}
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}

static MQTTAsync connect_paho(struct bench *b, const char *id)
{
	MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
	MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
	char uri[64];
	MQTTAsync handle;

	snprintf(uri, sizeof(uri), "tcp://%s", b->site.mqtt.brokers[0] + strlen("mqtt://"));
	create.maxBufferedMessages = 1000;
	if (MQTTAsync_createWithOptions(&handle, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) !=
			MQTTASYNC_SUCCESS ||
		MQTTAsync_setCallbacks(handle, b, NULL, on_arrived, NULL) != MQTTASYNC_SUCCESS) {
		die("no client");
	}
	connect.maxInflight = WINDOW;
	connect.context = b;
	connect.onSuccess5 = on_connected;
	connect.onFailure5 = on_failed;
	b->connected = false;
	if (MQTTAsync_connect(handle, &connect) != MQTTASYNC_SUCCESS) {
		die("no connection");
	}
	pthread_mutex_lock(&b->lock);
	while (!b->connected) {
		pthread_cond_wait(&b->news, &b->lock);
	}
	pthread_mutex_unlock(&b->lock);
	return handle;
}

static void on_acknowledged(void *context, MQTTAsync_successData5 *data)
{
	struct bench *b = context;

	(void)data;
	signal_news(b, &b->in_flight, -1);
}

static void run_bare(struct bench *b)
{
	MQTTAsync handle = connect_paho(b, "bare");
	int64_t start = now_ns();
	char payload[1400];

	for (long i = 0; i < b->n; i++) {
		MQTTAsync_message message = MQTTAsync_message_initializer;
		MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
		pthread_mutex_lock(&b->lock);
		while (b->in_flight >= WINDOW) {
			pthread_cond_wait(&b->news, &b->lock);
		}
		b->in_flight++;
		pthread_mutex_unlock(&b->lock);
		message.payloadlen = snprintf(payload, sizeof(payload), PAYLOAD_FORMAT, (long long)i + 1, 0LL, 0);
		message.payload = payload;
		message.qos = 1;
		response.context = b;
		response.onSuccess5 = on_acknowledged;
		if (MQTTAsync_sendMessage(handle, "emis/1/bench/gateway/alarm", &message, &response) !=
			MQTTASYNC_SUCCESS) {
			die("a message cannot be sent");
		}
	}
	pthread_mutex_lock(&b->lock);
	while (b->in_flight > 0) {
		pthread_cond_wait(&b->news, &b->lock);
	}
	pthread_mutex_unlock(&b->lock);
	printf("%.4f\n", (double)(now_ns() - start) / 1e9);
}

/* ---- store and outbox of emisd ---- */

/* Composes a message of the size of a state. */
static char *state(void *context, size_t index, char *topic)
{
	struct bench *b = context;
	char payload[800];

	if (index == (size_t)b->n_states) {
		return NULL; /* no health message in this benchmark */
	}
	b->states_composed++;
	snprintf(topic, TOPIC_SIZE, "emis/1/bench/%zu/so2/state", index);
	snprintf(payload, sizeof(payload), "{\"words\":\"%0700d\"}", 0);
	return strdup(payload);
}

static void ignore(void *context, const char *words)
{
	(void)context;
	(void)words;
}

static void on_parked(void *context, int64_t id, const char *reason)
{
	(void)context;
	fprintf(stderr, "message %lld: %s\n", (long long)id, reason);
	die("a message was parked");
}

static void tell(struct bench *b, int64_t ns)
{
	struct store_alarm alarm = { .raised = true, .rule = "clock-step", .outlet = GATEWAY };
	char payload[1400];

	snprintf(alarm.id, sizeof(alarm.id), "alarm %lld", (long long)store_next_seq(b->store));
	snprintf(payload, sizeof(payload), PAYLOAD_FORMAT, (long long)store_next_seq(b->store), (long long)ns, 0);
	if (store_commit_alarm(b->store, &alarm, "raised", "emis/1/bench/gateway/alarm", payload) < 0) {
		die(store_error(b->store));
	}
}

static bool is_drained(struct bench *b)
{
	struct outbox_row row = { 0 };
	int n = store_outbox_pending(b->store, 0, INT64_MAX, &row, 1);

	free(row.payload);
	return n == 0;
}

static void on_drained(void *context)
{
	struct bench *b = context;

	if (is_drained(b)) {
		loop_stop(b->loop, 0);
	}
	loop_set_timer(b->look, 10 * LOOK_NS);
}

/* Emits the next alarm when the one before has arrived. */
static void on_next(void *context)
{
	struct bench *b = context;

	pthread_mutex_lock(&b->lock);
	bool arrived = b->arrived >= b->sent;
	pthread_mutex_unlock(&b->lock);
	if (arrived && b->sent > 0) {
		printf("%.1f %.1f\n", (double)b->commit_ns / 1000.0, (double)b->latency_ns / 1000.0);
	}
	if (arrived && b->sent == b->n) {
		loop_stop(b->loop, 0);
		return;
	}
	if (arrived) {
		struct outbox_status status;
		outbox_get_status(b->outbox, &status);
		if (strcmp(status.state, "connected") == 0) {
			int64_t start = now_ns();
			tell(b, start);
			b->commit_ns = now_ns() - start;
			b->sent++;
			outbox_send_new(b->outbox);
			if (b->n_states > 0) {
				outbox_publish_states(b->outbox);
			}
		}
	}
	loop_set_timer(b->look, LOOK_NS);
}

static void start_outbox(struct bench *b, void (*look)(void *context))
{
	struct outbox_setup setup = { &b->context, b->store, NULL,
		{ state, on_parked, ignore, ignore, b, (size_t)b->n_states } };
	char error[256];

	b->loop = loop_create();
	setup.loop = b->loop;
	b->outbox = outbox_create(&setup, error, sizeof(error));
	b->look = loop_add_timer(b->loop, look, b);
	if (!b->outbox || !b->look) {
		die("no outbox");
	}
	loop_set_timer(b->look, LOOK_NS);
}

static void run_drain(struct bench *b)
{
	for (long i = 0; i < b->n; i++) {
		tell(b, 0);
	}
	int64_t start = now_ns();
	start_outbox(b, on_drained);
	(void)loop_run(b->loop); /* runs until on_drained() stops the loop */
	printf("%.4f\n", (double)(now_ns() - start) / 1e9);
}

static void run_latency(struct bench *b)
{
	MQTTAsync handle = connect_paho(b, "bureau");
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

	if (MQTTAsync_subscribe(handle, "emis/1/bench/gateway/alarm", 1, &response) != MQTTASYNC_SUCCESS ||
		MQTTAsync_waitForCompletion(handle, response.token, 10000) != MQTTASYNC_SUCCESS) {
		die("cannot subscribe");
	}
	start_outbox(b, on_next);
	(void)loop_run(b->loop); /* runs until on_next() stops the loop */
	if (b->n_states > 0) {
		printf("%ld\n", b->states_composed);
	}
}

int main(int argc, char **argv)
{
	static struct bench b;
	char error[1500];

	if (argc != 5 && argc != 6) {
		die("latency|drain|bare PORT FOLDER N [STATES]");
	}
	b.n = strtol(argv[4], NULL, 10);
	b.n_states = argc == 6 ? strtol(argv[5], NULL, 10) : 0;
	snprintf(b.site.id, sizeof(b.site.id), "bench");
	snprintf(b.site.store.path, sizeof(b.site.store.path), "%s", argv[3]);
	snprintf(b.site.mqtt.brokers[0], sizeof(b.site.mqtt.brokers[0]), "mqtt://127.0.0.1:%.8s", argv[2]);
	b.site.mqtt.n_brokers = 1;
	b.site.mqtt.version = 5;
	b.site.mqtt.keepalive_s = 30;
	b.site.mqtt.window = WINDOW;
	b.site.judging.offset_min = 480;
	b.site.store.quota_bytes = (int64_t)1 << 40;
	clock_init(&b.clock);
	b.context = (struct message_context){ &b.site, &b.clock };
	pthread_mutex_init(&b.lock, NULL);
	pthread_cond_init(&b.news, NULL);
	b.store = store_open(&b.site, &b.clock, error, sizeof(error));
	if (!b.store) {
		die(error);
	}
	if (strcmp(argv[1], "bare") == 0) {
		run_bare(&b);
	} else if (strcmp(argv[1], "drain") == 0) {
		run_drain(&b);
	} else {
		run_latency(&b);
	}
	fflush(stdout);
	_exit(0); /* ends without waiting for paho's threads */
}
