/* optional.h - messages that may wait: our presence, means and retained states. They never take the room that an alarm
 * needs. After a refusal for a reason that passes none of them is sent for a growing pause. Main loop only. */
#ifndef EMIS_DAEMON_MQTT_OPTIONAL_H
#define EMIS_DAEMON_MQTT_OPTIONAL_H

#include "daemon/mqtt/connection.h"
#include "daemon/mqtt/message.h"
#include "daemon/mqtt/presence.h"
#include "daemon/store/store.h"

/* Tokens: of the presence; rows of the outbox have ids from 1, means are below 0, states are above all rows. */
#define PRESENCE_TOKEN 0
#define STATE_TOKEN (INT64_MAX / 2)

struct optional;

/* Composes retained states. */
struct optional_source {
	/* The text of a state, freed by the caller, and its topic (TOPIC_SIZE): index counts from 0 to n_states - 1,
	 * and n_states is the gateway's health. NULL when out of memory. */
	char *(*state)(void *context, size_t index, char *topic);
	void *context;
	size_t n_states;
};

/* All is borrowed; the source is copied. */
struct optional_setup {
	const struct message_context *context;
	struct store *store;
	struct connection *connection;
	const struct presence *presence;
	struct optional_source source;
};

/* NULL when out of memory. */
struct optional *optional_create(const struct optional_setup *setup);
void optional_destroy(struct optional *optional);

/* True for the tokens of these messages. */
bool optional_has_token(int64_t token);

/* A connection was made: presence and all states are to be published. */
void optional_connected(struct optional *optional);
/* The connection ended: what was in flight is to be published again. */
void optional_lost(struct optional *optional);

/* All states of the plant, or the gateway's health, are to be published; periods were closed and stored. */
void optional_want_states(struct optional *optional);
void optional_want_health(struct optional *optional);
void optional_periods_closed(struct optional *optional);

/* Publishes our presence if that is due. False when the broker takes no message as large as that. */
bool optional_send_presence(struct optional *optional);
/* Publishes means and states as far as there is room; most_means: how many means may be in flight. False when the
 * library takes no more now: call again soon. */
bool optional_send(struct optional *optional, size_t most_means);

/* The broker took, or refused, the message. */
void optional_acknowledged(struct optional *optional, int64_t token);
void optional_refused(struct optional *optional, int64_t token, int code, const char *reason);

/* When the pause after a refusal ends, as a real monotonic time; in the past without a pause. */
int64_t optional_pause_until_ms(const struct optional *optional);
/* Means that were refused may be sent again, if the pause is over. */
void optional_end_pause(struct optional *optional);
/* A state is to be published and not in flight. */
bool optional_has_states(const struct optional *optional);

#endif
