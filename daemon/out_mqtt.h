/* out_mqtt.h - the way to the bureau: paho's MQTTAsync, and nothing of it outside.
 *
 * Paho's callbacks arrive on its own thread; they only post to a mailbox, which mqtt_dispatch() empties on the main
 * loop. While a connection is being made no function of the library is called: it would block
 * during a name lookup. */
#ifndef EMIS_DAEMON_OUT_MQTT_H
#define EMIS_DAEMON_OUT_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/site.h"

struct mqtt;

enum mqtt_state { MQTT_WAITING, MQTT_CONNECTING, MQTT_CONNECTED };

#define MQTT_REQUEST_SIZE 1024 /* of the payload; longer ones are cut and marked */
#define MQTT_TOPIC_SIZE 160
#define MQTT_CORRELATION_SIZE 64

/* What the bureau asks for. From outside: nothing of it has been looked at. */
struct mqtt_request {
	char payload[MQTT_REQUEST_SIZE + 1];
	size_t size;
	bool too_long;
	char response_topic[MQTT_TOPIC_SIZE]; /* "" = none; MQTT 5 only */
	unsigned char correlation[MQTT_CORRELATION_SIZE];
	size_t n_correlation;
};

/* Called from mqtt_dispatch(), on the main loop. */
struct mqtt_handler {
	void (*connected)(void *context);
	/* The connection ended or could not be made; everything in flight is of unknown fate. */
	void (*lost)(void *context, const char *reason);
	/* The broker took message `token`. no_subscriber: nobody is listening (MQTT 5 only). */
	void (*acknowledged)(void *context, int64_t token, bool no_subscriber);
	/* The broker refused message `token` for a reason of the message's own. */
	void (*refused)(void *context, int64_t token, const char *reason);
	/* Somebody published to the topic that was subscribed to. */
	void (*requested)(void *context, const struct mqtt_request *request);
	void *context;
};

/* The will (retained) is what the broker publishes when this box falls silent. Strings are copied.
 * NULL with a sentence in `error` when the settings cannot be used. */
struct mqtt *mqtt_create(const struct mqtt_conf *conf, const char *client_id, const char *will_topic,
	const char *will_payload, const struct mqtt_handler *handler, char *error, size_t size);

/* Readable when mqtt_dispatch() has something to do. */
int mqtt_fd(const struct mqtt *mqtt);
void mqtt_dispatch(struct mqtt *mqtt);

enum mqtt_state mqtt_get_state(const struct mqtt *mqtt);

/* Starts to connect to conf->brokers[broker]; connected() or lost() will tell. Only while MQTT_WAITING. 0 or -EIO. */
int mqtt_connect(struct mqtt *mqtt, size_t broker);

/* Asks for requests on this topic; call when connected. A broker that refuses it is none for requests: false. */
bool mqtt_subscribe(struct mqtt *mqtt, const char *topic);

/* The largest message that the broker takes, as it said when the connection was made; SIZE_MAX when it did not. */
size_t mqtt_largest(const struct mqtt *mqtt);

/* Bytes of a message as it would be sent, at the most. */
size_t mqtt_message_size(const char *topic, const char *payload);

/* Hands a QoS 1 message over; acknowledged() or refused() tells its fate, lost() ends the waiting.
 * False when it could not be handed over. */
bool mqtt_publish(struct mqtt *mqtt, int64_t token, const char *topic, const char *payload, bool retained);

/* Answers a request: to `topic`, with what identifies the request. */
bool mqtt_reply(struct mqtt *mqtt, const struct mqtt_request *request, const char *topic, const char *payload);

/* The same without interest in its fate. */
bool mqtt_publish_state(struct mqtt *mqtt, const char *topic, const char *payload);

/* Ends a connection that no longer answers; lost() follows. */
void mqtt_abort(struct mqtt *mqtt);

/* Publishes a last retained message and disconnects; waits at most timeout_ms (real). */
void mqtt_finish(struct mqtt *mqtt, const char *topic, const char *payload, int timeout_ms);

/* Only what can be freed safely is: paho must not be destroyed while it connects. Then false: its thread goes on, and
 * the process must end by _exit(), or OpenSSL's clean-up at exit takes the ground from under it. */
bool mqtt_destroy(struct mqtt *mqtt);

#endif
