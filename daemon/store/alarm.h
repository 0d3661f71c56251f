/* alarm.h - the alarms in the store and what happened to them. A change of an alarm, its event and its message are one
 * transaction: only when the function returns 0 may the message leave. Errors, callbacks and thread: store.h. */
#ifndef EMIS_DAEMON_STORE_ALARM_H
#define EMIS_DAEMON_STORE_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pipeline.h"
#include "daemon/store/store.h"

/* An event with its message, ready to be committed. */
struct store_event {
	int64_t seq;
	struct event event;
	char alarm_id[ALARM_ID_SIZE];
	char topic[160];
	char *payload; /* owned by the caller */
};

/* An alarm as stored. */
struct store_alarm {
	char id[ALARM_ID_SIZE];
	int64_t number; /* of its first event, never given twice: a short name for people; 0 before it has one */
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE];
	char limit_key[64];
	char unit[UNIT_SIZE];
	char tier[16];
	char document[96];
	char clause[96];
	char alarm_class[16];
	char acknowledged_by[64]; /* empty while nobody did */
	char rule[24];
	bool raised;
	struct utc since;
	struct utc last;
	double value; /* of the last judged period; NAN for conditions */
	double worst;
	double limit_min;
	double limit_max;
	int decimals;
};

/* The sequence number that the next event will get; gapless over restarts. */
int64_t store_next_seq(const struct store *store);

/* Stores events with their alarms and messages, and judged_until (state.h). events[i].seq must count up from
 * store_next_seq(). 0 or -errno. */
int store_commit(struct store *store, const struct store_event *events, size_t n, struct utc judged_until);

/* Stores one change of an alarm about the box itself, which has no event of the pipeline. The message bears the number
 * store_next_seq(). 0 or -errno. */
int store_commit_alarm(struct store *store, const struct store_alarm *alarm, const char *change, const char *topic,
	const char *payload);

/* Who acknowledged an alarm, and the message about it. All texts are borrowed. */
struct store_acknowledgement {
	const char *who;
	const char *remark;
	const char *topic;
	const char *payload;
};

/* Stores who acknowledged the alarm, queues the message and writes the audit row. The message bears the number
 * store_next_seq(). 0 or -errno. */
int store_acknowledge(struct store *store, const struct store_alarm *alarm, const struct store_acknowledgement *by);

/* Calls `take` with alarms: all, newest first, or only raised ones, most severe first; at most `max`. 0 or -errno. */
int store_alarms(struct store *store, bool all, size_t max,
	void (*take)(void *context, const struct store_alarm *alarm), void *context);

/* Finds an alarm by its id, or by the number of any of its events. False when there is none. */
bool store_alarm_find(struct store *store, const char *id, struct store_alarm *ret_alarm);

/* The payload of the alarm's newest message; the caller frees it. NULL when there is none. */
char *store_alarm_message(struct store *store, const char *id);

#endif
