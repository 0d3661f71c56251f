/* mqtt.h - one connection to a broker with paho's MQTTAsync; no other part of emisd calls that library.
 *
 * Paho's callbacks arrive on its own thread; they only post to a mailbox, which mqtt_dispatch() empties on the main
 * loop. All functions here are called on the main loop. While a connection is being made they call no function of the
 * library: it would block during a name lookup. */
#ifndef EMIS_DAEMON_MQTT_MQTT_H
#define EMIS_DAEMON_MQTT_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conf/site.h"

struct mqtt;

enum mqtt_state { MQTT_WAITING, MQTT_CONNECTING, MQTT_CONNECTED };

#define MQTT_REQUEST_SIZE 1024 /* of the payload; longer ones are cut, and too_long is set */
#define MQTT_TOPIC_SIZE 160
#define MQTT_CORRELATION_SIZE 64

/* How to connect; may differ from connection to connection. */
struct mqtt_manner {
	int version;     /* 5, or 3 for 3.1.1 */
	int keepalive_s; /* between two pings */
};

/* Properties that a broker announced when the connection was made. */
struct mqtt_terms {
	int version;            /* of the connection: 5, or 3 for 3.1.1 */
	size_t largest;         /* message that it takes, in bytes; SIZE_MAX when it did not say */
	unsigned at_once;       /* messages that may be in flight; 65535 when it did not say */
	unsigned highest_qos;   /* 1 or 2 unless it said 0 */
	unsigned keepalive_s;   /* demanded instead of ours; 0 when it did not say */
	unsigned topic_aliases; /* not used, but a change shows that the broker was configured anew */
	bool no_retain;
};

enum mqtt_loss_kind {
	MQTT_LOSS_OTHER,
	MQTT_LOSS_BROKER_BUSY, /* the broker said why, and no message is the reason: it shuts down, is full, ... */
	MQTT_LOSS_VERSION,     /* the broker does not speak the version that was asked for */
	MQTT_LOSS_IDENTIFIER,  /* "identifier rejected"; Mosquitto also says this of a keepalive that is too long */
	MQTT_LOSS_NO_ANSWER,   /* a TCP connection was made, but no CONNACK came */
	MQTT_LOSS_TAKEN_OVER   /* another client connected with our client id */
};

struct mqtt_loss {
	enum mqtt_loss_kind kind;
	const char *reason; /* never empty; valid until the callback returns */
};

/* A message that was published to us. Written by strangers: no part of it was checked. */
struct mqtt_request {
	char payload[MQTT_REQUEST_SIZE + 1];
	size_t size;
	bool too_long;
	bool presence;                        /* published to our own topic "online": not a request */
	char response_topic[MQTT_TOPIC_SIZE]; /* "" = none; MQTT 5 only */
	unsigned char correlation[MQTT_CORRELATION_SIZE];
	size_t n_correlation;
};

/* Called from mqtt_dispatch(), on the main loop. */
struct mqtt_handler {
	void (*connected)(void *context, const struct mqtt_terms *terms);
	/* The connection ended or could not be made; whether messages in flight arrived is unknown. */
	void (*lost)(void *context, const struct mqtt_loss *loss);
	/* The broker took message `token`. no_subscriber: nobody is subscribed to its topic (MQTT 5 only). */
	void (*acknowledged)(void *context, int64_t token, bool no_subscriber);
	/* The broker refused message `token`; `code` is MQTT 5's reason code, `reason` says it in words, never empty.
	 */
	void (*refused)(void *context, int64_t token, int code, const char *reason);
	/* A client published to a topic that was subscribed to. */
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

/* Starts to connect to conf->brokers[broker]; connected() or lost() is called later. Only while MQTT_WAITING. 0 or
 * -EIO. */
int mqtt_connect(struct mqtt *mqtt, size_t broker, const struct mqtt_manner *manner);

/* Subscribes to a topic; call when connected. False when the library refuses. */
bool mqtt_subscribe(struct mqtt *mqtt, const char *topic);

/* Upper bound of the size of a message as it is sent, in bytes. */
size_t mqtt_message_size(const char *topic, const char *payload);

enum mqtt_handed {
	MQTT_HANDED,
	MQTT_LATER, /* the library does not take it now */
	MQTT_NEVER  /* the library will never take it: the topic is not UTF-8 */
};

/* Hands a QoS 1 message to the library; acknowledged(), refused() or lost() is called later. */
enum mqtt_handed mqtt_publish(struct mqtt *mqtt, int64_t token, const char *topic, const char *payload, bool retained);

/* Publishes the answer to a request to `topic`, with the request's correlation data. False when the library refuses. */
bool mqtt_reply(struct mqtt *mqtt, const struct mqtt_request *request, const char *topic, const char *payload);

/* Ends the connection at once; lost() is called later. */
void mqtt_abort(struct mqtt *mqtt);

/* Publishes a last retained message and disconnects; waits at most timeout_ms (real). */
void mqtt_finish(struct mqtt *mqtt, const char *topic, const char *payload, int timeout_ms);

/* Frees all. While paho connects it must not be destroyed: then only what can be freed is, and the result is false. Its
 * thread goes on, and the process must end by _exit(): exit() would run OpenSSL's clean-up under that thread. */
bool mqtt_destroy(struct mqtt *mqtt);

#endif
