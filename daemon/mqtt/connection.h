/* connection.h - the connection to the bureau: which broker, in which manner (peer.h), after which pause, and how long
 * a broker may leave messages unacknowledged. Knows messages by their tokens only; delivery.h decides what is sent.
 * Main loop only. */
#ifndef EMIS_DAEMON_MQTT_CONNECTION_H
#define EMIS_DAEMON_MQTT_CONNECTION_H

#include "daemon/base/loop.h"
#include "daemon/mqtt/mqtt.h"
#include "daemon/mqtt/presence.h"

struct connection;

/* How a new connection differs from the one before. */
enum connection_news {
	CONNECTION_SAME_TERMS,
	CONNECTION_OTHER_TERMS, /* the broker announced other properties */
	CONNECTION_NEW_BROKER   /* the first connection to this broker in this run of emisd */
};

struct connection_handler {
	/* Messages may be sent. */
	void (*up)(void *context, enum connection_news news);
	/* The connection ended; whether messages in flight arrived is unknown. suspicious: the broker may have ended it
	 * because of a message. Also called after an attempt that failed. */
	void (*down)(void *context, bool suspicious);
	/* The broker took, or refused, message `token`; as in mqtt.h. */
	void (*acknowledged)(void *context, int64_t token, bool no_subscriber);
	void (*refused)(void *context, int64_t token, int code, const char *reason);
	/* The bureau published a request. */
	void (*requested)(void *context, const struct mqtt_request *request);
	/* Another gateway uses the site's id. */
	void (*rival)(void *context, const char *words);
	/* A day has passed, or the time after which MQTT 5 is tried again. */
	void (*day_passed)(void *context);
	void *context;
};

/* All is borrowed; the handler is copied. */
struct connection_setup {
	const struct site *site;
	const struct presence *presence;
	struct loop *loop;
	struct connection_handler handler;
};

/* Starts to connect at once; does nothing where no broker is configured. NULL with a sentence in `error`. */
struct connection *connection_create(const struct connection_setup *setup, char *error, size_t size);
/* Publishes that the gateway is offline and disconnects, within timeout_ms (real). */
void connection_finish(struct connection *connection, int timeout_ms);
/* As mqtt_destroy(). */
bool connection_destroy(struct connection *connection);

bool connection_may_send(const struct connection *connection);
/* As mqtt_publish(). */
enum mqtt_handed connection_publish(
	struct connection *connection, int64_t token, const char *topic, const char *payload, bool retained);
/* As mqtt_reply(). */
bool connection_reply(
	struct connection *connection, const struct mqtt_request *request, const char *topic, const char *payload);
/* Messages that were published and not answered. */
size_t connection_in_flight(const struct connection *connection);

/* Properties that the broker announced; those of the last connection while there is none. */
const struct mqtt_terms *connection_terms(const struct connection *connection);
/* The broker in use, or tried next; "" when none is configured. */
const char *connection_broker_name(const struct connection *connection);
/* connected, connecting, waiting, or off when none is configured. */
const char *connection_state_name(const struct connection *connection);
/* Why the last connection ended; "" while one stands. */
const char *connection_error(const struct connection *connection);

#endif
