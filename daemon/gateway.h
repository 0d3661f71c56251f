/* gateway.h - alarms about the box itself: conditions that concern no outlet. They are published in the same gapless
 * stream as the outlets' alarms, with GATEWAY in the outlet's place. Main loop only.
 *
 * There are two kinds. States (the clock is not set, the disk is full) clear by themselves. Incidents (a step of the
 * clock, a damaged file) stay raised until somebody acknowledges them; while one is raised, further ones of the same
 * rule are reported at most once an hour. */
#ifndef EMIS_DAEMON_GATEWAY_H
#define EMIS_DAEMON_GATEWAY_H

#include <stdbool.h>

#include "daemon/mqtt/message.h"
#include "daemon/store/store.h"

enum gateway_rule {
	/* States. */
	GATEWAY_CLOCK_UNSET,   /* the clock is not set: readings wait under their monotonic stamps */
	GATEWAY_DISK_LOW,      /* less than the reserve is free: readings wait in memory */
	GATEWAY_MESSAGES_WAIT, /* for a minute or more the broker has refused messages for a temporary reason */
	/* Incidents. */
	GATEWAY_CLOCK_STEP,       /* the wall clock jumped */
	GATEWAY_STORE_DAMAGE,     /* a file was damaged, set aside and replaced with what could be read */
	GATEWAY_READINGS_DROPPED, /* the disk took no readings for so long that the oldest were dropped from memory */
	GATEWAY_READINGS_UNDATED, /* readings of a run that ended before the clock was set */
	GATEWAY_MESSAGE_PARKED,   /* a message was set aside because the broker will never take it */
	GATEWAY_SESSION_TAKEN,    /* another gateway uses the site's id */
	GATEWAY_RULE_COUNT
};

struct gateway;

/* Both arguments are borrowed for the object's life. NULL when out of memory. */
struct gateway *gateway_create(const struct message_context *context, struct store *store);

/* Alarms of the box that an earlier run raised stay raised. Call once, before any other function. 0, or -errno with a
 * sentence in store_error(). */
int gateway_restore(struct gateway *gateway);
void gateway_destroy(struct gateway *gateway);

/* Notes that the state holds, or that the incident has happened once more; the text describes it. gateway_commit()
 * stores it. */
void __attribute__((format(printf, 3, 4)))
gateway_raise(struct gateway *gateway, enum gateway_rule rule, const char *format, ...);

/* Notes that the condition no longer holds; gateway_commit() stores it. */
void gateway_clear(struct gateway *gateway, enum gateway_rule rule);

/* Call when somebody acknowledged the alarm of this rule: clears an incident and leaves a state as it is. */
void gateway_acknowledge(struct gateway *gateway, const char *rule_name);

/* Stores all changes that are not stored yet, with their messages. True when there is a message to send. Failures are
 * logged at growing intervals; the next call tries again. */
bool gateway_commit(struct gateway *gateway);

#endif
