/* mqtt.h - the way to the bureau: paho's MQTTAsync, and nothing of it outside.
 *
 * Paho's callbacks arrive on its own thread; they only post to a mailbox, which mqtt_dispatch() empties on the main
 * loop. While a connection is being made no function of the library is called: it would block
 * during a name lookup. */
#ifndef EMIS_DAEMON_MQTT_MQTT_H
#define EMIS_DAEMON_MQTT_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conf/site.h"

struct mqtt;

enum mqtt_state { MQTT_WAITING, MQTT_CONNECTING, MQTT_CONNECTED };

#define MQTT_REQUEST_SIZE 1024 /* of the payload; longer ones are cut and marked */
#define MQTT_TOPIC_SIZE 160
#define MQTT_CORRELATION_SIZE 64

/* How to connect: decided anew for each connection. */
struct mqtt_manner {
	int version;     /* 5, or 3 for 3.1.1 */
	int keepalive_s; /* between two pings */
};

/* What a broker announced when the connection was made. */
struct mqtt_terms {
	int version;            /* of the connection: 5, or 3 for 3.1.1 */
	size_t largest;         /* message that it takes, in bytes; SIZE_MAX when it did not say */
	unsigned at_once;       /* messages that may be on their way; 65535 when it did not say */
	unsigned highest_qos;   /* 1 or 2 unless it said 0 */
	unsigned keepalive_s;   /* which it demands instead of ours; 0 when it did not say */
	unsigned topic_aliases; /* not used by us, but part of what it announces */
	bool no_retain;
};

enum mqtt_loss_kind {
	MQTT_LOSS_OTHER,
	MQTT_LOSS_BROKER_BUSY, /* the broker said why, and it is no matter of what was sent: it is shutting down, full,
				  ... */
	MQTT_LOSS_VERSION,     /* it does not speak the version that it was asked for */
	MQTT_LOSS_IDENTIFIER,  /* "identifier rejected", which Mosquitto also says of a keepalive that it finds too long
				*/
	MQTT_LOSS_NO_ANSWER,   /* a TCP connection came about, but no CONNACK */
	MQTT_LOSS_TAKEN_OVER   /* somebody else connected with our client id */
};

struct mqtt_loss {
	enum mqtt_loss_kind kind;
	const char *reason; /* never empty; until the callback returns */
};

/* What the bureau asks for. From outside: nothing of it has been looked at. */
struct mqtt_request {
	char payload[MQTT_REQUEST_SIZE + 1];
	size_t size;
	bool too_long;
	bool presence;                        /* published to our own topic "online": a request it is not */
	char response_topic[MQTT_TOPIC_SIZE]; /* "" = none; MQTT 5 only */
	unsigned char correlation[MQTT_CORRELATION_SIZE];
	size_t n_correlation;
};

/* Called from mqtt_dispatch(), on the main loop. */
struct mqtt_handler {
	void (*connected)(void *context, const struct mqtt_terms *terms);
	/* The connection ended or could not be made; everything in flight is of unknown fate. */
	void (*lost)(void *context, const struct mqtt_loss *loss);
	/* The broker took message `token`. no_subscriber: nobody is listening (MQTT 5 only). */
	void (*acknowledged)(void *context, int64_t token, bool no_subscriber);
	/* The broker refused message `token`; code is MQTT 5's reason code, reason its words, never empty. */
	void (*refused)(void *context, int64_t token, int code, const char *reason);
	/* Somebody published to a topic that was subscribed to. */
	void (*requested)(void *context, const struct mqtt_request *request);
	void *context;
};

/* conf is borrowed, all else is copied. The broker publishes the will, retained, when this box falls silent. */
struct mqtt_setup {
	const struct mqtt_conf *conf;
	const char *client_id;  /* shorter than MQTT_CLIENT_ID_SIZE */
	const char *will_topic; /* the topic of our presence */
	const char *will_payload;
	struct mqtt_handler handler;
};

/* NULL with a sentence in `error` when the settings cannot be used. */
struct mqtt *mqtt_create(const struct mqtt_setup *setup, char *error, size_t size);

/* Readable when mqtt_dispatch() has something to do. */
int mqtt_fd(const struct mqtt *mqtt);
void mqtt_dispatch(struct mqtt *mqtt);

enum mqtt_state mqtt_get_state(const struct mqtt *mqtt);

/* Starts to connect to conf->brokers[broker]; connected() or lost() will tell. Only while MQTT_WAITING. 0 or -EIO. */
int mqtt_connect(struct mqtt *mqtt, size_t broker, const struct mqtt_manner *manner);

/* Asks for what is published to this topic; call when connected. False when it could not be asked for. */
bool mqtt_subscribe(struct mqtt *mqtt, const char *topic);

/* Bytes of a message as it would be sent, at the most. */
size_t mqtt_message_size(const char *topic, const char *payload);

enum mqtt_handed {
	MQTT_HANDED,
	MQTT_LATER, /* it could not be handed over now */
	MQTT_NEVER  /* the library will never take it: the topic is not UTF-8 */
};

/* Hands a QoS 1 message over; acknowledged() or refused() tells its fate, lost() ends the waiting. */
enum mqtt_handed mqtt_publish(struct mqtt *mqtt, int64_t token, const char *topic, const char *payload, bool retained);

/* Answers a request: to `topic`, with what identifies the request. */
bool mqtt_reply(struct mqtt *mqtt, const struct mqtt_request *request, const char *topic, const char *payload);

/* Ends a connection that no longer answers; lost() follows. */
void mqtt_abort(struct mqtt *mqtt);

/* Publishes a last retained message and disconnects; waits at most timeout_ms (real). */
void mqtt_finish(struct mqtt *mqtt, const char *topic, const char *payload, int timeout_ms);

/* Only what can be freed safely is: paho must not be destroyed while it connects. Then false: its thread goes on, and
 * the process must end by _exit(), or OpenSSL's clean-up at exit takes the ground from under it. */
bool mqtt_destroy(struct mqtt *mqtt);

#endif
