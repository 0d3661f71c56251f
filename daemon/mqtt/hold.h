/* hold.h - holds back messages that the broker refused for a reason that passes: each is tried again after a growing
 * pause, and the messages behind it wait, so that their order stays. Pure; times are real monotonic milliseconds.
 *
 * A refusal for the whole client (a quota, an error of the broker) holds back all messages; after some tries only
 * those of the same topic, because the refused message itself may be the reason. A refusal for the topic (no right to
 * it) holds back that topic from the start; when it lasts, nobody is changing rights: the messages of that topic are
 * set aside (parked), and the oldest of them is still tried. Of what is held back one message at a time is tried. */
#ifndef EMIS_DAEMON_MQTT_HOLD_H
#define EMIS_DAEMON_MQTT_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOLD_TOPIC_SIZE 160
#define HOLD_TOPICS 64
#define HOLD_REASON_SIZE 120

enum refusal {
	REFUSAL_OF_CLIENT, /* passes: any message of this gateway would be refused now */
	REFUSAL_OF_TOPIC,  /* passes: no right to this topic now */
	REFUSAL_FOR_GOOD   /* the broker will never take this message */
};

/* The meaning of a PUBACK's reason code (MQTT 5.0, 3.4.2.1). Unknown codes pass. */
enum refusal hold_refusal_of(int code);

/* A hold on all messages, or on those of one topic. */
struct held {
	char topic[HOLD_TOPIC_SIZE]; /* "" = all */
	unsigned refusals;           /* of the message that is tried */
	int64_t delay_ms;
	int64_t until_ms; /* the next try */
	int64_t trying;   /* the message in flight; 0 = none */
	bool aside;       /* the topic's messages are parked; the oldest of them is tried */
	char reason[HOLD_REASON_SIZE];
};

struct hold {
	struct held all; /* refusals is 0 while not all messages are held back */
	struct held topics[HOLD_TOPICS];
	size_t n_topics;
	int64_t since_ms; /* when the first message was held back; valid while hold_is_empty() is false */
};

/* A new connection: no message is held back. */
void hold_reset(struct hold *hold);

bool hold_is_empty(const struct hold *hold);

/* True when the message, the oldest of its topic that is not in flight, may be sent now. A message of what is held back
 * then counts as tried. */
bool hold_admits(struct hold *hold, const char *topic, int64_t id, int64_t now_ms);

/* True while all messages are held back and none may be tried. */
bool hold_blocks_all(const struct hold *hold, int64_t now_ms);

/* The message could not be sent after hold_admits() or hold_start_try(): it is not being tried. */
void hold_withdraw(struct hold *hold, int64_t id);

/* A message that was refused. */
struct refused {
	const char *topic;
	int64_t id;
	enum refusal refusal; /* not REFUSAL_FOR_GOOD */
	const char *reason;
};

/* Counts a refusal. True for a first one, or one of a message that was tried; false when the message was sent before
 * the first refusal came. */
bool hold_add_refusal(struct hold *hold, const struct refused *refused, int64_t now_ms);

/* Why messages of the topic are set aside; NULL when they are not. */
const char *hold_aside_reason(const struct hold *hold, const char *topic);

/* A topic that is set aside and whose oldest message is to be tried now; NULL when there is none. */
const char *hold_due_topic(const struct hold *hold, int64_t now_ms);
/* The topic's message `id` is being tried. */
void hold_start_try(struct hold *hold, const char *topic, int64_t id);
/* No message of the topic is left that could be tried. */
void hold_forget_topic(struct hold *hold, const char *topic);

/* The message was taken, or parked. True when its hold is over. */
bool hold_settle(struct hold *hold, int64_t id);

/* When the next try is due; INT64_MAX when no pause is running. */
int64_t hold_next_try_ms(const struct hold *hold);

#endif
