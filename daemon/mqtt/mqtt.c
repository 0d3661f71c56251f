/* mqtt.c - the connection to the broker, on the main loop. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "daemon/base/clock.h"
#include "daemon/mqtt/broker.h"
#include "daemon/mqtt/mqtt_internal.h"

#define QOS 1
#define CONNECT_TIMEOUT_S 20
#define HANDLE_LIFE 300  /* connections: each with TLS leaks some hundred bytes until the handle is destroyed */
#define MAILBOX_ROOM 512 /* notes: more than messages in flight and events of a connection */
#define NOTES_A_TURN 64  /* then the loop's other sources have their turn */
#define REQUEST_ROOM 8   /* more at a time are dropped: paho's thread must not wait for us */

static int create_handle(struct mqtt *mqtt)
{
	MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;

	options.MQTTVersion = mqtt->version == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
	options.sendWhileDisconnected = 0;
	if (MQTTAsync_createWithOptions(&mqtt->handle, mqtt->uri, mqtt->client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL,
		    &options) != MQTTASYNC_SUCCESS) {
		mqtt->handle = NULL;
		return -EIO;
	}
	return mqtt_set_handle_callbacks(mqtt) ? 0 : -EIO;
}

struct mqtt *mqtt_create(const struct mqtt_setup *setup, char *error, size_t size)
{
	const struct mqtt_conf *conf = setup->conf;
	struct mqtt *mqtt = calloc(1, sizeof(*mqtt));

	snprintf(error, size, "out of memory");
	if (!mqtt) {
		return NULL;
	}
	mqtt->conf = conf;
	mqtt->handler = setup->handler;
	mqtt->version = conf->version;
	broker_uri(conf->brokers[0], mqtt->uri, sizeof(mqtt->uri));
	(void)text_copy(mqtt->client_id, sizeof(mqtt->client_id), setup->client_id); /* made to fit by the caller */
	mqtt->will_topic = strdup(setup->will_topic);
	mqtt->will_payload = strdup(setup->will_payload);
	mqtt->box = mailbox_create(MAILBOX_ROOM, sizeof(struct note));
	mqtt->requests = mailbox_create(REQUEST_ROOM, sizeof(struct mqtt_request));
	if (!mqtt->will_topic || !mqtt->will_payload || !mqtt->box || !mqtt->requests ||
		!broker_password(conf, mqtt->password, sizeof(mqtt->password), error, size)) {
		(void)mqtt_destroy(mqtt);
		return NULL;
	}
	if (create_handle(mqtt) < 0) {
		snprintf(error, size, "the MQTT library refuses the broker address %s", conf->brokers[0]);
		(void)mqtt_destroy(mqtt);
		return NULL;
	}
	return mqtt;
}

int mqtt_fd(const struct mqtt *mqtt)
{
	return mailbox_fd(mqtt->box);
}

enum mqtt_state mqtt_get_state(const struct mqtt *mqtt)
{
	return mqtt->state;
}

size_t mqtt_message_size(const char *topic, const char *payload)
{
	/* Fixed header, length of the topic, packet id, no properties (MQTT 5.0, 3.3). */
	return strlen(topic) + strlen(payload) + 5 + 2 + 2 + 1;
}

static void handle_request(struct mqtt *mqtt, bool current)
{
	struct mqtt_request request;

	if (mailbox_take(mqtt->requests, &request) && current) {
		mqtt->handler.requested(mqtt->handler.context, &request);
	}
}

static void handle_note(struct mqtt *mqtt, const struct note *note)
{
	const struct mqtt_handler *h = &mqtt->handler;

	if (note->kind == NOTE_REQUESTED) {
		handle_request(mqtt, note->epoch == mqtt->epoch);
		return;
	}
	if (note->epoch != mqtt->epoch) {
		return;
	}
	switch (note->kind) {
	case NOTE_CONNECTED:
		mqtt->state = MQTT_CONNECTED;
		broker_send_at_once();
		h->connected(h->context, &note->terms);
		return;
	case NOTE_LOST: {
		const struct mqtt_loss loss = { note->loss, note->reason };
		mqtt->state = MQTT_WAITING;
		mqtt->epoch++;
		h->lost(h->context, &loss);
		return;
	}
	case NOTE_ACKNOWLEDGED:
		h->acknowledged(h->context, note->token, note->no_subscriber);
		return;
	case NOTE_REFUSED:
		h->refused(h->context, note->token, note->code, note->reason);
		return;
	case NOTE_REQUESTED:    /* handled above */
	case NOTE_UNKNOWN_FATE: /* NOTE_LOST follows */
		return;
	}
}

void mqtt_dispatch(struct mqtt *mqtt)
{
	struct note note;

	for (int i = 0; i < NOTES_A_TURN && mailbox_take(mqtt->box, &note); i++) {
		handle_note(mqtt, &note);
	}
}

static void set_tls(struct mqtt *mqtt, MQTTAsync_SSLOptions *ssl)
{
	const struct mqtt_conf *conf = mqtt->conf;

	ssl->enableServerCertAuth = 1;
	mqtt_set_tls_callbacks(mqtt, ssl);
	ssl->verify = 1; /* checks that the certificate is for this host; the library's default does not */
	if (conf->ca[0]) {
		ssl->trustStore = conf->ca;
		ssl->disableDefaultTrustStore = 1;
	}
	if (conf->client_cert[0]) {
		ssl->keyStore = conf->client_cert;
		ssl->privateKey = conf->client_key;
	}
}

/* Makes a new handle for another broker or version, and after many connections. 0 or -EIO. */
static int prepare_handle(struct mqtt *mqtt, size_t broker, int version)
{
	bool other = broker != mqtt->broker || version != mqtt->version;

	if (mqtt->handle && (++mqtt->connects % HANDLE_LIFE == 0 || other)) {
		MQTTAsync_destroy(&mqtt->handle);
		mqtt->handle = NULL;
	}
	mqtt->broker = broker;
	mqtt->version = version;
	broker_uri(mqtt->conf->brokers[broker], mqtt->uri, sizeof(mqtt->uri));
	return mqtt->handle ? 0 : create_handle(mqtt);
}

int mqtt_connect(struct mqtt *mqtt, size_t broker, const struct mqtt_manner *manner)
{
	bool v5 = manner->version == 5;
	MQTTAsync_connectOptions options5 = MQTTAsync_connectOptions_initializer5;
	MQTTAsync_connectOptions options3 = MQTTAsync_connectOptions_initializer;
	MQTTAsync_connectOptions options = v5 ? options5 : options3;
	MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
	MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;

	if (prepare_handle(mqtt, broker, manner->version) < 0) {
		return -EIO;
	}
	will.topicName = mqtt->will_topic;
	will.message = mqtt->will_payload;
	will.qos = QOS;
	will.retained = 1;
	options.will = &will;
	options.keepAliveInterval = manner->keepalive_s;
	options.connectTimeout = CONNECT_TIMEOUT_S;
	/* More than is ever in flight: a message that the library keeps back waits for up to a second (measured). */
	options.maxInflight = MAILBOX_ROOM;
	options.MQTTVersion = v5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
	options.username = mqtt->conf->username[0] ? mqtt->conf->username : NULL;
	options.password = mqtt->password[0] ? mqtt->password : NULL;
	mqtt_set_connect_callbacks(mqtt, &options);
	if (strncmp(mqtt->uri, "ssl", 3) == 0) {
		set_tls(mqtt, &ssl);
		options.ssl = &ssl;
	}
	mqtt->state = MQTT_CONNECTING;
	if (MQTTAsync_connect(mqtt->handle, &options) != MQTTASYNC_SUCCESS) {
		mqtt->state = MQTT_WAITING;
		return -EIO;
	}
	return 0;
}

bool mqtt_subscribe(struct mqtt *mqtt, const char *topic)
{
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
	/* RabbitMQ ends the connection for QoS 1 when the queue of the subscription is on a node that is down. */
	int qos = mqtt->version == 5 ? QOS : 0;

	return mqtt->state == MQTT_CONNECTED &&
		MQTTAsync_subscribe(mqtt->handle, topic, qos, &response) == MQTTASYNC_SUCCESS;
}

bool mqtt_reply(struct mqtt *mqtt, const struct mqtt_request *request, const char *topic, const char *payload)
{
	MQTTAsync_message message = MQTTAsync_message_initializer;
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
	MQTTProperty correlation = { .identifier = MQTTPROPERTY_CODE_CORRELATION_DATA };

	if (mqtt->state != MQTT_CONNECTED) {
		return false;
	}
	message.payload = (void *)payload; /* the library copies it */
	message.payloadlen = (int)strlen(payload);
	message.qos = QOS;
	if (request->n_correlation > 0) {
		correlation.value.data.data = (char *)request->correlation;
		correlation.value.data.len = (int)request->n_correlation;
		if (MQTTProperties_add(&message.properties, &correlation) != 0) {
			return false;
		}
	}
	bool sent = MQTTAsync_sendMessage(mqtt->handle, topic, &message, &response) == MQTTASYNC_SUCCESS;
	MQTTProperties_free(&message.properties);
	return sent;
}

static int send_message(
	struct mqtt *mqtt, const char *topic, const char *payload, bool retained, struct handed_over *handed_over)
{
	MQTTAsync_message message = MQTTAsync_message_initializer;
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

	message.payload = (void *)payload; /* the library copies it */
	message.payloadlen = (int)strlen(payload);
	message.qos = QOS;
	message.retained = retained;
	if (handed_over) {
		mqtt_set_message_callbacks(handed_over, &response);
	}
	return MQTTAsync_sendMessage(mqtt->handle, topic, &message, &response);
}

enum mqtt_handed mqtt_publish(struct mqtt *mqtt, int64_t token, const char *topic, const char *payload, bool retained)
{
	struct handed_over *h = mqtt->state == MQTT_CONNECTED ? malloc(sizeof(*h)) : NULL;

	if (!h) {
		return MQTT_LATER;
	}
	*h = (struct handed_over){ .mqtt = mqtt, .epoch = mqtt->epoch, .token = token };
	int result = send_message(mqtt, topic, payload, retained, h);
	if (result != MQTTASYNC_SUCCESS) {
		free(h);
		return result == MQTTASYNC_BAD_UTF8_STRING ? MQTT_NEVER : MQTT_LATER;
	}
	return MQTT_HANDED;
}

/* 0 when NOTE_LOST will follow. */
static int disconnect(struct mqtt *mqtt, int timeout_ms)
{
	MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;

	if (mqtt->version == 5) {
		options = (MQTTAsync_disconnectOptions)MQTTAsync_disconnectOptions_initializer5;
	}
	options.timeout = timeout_ms;
	mqtt_set_disconnect_callbacks(mqtt, &options);
	return MQTTAsync_disconnect(mqtt->handle, &options) == MQTTASYNC_SUCCESS ? 0 : -EIO;
}

void mqtt_abort(struct mqtt *mqtt)
{
	if (mqtt->state == MQTT_CONNECTED && disconnect(mqtt, 0) < 0) {
		mqtt_post_loss(mqtt, MQTT_LOSS_OTHER, "connection given up");
	}
}

void mqtt_finish(struct mqtt *mqtt, const char *topic, const char *payload, int timeout_ms)
{
	int64_t deadline = clock_real_mono_ms() + timeout_ms;

	if (mqtt->state != MQTT_CONNECTED) {
		return;
	}
	(void)send_message(mqtt, topic, payload, true, NULL); /* if it does not arrive, the will says the same */
	if (disconnect(mqtt, timeout_ms) < 0) {
		return;
	}
	while (mqtt->state == MQTT_CONNECTED) {
		struct pollfd pfd = { .fd = mqtt_fd(mqtt), .events = POLLIN };
		int64_t left = deadline - clock_real_mono_ms();
		if (left <= 0 || poll(&pfd, 1, (int)left) <= 0) {
			return;
		}
		mqtt_dispatch(mqtt);
	}
}

bool mqtt_destroy(struct mqtt *mqtt)
{
	if (!mqtt) {
		return true;
	}
	if (mqtt->state != MQTT_WAITING) {
		mailbox_close(mqtt->requests);
		mailbox_close(mqtt->box); /* paho's thread still posts to it: not freed */
		return false;
	}
	if (mqtt->handle) {
		MQTTAsync_destroy(&mqtt->handle);
	}
	mailbox_destroy(mqtt->box);
	mailbox_destroy(mqtt->requests);
	free(mqtt->will_topic);
	free(mqtt->will_payload);
	free(mqtt);
	return true;
}
