/* gateway.h - what the box has to say of itself: conditions that concern no outlet. They are told in the same gapless
 * stream as the outlets' alarms, with GATEWAY in the outlet's place.
 *
 * States (the clock is not set, the disk is full) clear by themselves. Happenings (a step of the clock, a damaged file)
 * stay raised until somebody acknowledges them; while one is raised, more of the same are told once an hour. */
#ifndef EMIS_DAEMON_GATEWAY_H
#define EMIS_DAEMON_GATEWAY_H

#include <stdbool.h>

#include "daemon/mqtt/message.h"
#include "daemon/store/store.h"

enum gateway_rule {
	/* States. */
	GATEWAY_CLOCK_UNSET,   /* the clock was never set: readings wait with their monotonic stamps */
	GATEWAY_DISK_LOW,      /* less than the reserve is free: readings wait in memory */
	GATEWAY_MESSAGES_WAIT, /* the broker refuses messages for a reason that passes, for a minute or more */
	/* Happenings. */
	GATEWAY_CLOCK_STEP,       /* the wall clock jumped */
	GATEWAY_STORE_DAMAGE,     /* a file was damaged, set aside and replaced with what could be read */
	GATEWAY_READINGS_DROPPED, /* readings found no room on the disk for too long */
	GATEWAY_READINGS_UNDATED, /* readings of a run that ended before the clock was set */
	GATEWAY_MESSAGE_PARKED,   /* the broker will never take a message */
	GATEWAY_SESSION_TAKEN,    /* another gateway uses the site's id */
	GATEWAY_RULE_COUNT
};

struct gateway;

/* Everything is borrowed. What an earlier run raised goes on. NULL when out of memory or when the store cannot be
 * read. */
struct gateway *gateway_create(const struct message_context *context, struct store *store);
void gateway_destroy(struct gateway *gateway);

/* It is so, or has happened once more. Nothing is stored before gateway_commit(). */
void __attribute__((format(printf, 3, 4)))
gateway_say(struct gateway *gateway, enum gateway_rule rule, const char *format, ...);

/* It is no longer so. */
void gateway_end(struct gateway *gateway, enum gateway_rule rule);

/* Somebody has seen the alarm of this name: a happening is over. */
void gateway_acknowledged(struct gateway *gateway, const char *rule_name);

/* Commits what is new, and what failed before. True when there is a message to send. Failures are logged. */
bool gateway_commit(struct gateway *gateway);

#endif
