/* out_mqtt_callbacks.c - what paho tells, on its own thread: every callback leaves a note in the mailbox and does
 * nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/out_mqtt_parts.h"

void mqtt_leave_note(struct mqtt *mqtt, enum note_kind kind, unsigned epoch, int64_t token, const char *reason)
{
	struct note note = { .kind = kind, .epoch = epoch, .token = token };

	(void)text_copy(note.reason, sizeof(note.reason), reason ? reason : "");
	(void)mailbox_post(mqtt->box, &note, false); /* closed only when nobody listens any more */
}

/* The library gives callbacks about the connection nothing but the pointer we gave it. That is of the epoch
 * in which connecting started, and a new one starts only after this one's end was noted. */
static void on_connected5(void *context, MQTTAsync_successData5 *data)
{
	struct mqtt *mqtt = context;
	MQTTProperties *properties = data ? &data->properties : NULL;
	int64_t largest = 0;

	if (properties && MQTTProperties_hasProperty(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE)) {
		largest = (int64_t)MQTTProperties_getNumericValue(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE);
	}
	mqtt_leave_note(mqtt, NOTE_CONNECTED, mqtt->epoch, largest, NULL);
}

static void on_connected3(void *context, MQTTAsync_successData *data)
{
	(void)data;
	on_connected5(context, NULL);
}

/* A line of OpenSSL's error queue, thread:error:code:library:function:reason:file:line:data. paho itself only says that
 * there is no connection. */
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

/* The broker's own word, or NULL: return codes of MQTT 3.1.1 (3.2.2.3), reason codes of MQTT 5. */
static const char *refusal(int code)
{
	static const char *const old[] = { NULL, "Unacceptable protocol version", "Identifier rejected",
		"Server unavailable", "Bad user name or password", "Not authorized" };

	if (code >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
		return MQTTReasonCode_toString((enum MQTTReasonCodes)code);
	}
	return code >= 0 && (size_t)code < ARRAY_SIZE(old) ? old[code] : NULL;
}

static void on_connect_failed(struct mqtt *mqtt, int code, const char *message)
{
	const char *words = refusal(code);
	char reason[96];

	words = words ? words : message;
	if (mqtt->tls_reason[0]) {
		snprintf(reason, sizeof(reason), "no TLS: %s", mqtt->tls_reason);
		mqtt->tls_reason[0] = '\0';
	} else if (code < 0 && strncmp(mqtt->uri, "ssl", 3) == 0) {
		snprintf(reason, sizeof(reason), "no connection, no TLS, or a certificate for another host (code %d)",
			code);
	} else {
		snprintf(reason, sizeof(reason), "%s (code %d)", words ? words : "no connection", code);
	}
	mqtt_leave_note(mqtt, NOTE_LOST, mqtt->epoch, -1, reason);
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
	struct mqtt *mqtt = context;

	mqtt_leave_note(mqtt, NOTE_LOST, mqtt->epoch, -1, cause ? cause : "connection lost");
}

/* A DISCONNECT packet of an MQTT 5 broker comes only here. */
static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes code)
{
	struct mqtt *mqtt = context;
	const char *words = MQTTReasonCode_toString(code);

	(void)properties;
	mqtt_leave_note(mqtt, NOTE_LOST, mqtt->epoch, -1, words ? words : "the broker disconnected");
}

static void on_done(void *context, MQTTAsync_successData *data)
{
	struct mqtt *mqtt = context;

	(void)data;
	mqtt_leave_note(mqtt, NOTE_LOST, mqtt->epoch, -1, "disconnected");
}

static void on_done5(void *context, MQTTAsync_successData5 *data)
{
	(void)data;
	on_done(context, NULL);
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

	(void)length; /* only one topic is subscribed to */
	request.too_long = request.size > MQTT_REQUEST_SIZE;
	request.size = request.too_long ? MQTT_REQUEST_SIZE : request.size;
	memcpy(request.payload, message->payload, request.size);
	copy_properties(&message->properties, &request);
	/* What was retained was not asked now. */
	if (!message->retained && mailbox_offer(mqtt->requests, &request)) {
		mqtt_leave_note(mqtt, NOTE_REQUESTED, mqtt->epoch, -1, NULL);
	}
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}

static void settle(void *context, enum note_kind kind, bool no_subscriber, const char *reason)
{
	struct handed_over *h = context;
	struct note note = { .kind = kind, .epoch = h->epoch, .token = h->token, .no_subscriber = no_subscriber };

	(void)text_copy(note.reason, sizeof(note.reason), reason ? reason : "");
	(void)mailbox_post(h->mqtt->box, &note, false); /* as in mqtt_leave_note() */
	free(h);
}

static void on_acknowledged5(void *context, MQTTAsync_successData5 *data)
{
	settle(context, NOTE_ACKNOWLEDGED, data->reasonCode == MQTTREASONCODE_NO_MATCHING_SUBSCRIBERS, NULL);
}

static void on_acknowledged3(void *context, MQTTAsync_successData *data)
{
	(void)data;
	settle(context, NOTE_ACKNOWLEDGED, false, NULL);
}

static void on_refused5(void *context, MQTTAsync_failureData5 *data)
{
	/* Without a reason of the broker's the fate is unknown (connection loss), not a refusal. */
	bool refused = data->code >= 0 && data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR;

	settle(context, refused ? NOTE_REFUSED : NOTE_UNKNOWN, false, MQTTReasonCode_toString(data->reasonCode));
}

static void on_refused3(void *context, MQTTAsync_failureData *data)
{
	(void)data; /* MQTT 3.1.1 knows no refusal */
	settle(context, NOTE_UNKNOWN, false, NULL);
}

/* ---- which callback is called when ---- */

bool mqtt_callbacks_of_handle(struct mqtt *mqtt)
{
	return MQTTAsync_setCallbacks(mqtt->handle, mqtt, on_lost, on_message, NULL) == MQTTASYNC_SUCCESS &&
		(mqtt->conf->version != 5 ||
			MQTTAsync_setDisconnected(mqtt->handle, mqtt, on_disconnected) == MQTTASYNC_SUCCESS);
}

void mqtt_callbacks_of_connect(struct mqtt *mqtt, MQTTAsync_connectOptions *options)
{
	options->context = mqtt;
	if (mqtt->conf->version == 5) {
		options->onSuccess5 = on_connected5;
		options->onFailure5 = on_connect_failed5;
	} else {
		options->onSuccess = on_connected3;
		options->onFailure = on_connect_failed3;
	}
}

void mqtt_callbacks_of_tls(struct mqtt *mqtt, MQTTAsync_SSLOptions *options)
{
	options->ssl_error_cb = on_tls_error;
	options->ssl_error_context = mqtt;
}

void mqtt_callbacks_of_disconnect(struct mqtt *mqtt, MQTTAsync_disconnectOptions *options)
{
	options->context = mqtt;
	if (mqtt->conf->version == 5) {
		options->onSuccess5 = on_done5;
	} else {
		options->onSuccess = on_done;
	}
}

void mqtt_callbacks_of_message(struct handed_over *handed_over, MQTTAsync_responseOptions *options)
{
	options->context = handed_over;
	if (handed_over->mqtt->conf->version == 5) {
		options->onSuccess5 = on_acknowledged5;
		options->onFailure5 = on_refused5;
	} else {
		options->onSuccess = on_acknowledged3;
		options->onFailure = on_refused3;
	}
}
