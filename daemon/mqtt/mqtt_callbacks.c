/* mqtt_callbacks.c - paho's callbacks, on its own thread: each posts a note to the mailbox and does nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/mqtt/broker.h"
#include "daemon/mqtt/mqtt_internal.h"

/* A reason is never empty: a line of the log ends with it. Long ones are cut. */
static void set_reason(struct note *note, const char *reason)
{
	(void)text_copy(note->reason, sizeof(note->reason), reason && reason[0] ? reason : "no reason given");
}

void mqtt_post_loss(struct mqtt *mqtt, enum mqtt_loss_kind kind, const char *reason)
{
	struct note note = { .kind = NOTE_LOST, .epoch = mqtt->epoch, .token = -1, .loss = kind };

	set_reason(&note, reason);
	(void)mailbox_post(mqtt->box, &note, false); /* fails only after mqtt_destroy() */
}

/* Writes a reason code of MQTT 5 in words. */
static void write_code(int code, char *words, size_t size)
{
	const char *name = MQTTReasonCode_toString((enum MQTTReasonCodes)code);

	snprintf(words, size, "%s (reason 0x%02X)", name ? name : "a reason unknown to MQTT 5", (unsigned)code);
}

static unsigned get_property(MQTTProperties *properties, enum MQTTPropertyCodes code, unsigned otherwise)
{
	if (!properties || !MQTTProperties_hasProperty(properties, code)) {
		return otherwise;
	}
	return (unsigned)MQTTProperties_getNumericValue(properties, code);
}

/* Callbacks about the connection get no epoch. The present one is right: the next starts only after NOTE_LOST of this
 * one was handled. */
static void on_connected5(void *context, MQTTAsync_successData5 *data)
{
	struct mqtt *mqtt = context;
	MQTTProperties *p = data ? &data->properties : NULL;
	unsigned largest = get_property(p, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, 0);
	struct note note = { .kind = NOTE_CONNECTED, .epoch = mqtt->epoch, .token = -1 };

	note.terms = (struct mqtt_terms){ .version = mqtt->version,
		.largest = largest > 0 ? largest : SIZE_MAX,
		.at_once = get_property(p, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, 65535),
		.highest_qos = get_property(p, MQTTPROPERTY_CODE_MAXIMUM_QOS, 2),
		.keepalive_s = get_property(p, MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE, 0),
		.topic_aliases = get_property(p, MQTTPROPERTY_CODE_TOPIC_ALIAS_MAXIMUM, 0),
		.no_retain = get_property(p, MQTTPROPERTY_CODE_RETAIN_AVAILABLE, 1) == 0 };
	(void)mailbox_post(mqtt->box, &note, false); /* as in mqtt_post_loss() */
}

static void on_connected3(void *context, MQTTAsync_successData *data)
{
	(void)data;
	on_connected5(context, NULL);
}

/* Gets a line of OpenSSL's error queue, thread:error:code:library:function:reason:file:line:data. paho itself only says
 * that there is no connection. */
static int on_tls_error(const char *line, size_t length, void *context)
{
	struct mqtt *mqtt = context;
	const char *at = line;

	(void)length;
	for (int i = 0; at && i < 5; i++) {
		at = strchr(at, ':');
		at = at ? at + 1 : NULL;
	}
	if (at && !mqtt->tls_reason[0]) {
		snprintf(mqtt->tls_reason, sizeof(mqtt->tls_reason), "%.*s", (int)strcspn(at, ":\n"), at);
	}
	return 1;
}

/* Words for the broker's code, or NULL: return codes of MQTT 3.1.1 (3.2.2.3), reason codes of MQTT 5. */
static const char *refusal_words(int code)
{
	static const char *const old[] = { NULL, "Unacceptable protocol version", "Identifier rejected",
		"Server unavailable", "Bad user name or password", "Not authorized" };

	if (code >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
		return MQTTReasonCode_toString((enum MQTTReasonCodes)code);
	}
	return code >= 0 && (size_t)code < ARRAY_SIZE(old) ? old[code] : NULL;
}

static enum mqtt_loss_kind refusal_kind(int code)
{
	if (code == 1 || code == MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION) {
		return MQTT_LOSS_VERSION;
	}
	return code == 2 ? MQTT_LOSS_IDENTIFIER : MQTT_LOSS_OTHER;
}

/* No CONNACK came, and the library does not say why: a second connection to the broker's port does. The library's lock
 * is held meanwhile; the main loop calls none of its functions before the note was posted. */
static void find_reason(struct mqtt *mqtt)
{
	char words[MQTT_REASON_SIZE], reason[MQTT_REASON_SIZE];

	if (!broker_answers(mqtt->uri, words, sizeof(words)) ||
		!broker_has_tls(mqtt->uri, mqtt->conf, words, sizeof(words))) {
		mqtt_post_loss(mqtt, MQTT_LOSS_OTHER, words);
		return;
	}
	if (mqtt->tls_reason[0]) { /* paho's handshake failed, ours did not */
		snprintf(reason, sizeof(reason), "no TLS: %.100s", mqtt->tls_reason);
		mqtt_post_loss(mqtt, MQTT_LOSS_OTHER, reason);
		return;
	}
	snprintf(reason, sizeof(reason), "the broker accepts %s connections, but does not answer to MQTT %s",
		strncmp(mqtt->uri, "ssl", 3) == 0 ? "TLS" : "TCP", mqtt->version == 5 ? "5" : "3.1.1");
	mqtt_post_loss(mqtt, MQTT_LOSS_NO_ANSWER, reason);
}

static void on_connect_failed(struct mqtt *mqtt, int code, const char *message)
{
	const char *words = refusal_words(code);
	char reason[MQTT_REASON_SIZE];

	if (mqtt->tls_reason[0] || code < 0) {
		find_reason(mqtt);
		mqtt->tls_reason[0] = '\0';
	} else {
		words = words ? words : message;
		snprintf(reason, sizeof(reason), "the broker refused the connection: %s (code %d)",
			words ? words : "a code unknown to MQTT", code);
		mqtt_post_loss(mqtt, refusal_kind(code), reason);
	}
}

static void on_connect_failed5(void *context, MQTTAsync_failureData5 *data)
{
	on_connect_failed(context, data->reasonCode > 0 ? (int)data->reasonCode : data->code, data->message);
}

static void on_connect_failed3(void *context, MQTTAsync_failureData *data)
{
	on_connect_failed(context, data ? data->code : -1, data ? data->message : NULL);
}

static void on_lost(void *context, char *cause)
{
	mqtt_post_loss(context, MQTT_LOSS_OTHER, cause && cause[0] ? cause : "connection lost");
}

/* Reasons of a DISCONNECT that have nothing to do with the messages in flight. */
static bool is_broker_trouble(enum MQTTReasonCodes code)
{
	static const int codes[] = { 0x00, 0x80, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x93, 0x96, 0x97, 0x98, 0x9C, 0x9D, 0x9F,
		0xA0 };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if ((int)code == codes[i]) {
			return true;
		}
	}
	return false;
}

/* Only this callback is made for a DISCONNECT packet of an MQTT 5 broker. */
static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes code)
{
	char name[96], reason[160];

	(void)properties;
	if (code == MQTTREASONCODE_SESSION_TAKEN_OVER) {
		mqtt_post_loss(context, MQTT_LOSS_TAKEN_OVER, "session taken over (reason 0x8E)");
		return;
	}
	write_code((int)code, name, sizeof(name));
	snprintf(reason, sizeof(reason), "the broker ended the connection: %s", name);
	mqtt_post_loss(context, is_broker_trouble(code) ? MQTT_LOSS_BROKER_BUSY : MQTT_LOSS_OTHER, reason);
}

static void on_disconnect_done(void *context, MQTTAsync_successData *data)
{
	(void)data;
	mqtt_post_loss(context, MQTT_LOSS_OTHER, "disconnected");
}

static void on_disconnect_done5(void *context, MQTTAsync_successData5 *data)
{
	(void)data;
	on_disconnect_done(context, NULL);
}

static void copy_properties(MQTTProperties *properties, struct mqtt_request *request)
{
	MQTTProperty *topic = MQTTProperties_getProperty(properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC);
	MQTTProperty *correlation = MQTTProperties_getProperty(properties, MQTTPROPERTY_CODE_CORRELATION_DATA);

	if (topic && (size_t)topic->value.data.len < sizeof(request->response_topic)) {
		memcpy(request->response_topic, topic->value.data.data, (size_t)topic->value.data.len);
	}
	if (correlation && (size_t)correlation->value.data.len <= sizeof(request->correlation)) {
		request->n_correlation = (size_t)correlation->value.data.len;
		memcpy(request->correlation, correlation->value.data.data, request->n_correlation);
	}
}

static int on_message(void *context, char *topic, int length, MQTTAsync_message *message)
{
	struct mqtt *mqtt = context;
	struct mqtt_request request = { .size = (size_t)message->payloadlen };

	(void)length; /* 0: our topics hold no zero byte */
	request.presence = strcmp(topic, mqtt->will_topic) == 0;
	request.too_long = request.size > MQTT_REQUEST_SIZE;
	request.size = request.too_long ? MQTT_REQUEST_SIZE : request.size;
	memcpy(request.payload, message->payload, request.size);
	copy_properties(&message->properties, &request);
	/* A retained request is an old one. */
	if ((!message->retained || request.presence) && mailbox_offer(mqtt->requests, &request)) {
		struct note note = { .kind = NOTE_REQUESTED, .epoch = mqtt->epoch, .token = -1 };
		(void)mailbox_post(mqtt->box, &note, false); /* as in mqtt_post_loss() */
	}
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}

/* Posts what became of the message; the rest of the note is filled in here. */
static void post_fate(void *context, struct note fate)
{
	struct handed_over *h = context;

	fate.epoch = h->epoch;
	fate.token = h->token;
	(void)mailbox_post(h->mqtt->box, &fate, false); /* as in mqtt_post_loss() */
	free(h);
}

static void on_acknowledged5(void *context, MQTTAsync_successData5 *data)
{
	struct note fate = { .kind = NOTE_ACKNOWLEDGED };

	fate.no_subscriber = data->reasonCode == MQTTREASONCODE_NO_MATCHING_SUBSCRIBERS;
	post_fate(context, fate);
}

static void on_acknowledged3(void *context, MQTTAsync_successData *data)
{
	struct note fate = { .kind = NOTE_ACKNOWLEDGED };

	(void)data;
	post_fate(context, fate);
}

static void on_refused5(void *context, MQTTAsync_failureData5 *data)
{
	/* Without a reason from the broker the connection was lost: unknown fate, not a refusal. */
	bool refused = data->code >= 0 && data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR;
	struct note fate = { .kind = refused ? NOTE_REFUSED : NOTE_UNKNOWN_FATE, .code = (int)data->reasonCode };

	write_code(fate.code, fate.reason, sizeof(fate.reason));
	post_fate(context, fate);
}

static void on_refused3(void *context, MQTTAsync_failureData *data)
{
	struct note fate = { .kind = NOTE_UNKNOWN_FATE };

	(void)data; /* MQTT 3.1.1 has no refusals */
	post_fate(context, fate);
}

/* ---- which callback is called when ---- */

bool mqtt_set_handle_callbacks(struct mqtt *mqtt)
{
	return MQTTAsync_setCallbacks(mqtt->handle, mqtt, on_lost, on_message, NULL) == MQTTASYNC_SUCCESS &&
		(mqtt->version != 5 ||
			MQTTAsync_setDisconnected(mqtt->handle, mqtt, on_disconnected) == MQTTASYNC_SUCCESS);
}

void mqtt_set_connect_callbacks(struct mqtt *mqtt, MQTTAsync_connectOptions *options)
{
	options->context = mqtt;
	if (mqtt->version == 5) {
		options->onSuccess5 = on_connected5;
		options->onFailure5 = on_connect_failed5;
	} else {
		options->onSuccess = on_connected3;
		options->onFailure = on_connect_failed3;
	}
}

void mqtt_set_tls_callbacks(struct mqtt *mqtt, MQTTAsync_SSLOptions *options)
{
	options->ssl_error_cb = on_tls_error;
	options->ssl_error_context = mqtt;
}

void mqtt_set_disconnect_callbacks(struct mqtt *mqtt, MQTTAsync_disconnectOptions *options)
{
	options->context = mqtt;
	if (mqtt->version == 5) {
		options->onSuccess5 = on_disconnect_done5;
	} else {
		options->onSuccess = on_disconnect_done;
	}
}

void mqtt_set_message_callbacks(struct handed_over *handed_over, MQTTAsync_responseOptions *options)
{
	options->context = handed_over;
	if (handed_over->mqtt->version == 5) {
		options->onSuccess5 = on_acknowledged5;
		options->onFailure5 = on_refused5;
	} else {
		options->onSuccess = on_acknowledged3;
		options->onFailure = on_refused3;
	}
}
