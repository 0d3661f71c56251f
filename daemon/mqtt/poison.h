/* poison.h - a broker may answer a message that it will not have by ending the connection, again and again. Then
 * messages go one by one, to find which it is, and states and means not at all. Pure; times are real monotonic
 * milliseconds. */
#ifndef EMIS_DAEMON_MQTT_POISON_H
#define EMIS_DAEMON_MQTT_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct poison {
	int64_t connected_ms;   /* when the connection was made */
	int64_t quiet_until_ms; /* before then states and means are not sent: it may be they */
	unsigned unanswered;    /* connections in a row that ended with messages unacknowledged */
	unsigned short_lived;   /* connections in a row that ended soon with nothing of the outbox on its way */
	unsigned calm;          /* acknowledgements since messages go one by one */
	bool careful;           /* one by one, and only once the broker has taken a harmless one */
	bool proven;            /* it has */
};

enum finding {
	FOUND_NOTHING = 0,
	FOUND_CAREFUL = 1, /* from now on messages go one by one */
	FOUND_QUIET = 2,   /* from now on, and for a while, states and means do not go */
	FOUND_CULPRIT = 4  /* the one message on its way ended the connection: once more */
};

void poison_connected(struct poison *s, int64_t now_ms);
/* The broker took something harmless: the connection works. */
void poison_proven(struct poison *s);
/* It took a message of the outbox. */
void poison_taken(struct poison *s);
/* The connection ended with so many messages of the outbox on their way. Returns the findings, or-ed. */
unsigned poison_lost(struct poison *s, size_t in_flight, int64_t now_ms);

/* How many messages may be on their way at once. */
size_t poison_window(const struct poison *s, size_t window);
/* States and means do not go now. */
bool poison_quiet(const struct poison *s, int64_t now_ms);

#endif
