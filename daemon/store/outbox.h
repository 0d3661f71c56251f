/* outbox.h - the messages in the store: pending, sent, or parked because the broker refused them. A message has an id
 * over all messages, and a number within its stream ("alarm", "checkpoint"). Errors, callbacks and thread: store.h. */
#ifndef EMIS_DAEMON_STORE_OUTBOX_H
#define EMIS_DAEMON_STORE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/store.h"

struct outbox_row {
	int64_t id;
	char topic[160];
	char *payload; /* owned by whoever asked for the row */
};

struct outbox_counts {
	int64_t pending;
	int64_t sent;
	int64_t parked;
	struct utc oldest_pending; /* when it was created; only with pending > 0 */
};

/* Reads up to `max` pending messages with after < id < before into `rows`, oldest first. Returns their number or
 * -errno. */
int store_outbox_pending(struct store *store, int64_t after, int64_t before, struct outbox_row *rows, size_t max);

/* The broker took these messages: one transaction. 0 or -errno. */
int store_outbox_done(struct store *store, const int64_t *ids, size_t n, struct utc at);

/* Counts one more refusal of the message. Returns how many there were, or -errno. */
int store_outbox_refused(struct store *store, int64_t id, const char *reason);

/* Stores why the broker does not take a pending message now. 0 or -errno. */
int store_outbox_wait(struct store *store, int64_t id, const char *reason);

/* Parks the message: it is not sent until store_outbox_again() or a release. 0 or -errno. */
int store_outbox_park(struct store *store, int64_t id, struct utc at, const char *reason);

/* The id of the newest message; 0 when there is none. */
int64_t store_outbox_newest(struct store *store);

/* The number of the newest message of a stream; 0 when there is none. */
int64_t store_outbox_newest_seq(struct store *store, const char *stream);

int store_outbox_count(struct store *store, struct outbox_counts *ret_counts);

/* Makes messages of a stream pending again, by their numbers from..to. Returns how many, or -errno. */
int64_t store_outbox_again(struct store *store, const char *stream, int64_t from, int64_t to);

/* Makes parked messages pending again: all, those whose reason is like the pattern (SQL's LIKE), or those of a topic.
 * Returns how many, or -errno. */
int64_t store_outbox_release(struct store *store);
int64_t store_outbox_release_reason(struct store *store, const char *pattern);
int64_t store_outbox_release_topic(struct store *store, const char *topic);

/* Reads the oldest parked message of the topic. 1, 0 when there is none, or -errno. */
int store_outbox_parked_first(struct store *store, const char *topic, struct outbox_row *ret_row);

/* A message that the broker refused. */
struct store_parked {
	const char *stream;
	int64_t seq;
	const char *topic;
	struct utc created;
	struct utc parked;
	const char *reason;
	size_t size; /* bytes of the payload */
	bool waits;  /* pending, not parked: it is sent again without a release */
};

/* Calls `take` with up to `max` messages that are parked or wait after a refusal, oldest first. 0 or -errno. */
int store_outbox_parked(
	struct store *store, size_t max, void (*take)(void *context, const struct store_parked *row), void *context);

#endif
