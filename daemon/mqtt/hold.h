/* hold.h - messages that the broker refused for a reason that passes: they are tried again with a growing pause, and
 * what is behind them waits, so that their order stays. Pure; times are real monotonic milliseconds.
 *
 * A refusal for the whole client (a quota, an error of the broker's) holds everything back; after some tries only the
 * messages of the same topic, for it may be that one's own. A refusal for the topic (no right to it) holds back that
 * topic from the start; when it lasts, nobody is changing rights: the messages of that topic are set aside, and the
 * oldest of them is tried all the same. While something is held, one message at a time is tried. */
#ifndef EMIS_DAEMON_MQTT_HOLD_H
#define EMIS_DAEMON_MQTT_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOLD_TOPIC_SIZE 160
#define HOLD_TOPICS 64
#define HOLD_REASON_SIZE 120

enum refusal {
	REFUSAL_OF_CLIENT, /* passes: whatever this gateway sends now would be refused */
	REFUSAL_OF_TOPIC,  /* passes: no right to this topic now */
	REFUSAL_FOR_GOOD   /* of the message's own: it will never be taken */
};

/* What a reason code of a PUBACK says (MQTT 5.0, 3.4.2.1). What is not known passes. */
enum refusal refusal_of(int code);

struct held {
	char topic[HOLD_TOPIC_SIZE]; /* "" = all */
	unsigned refusals;           /* of the message that is tried */
	int64_t delay_ms;
	int64_t until_ms; /* the next try */
	int64_t trying;   /* the message on its way; 0 = none */
	bool aside;       /* messages of the topic are parked; the oldest of these is what is tried */
	char reason[HOLD_REASON_SIZE];
};

struct hold {
	struct held all; /* refusals is 0 while not everything is held */
	struct held topics[HOLD_TOPICS];
	size_t n_topics;
	int64_t since_ms; /* when the first was held, while something is */
};

/* A new connection: nothing is held. */
void hold_reset(struct hold *hold);

bool hold_is_empty(const struct hold *hold);

/* True when the message, the oldest of its topic that is not on its way, may be sent now. It then counts as tried. */
bool hold_admits(struct hold *hold, const char *topic, int64_t id, int64_t now_ms);

/* The message could not be handed over after all. */
void hold_withdraw(struct hold *hold, int64_t id);

/* A message that was refused. */
struct refused {
	const char *topic;
	int64_t id;
	enum refusal refusal; /* not REFUSAL_FOR_GOOD */
	const char *reason;
};

/* True when it was news: a first refusal, or that of a message that was tried. */
bool hold_refused(struct hold *hold, const struct refused *refused, int64_t now_ms);

/* Why messages of the topic are set aside; NULL when they are not. */
const char *hold_aside(const struct hold *hold, const char *topic);

/* A topic that is set aside and whose oldest message is to be tried now, as hold_try() then notes; NULL when there is
 * none. */
const char *hold_due_topic(const struct hold *hold, int64_t now_ms);
void hold_try(struct hold *hold, const char *topic, int64_t id);
/* Nothing of the topic is left that could be tried. */
void hold_forget(struct hold *hold, const char *topic);

/* The message was taken, or parked. True when something held is free again. */
bool hold_settled(struct hold *hold, int64_t id);

/* When the next try is due; INT64_MAX when nothing waits for a moment. */
int64_t hold_next(const struct hold *hold);

#endif
