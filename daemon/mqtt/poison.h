/* poison.h - finds the message that makes the broker drop the connection. A broker that will not have a message may
 * answer it by ending the connection, time after time. After three such connections messages go one by one, which
 * shows the poison message; retained states and means are held back meanwhile. Pure; times are real monotonic
 * milliseconds. */
#ifndef EMIS_DAEMON_MQTT_POISON_H
#define EMIS_DAEMON_MQTT_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct poison {
	int64_t connected_ms;   /* when the connection was made */
	int64_t quiet_until_ms; /* before then hold back retained states and means: they may be the cause */
	unsigned unanswered;    /* connections in a row that ended with messages unacknowledged */
	unsigned short_lived;   /* connections in a row that ended soon with no row of the outbox in flight */
	unsigned acknowledged;  /* rows, since they go one by one */
	bool careful;           /* rows go one by one, and only on a proven connection */
	bool proven;            /* the broker answered a harmless message on this connection */
};

/* Bits: what the end of a connection showed. */
enum poison_finding {
	POISON_NOTHING = 0,
	POISON_CAREFUL = 1, /* from now on rows go one by one */
	POISON_QUIET = 2,   /* hold back retained states and means for a while, from now on */
	POISON_CULPRIT = 4  /* the only row in flight ended the connection once more */
};

void poison_connected(struct poison *poison, int64_t now_ms);
/* The broker answered a harmless message: the connection works. */
void poison_prove_connection(struct poison *poison);
/* The broker took a row of the outbox. */
void poison_count_acknowledgement(struct poison *poison);
/* The connection ended with so many rows of the outbox in flight. Returns enum poison_finding, or-ed. */
unsigned poison_lost(struct poison *poison, size_t in_flight, int64_t now_ms);

/* How many rows may be in flight; `window` without suspicion. */
size_t poison_window(const struct poison *poison, size_t window);
/* True while retained states and means are held back. */
bool poison_quiet(const struct poison *poison, int64_t now_ms);

#endif
