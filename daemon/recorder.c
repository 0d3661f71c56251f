#include "daemon/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "daemon/base/backoff.h"
#include "daemon/mqtt/checkpoint_timer.h"
#include "daemon/store/aggregate.h"
#include "daemon/store/alarm.h"
#include "daemon/store/raw.h"
#include "daemon/store/space.h"

#define MAX_RECORDS 100000 /* five hours of minute means for 100 points with three series each */

struct recorder {
	const struct message_context *context;
	struct store *store;
	struct mean_record *records;
	size_t n_records;
	size_t room_records;
	struct event *events;
	size_t n_events;
	size_t room_events;
	struct utc committed_until;
	struct backoff trouble;        /* of writing alarms and means */
	struct backoff raw_trouble;    /* of writing readings */
	struct backoff finish_trouble; /* of packing readings and means and signing the chain */
	uint64_t dropped_records;
	uint64_t logged_dropped; /* how many of dropped_records the log reported */
};

struct recorder *recorder_create(const struct message_context *context, struct store *store)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (r) {
		r->context = context;
		r->store = store;
		r->committed_until.ms = INT64_MIN;
		backoff_init(&r->trouble, 1, 1);
		backoff_init(&r->raw_trouble, 1, 1);
		backoff_init(&r->finish_trouble, 1, 1);
	}
	return r;
}

void recorder_destroy(struct recorder *r)
{
	if (r) {
		free(r->records);
		free(r->events);
		free(r);
	}
}

/* Makes room for one more element: `array_pointer` is the address of the array's pointer, `n` of its `*room` places are
 * used. False when out of memory. */
static bool make_room(void *array_pointer, size_t n, size_t *room, size_t element_size)
{
	void *array;

	if (n < *room) {
		return true;
	}
	memcpy(&array, array_pointer, sizeof(array));
	size_t more = *room ? *room * 2 : 64;
	void *grown = realloc(array, more * element_size);
	if (!grown) {
		return false;
	}
	memcpy(array_pointer, &grown, sizeof(grown));
	*room = more;
	return true; /* cppcheck-suppress memleak */
}

static void take_mean(void *context, const struct mean_record *record)
{
	struct recorder *r = context;

	if (r->n_records == MAX_RECORDS) {
		size_t half = MAX_RECORDS / 2;
		memmove(r->records, r->records + half, (MAX_RECORDS - half) * sizeof(*r->records));
		r->n_records -= half;
		r->dropped_records += half;
	}
	if (!make_room(&r->records, r->n_records, &r->room_records, sizeof(*r->records))) {
		r->dropped_records++;
		return;
	}
	r->records[r->n_records++] = *record;
}

static void take_event(void *context, const struct event *event)
{
	struct recorder *r = context;

	if (!make_room(&r->events, r->n_events, &r->room_events, sizeof(*r->events))) {
		/* An alarm must never be lost silently. End now: the next start rebuilds it from stored readings. */
		log_error("out of memory for an alarm; ending, so that the next start makes it again from the stored "
			  "readings");
		abort();
	}
	r->events[r->n_events++] = *event;
}

struct pipeline_sink recorder_sink(struct recorder *recorder)
{
	return (struct pipeline_sink){ take_mean, take_event, recorder };
}

void recorder_discard(struct recorder *recorder)
{
	recorder->n_records = 0;
	recorder->n_events = 0;
}

size_t recorder_waiting_means(const struct recorder *recorder)
{
	return recorder->n_records;
}

/* Why a write failed, for a log line; never empty. */
static const char *failure_reason(const struct recorder *r, int result)
{
	const char *words = store_error(r->store);

	return result == -ENOMEM ? "out of memory" : words[0] ? words : strerror(-result);
}

/* Logs a failure at growing intervals, and its end. Returns `result`, or 0 when it is not negative. */
static int log_result(struct recorder *r, struct backoff *trouble, int result)
{
	if (result < 0) {
		(void)backoff_next(trouble);
		if (backoff_worth_a_line(trouble)) {
			log_error("%s; keeping %zu means and %zu alarm events in memory and trying again (failure %u)",
				failure_reason(r, result), r->n_records, r->n_events, trouble->failures);
		}
		return result;
	}
	if (trouble->failures > 0) {
		log_info("the store takes data again after %u failures; %llu readings were dropped meanwhile",
			trouble->failures, (unsigned long long)store_raw_dropped(r->store));
		backoff_reset(trouble);
	}
	return 0;
}

int recorder_flush_raw(struct recorder *recorder)
{
	return log_result(recorder, &recorder->raw_trouble, store_raw_flush(recorder->store));
}

int recorder_finish_raw(struct recorder *recorder, struct utc until)
{
	int packed = store_aggregate_pack(recorder->store, until);
	int r = store_raw_finish(recorder->store, until);

	r = packed < 0 ? packed : r;
	r = r == 0 ? checkpoint_timer_step(recorder->context, recorder->store, until) : r < 0 ? r : 0;
	(void)log_result(recorder, &recorder->finish_trouble, r < 0 ? r : 0); /* r is returned below */
	return r;
}

/* Makes the messages of all collected events. Only now are their sequence numbers known. The caller frees the array and
 * each payload. NULL, or a NULL payload, when out of memory. */
static struct store_event *compose_messages(struct recorder *r)
{
	struct store_event *composed = calloc(r->n_events ? r->n_events : 1, sizeof(*composed));

	for (size_t i = 0; composed && i < r->n_events; i++) {
		struct store_event *e = &composed[i];
		e->seq = store_next_seq(r->store) + (int64_t)i;
		e->event = r->events[i];
		alarm_id(e->alarm_id, sizeof(e->alarm_id), r->context->site->id, &e->event);
		message_alarm_topic(r->context, e->event.outlet, e->topic);
		e->payload = message_alarm(r->context, &e->event, e->alarm_id, e->seq);
	}
	return composed;
}

static void log_event(const struct store_event *e)
{
	const struct event *event = &e->event;

	log_info("%s %s: %s %s, %s%s%s (seq %lld)", alarm_class_name(alarm_class_of(event->rule, event->limit)),
		alarm_change_name(event->change), event->outlet->id, event->point->factor->key,
		alarm_rule_name(event->rule), event->limit ? ", " : "",
		event->limit ? event->limit->document->number : "", (long long)e->seq);
}

static int commit_events(struct recorder *r, struct utc closed_until)
{
	struct store_event *composed = compose_messages(r);
	int result = composed ? 0 : -ENOMEM;

	for (size_t i = 0; composed && i < r->n_events; i++) {
		result = composed[i].payload ? result : -ENOMEM;
	}
	if (result == 0) {
		result = store_commit(r->store, composed, r->n_events, closed_until);
	}
	for (size_t i = 0; composed && i < r->n_events; i++) {
		if (result == 0) {
			log_event(&composed[i]);
		}
		free(composed[i].payload);
	}
	free(composed);
	return result;
}

int recorder_commit(struct recorder *r, struct utc closed_until, bool force)
{
	bool due = force || r->n_events > 0 || closed_until.ms - HOUR_MS >= r->committed_until.ms;

	/* Write readings first, then means, then alarms. Alarms are committed even when the disk has no room for the
	 * others. */
	int result = store_raw_flush(r->store);
	int written = store_aggregate_write(r->store, r->records, r->n_records);
	if (written == 0) {
		r->n_records = 0;
	}
	result = written < 0 ? written : result;
	int state = due ? commit_events(r, closed_until) : 0;
	/* -EBUSY means that another program holds the database: room on the disk would not help. */
	if (state < 0 && state != -EBUSY && state != -ENOMEM && store_drop_ballast(r->store)) {
		log_warning("%s; deleted the reserve file to make room for alarms; free some space on the disk",
			failure_reason(r, state));
		state = commit_events(r, closed_until);
	}
	if (state == 0 && due) {
		r->n_events = 0;
		r->committed_until = closed_until;
	}
	result = state < 0 ? state : result;
	if (r->dropped_records > r->logged_dropped && result == 0) {
		log_warning("%llu means were dropped and are missing in the store; the readings that they were "
			    "computed from are stored",
			(unsigned long long)(r->dropped_records - r->logged_dropped));
		r->logged_dropped = r->dropped_records;
	}
	return log_result(r, &r->trouble, result);
}

bool recorder_retry(struct recorder *r, struct utc closed_until)
{
	return r->n_events > 0 && r->trouble.failures > 0 && recorder_commit(r, closed_until, false) == 0;
}
