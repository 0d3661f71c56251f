/* store.h - what survives a restart: SQLite files in one directory (design.md, "Store and outbox").
 *
 * raw-YYYYMMDD.db  the readings of one local day, packed per batch
 * min-open.db      minute means of the days that are not over
 * min-YYYYMM.db    minute means of the days that are, one row a day and series
 * roll-YYYY.db     hour, day and month means
 * state.db         alarms, events, outbox, audit
 *
 * Write order: raw, then roll, then state. A function that fails returns a negative errno and leaves a sentence
 * in store_error(); nothing it was given is lost by that unless it says so. All on the main thread. */
#ifndef EMIS_DAEMON_STORE_STORE_H
#define EMIS_DAEMON_STORE_STORE_H

#include <stdio.h>

#include "core/pipeline.h"
#include "daemon/base/clock.h"
#include "daemon/conf/site.h"
#include "daemon/store/proof.h"

struct store;

/* Takes the directory for this process (a second emisd is refused), opens state.db and checks it. NULL with a
 * sentence in `error` of `size` bytes. A directory holds either real or simulated data, never both. */
struct store *store_open(const struct site *site, const struct clock *clock, char *error, size_t size);
void store_close(struct store *store);
/* The kernel's id of this boot. */
const char *store_boot(const struct store *store);
const char *store_error(const struct store *store);

/* How many files were found damaged since store_open(), and a sentence about the last. */
const char *store_damage(const struct store *store, unsigned *ret_n);

/* ---- raw (raw.c) ---- */

struct raw_reading {
	size_t outlet; /* indices of the site's configuration */
	size_t point;
	struct reading reading;
	bool late; /* arrived after its minute was closed: no part of any mean */
};

/* Buffers a reading. When the buffer is full because the disk takes nothing, the oldest is dropped and counted. */
void store_raw_add(struct store *store, const struct raw_reading *reading);

/* Writes the buffer, one transaction a day. 0 or -errno; on failure all that was not written stays buffered. */
int store_raw_flush(struct store *store);

/* Makes the batches of hours that ended by `until` small, one slice a call. 1 when there is more to do, 0 when not, or
 * -errno: then the batches stay as they are. */
int store_raw_finish(struct store *store, struct utc until);

/* Readings dropped so far because the disk took none for too long. */
uint64_t store_raw_dropped(const struct store *store);

/* Hands out, in order of arrival, all stored readings from the local day of `from` on. Readings of points that
 * are no longer configured are passed over. Returns the number of damaged batches passed over, or -errno. */
int store_raw_replay(struct store *store, struct utc from,
	void (*take)(void *context, const struct raw_reading *reading), void *context);

/* ---- roll (aggregate.c) ---- */

/* Writes means by key; writing the same again changes nothing. 0 or -errno. */
int store_aggregate_write(struct store *store, const struct mean_record *records, size_t n);

/* A mean as it was stored; outlet and factor as text, for they may no longer be configured. */
struct stored_mean {
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE];
	enum series_kind kind;
	double o2_ref;
	struct mean mean; /* rule and end as the outlet's medium has them */
	double amount;
};

/* Makes the minutes of days that ended an hour before `until` small, one slice a call. 1 when there is more to do, 0
 * when not, or -errno: then they stay as they are. */
int store_aggregate_pack(struct store *store, struct utc until);

/* Finds the earliest period start with after < start < until of which the store holds means of this kind
 * (PERIOD_MINUTE: water's 10 minutes, too) and hands out all its means of configured outlets, ordered by outlet,
 * factor, kind and o2_ref. 1 with *ret_start set, 0 when there is none, or -errno. Cheap when called in a row, each
 * time with what it found. */
int store_aggregate_next(struct store *store, enum period period, struct utc after, struct utc until,
	struct utc *ret_start, void (*take)(void *context, const struct stored_mean *mean), void *context);

/* Hands out, by start, the hours and days of configured outlets that start in [from, until). 0 or -errno. */
int store_aggregate_read(struct store *store, struct utc from, struct utc until,
	void (*take)(void *context, const struct stored_mean *mean), void *context);

/* ---- alarms (alarm.c) ---- */

/* An event with its message, ready to be committed. */
struct store_event {
	int64_t seq;
	struct event event;
	char alarm_id[ALARM_ID_SIZE];
	char topic[160];
	char *payload; /* owned */
};

/* An alarm as it stands in the store. */
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

struct outbox_row {
	int64_t id; /* of the outbox */
	char topic[160];
	char *payload; /* owned by the row's reader */
};

struct outbox_counts {
	int64_t pending;
	int64_t sent;
	int64_t parked;
	struct utc oldest_pending; /* creation time; only with pending > 0 */
};

/* The sequence number that the next event will get; gapless over restarts. */
int64_t store_next_seq(const struct store *store);

/* Alarm states, events, outbox rows and the mark up to which all periods are judged: one transaction. Only when
 * it returns 0 may a message leave. events[i].seq must count up from store_next_seq(). */
int store_commit(struct store *store, const struct store_event *events, size_t n, struct utc judged_until);

/* One change of an alarm about the box itself, which has no event of the pipeline: one transaction. The message bears
 * the number store_next_seq(). 0 or -errno. */
int store_tell(struct store *store, const struct store_alarm *alarm, const char *change, const char *topic,
	const char *payload);

/* 1, 0 when nothing was judged yet, or -errno. */
int store_judged_until(struct store *store, struct utc *ret_until);

/* Hands out alarms, newest first; raised ones only, or all up to `max`. 0 or -errno. */
int store_alarms(struct store *store, bool all, size_t max,
	void (*take)(void *context, const struct store_alarm *alarm), void *context);

/* One alarm by its id. False when there is none. */
/* By its id, or by the number of any of its events. */
bool store_alarm_find(struct store *store, const char *id, struct store_alarm *ret_alarm);

/* The payload of the alarm's newest message; the caller frees it. NULL without one. */
char *store_alarm_message(struct store *store, const char *id);

/* Notes who acknowledged the alarm, queues the message and writes the audit row: one transaction. The message bears
 * the number store_next_seq(). 0 or -errno. */
int store_acknowledge(struct store *store, const struct store_alarm *alarm, const char *who, const char *remark,
	const char *topic, const char *payload);

/* A word of the operator beside the data (core/pipeline.h, struct mark). */
struct store_mark {
	int64_t id;
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE]; /* empty = all */
	char kind[16];
	char remark[256];
	char who[64];
	enum flag flag;
	struct utc from;
	struct utc until;
	struct utc applies; /* it changes the validity of readings from here on: what was closed before stays */
	struct utc at;
};

/* Stores the mark with its audit row, one transaction. mark->id is ignored. 0 or -errno. */
int store_mark_add(struct store *store, const struct store_mark *mark);

/* Hands out marks that end after `since`, oldest first. 0 or -errno. */
int store_marks(struct store *store, struct utc since, void (*take)(void *context, const struct store_mark *mark),
	void *context);

/* Up to `max` pending rows with after < id < before, oldest first, into rows. Returns their number or -errno. */
int store_outbox_pending(struct store *store, int64_t after, int64_t before, struct outbox_row *rows, size_t max);
/* The broker took these: one transaction. 0 or -errno. */
int store_outbox_done(struct store *store, const int64_t *ids, size_t n, struct utc at);
/* One more refusal. Returns how many there were, or -errno. */
int store_outbox_refused(struct store *store, int64_t id, const char *reason);
/* Notes why the broker does not take a pending message now. 0 or -errno. */
int store_outbox_wait(struct store *store, int64_t id, const char *reason);
/* Kept aside with its reason, until store_outbox_again() or store_outbox_release(). */
int store_outbox_park(struct store *store, int64_t id, struct utc at, const char *reason);
/* The id of the last message; 0 without any. */
int64_t store_outbox_newest(struct store *store);
int store_outbox_count(struct store *store, struct outbox_counts *ret_counts);
/* Makes messages pending again: those of a stream ("alarm", "checkpoint") by their numbers, or all that are parked.
 * Returns how many, or -errno. */
int64_t store_outbox_again(struct store *store, const char *stream, int64_t from, int64_t to);
int64_t store_outbox_release(struct store *store);
/* The same of parked messages whose reason is like the pattern (SQL's LIKE), or of one topic. */
int64_t store_outbox_release_reason(struct store *store, const char *pattern);
int64_t store_outbox_release_topic(struct store *store, const char *topic);
/* The oldest parked message of the topic. 1, 0 when there is none, or -errno. */
int store_outbox_parked_first(struct store *store, const char *topic, struct outbox_row *ret_row);
/* The number of the newest message of a stream; 0 without any. */
int64_t store_outbox_newest_seq(struct store *store, const char *stream);

/* A message that the broker refused; texts live until the callback returns. */
struct store_parked {
	const char *stream;
	int64_t seq;
	const char *topic;
	struct utc created;
	struct utc parked;
	const char *reason;
	size_t size;
	bool waits; /* it is not parked: it is tried again by itself */
};
/* Hands out parked messages and those that wait because the broker refused them for now, oldest first. 0 or -errno. */
int store_outbox_parked(
	struct store *store, size_t max, void (*take)(void *context, const struct store_parked *row), void *context);

/* Who did what; old and new value may be "". 0 or -errno. */
int store_audit(struct store *store, const char *who, const char *what, const char *old_value, const char *new_value);

/* ---- the clock (relabel.c) ---- */

/* Whether the wall clock is synchronised, for what is stored from now on. */
void store_clock_trust(struct store *store, bool synchronized);
/* Remembers what wall time is: `offset_ms` more than the monotonic clock of this boot, from `mono` on. 0 or -errno. */
int store_clock_note(struct store *store, struct mono mono, int64_t offset_ms);
/* What readings waited for is known: puts those of boots whose clock was set among the others, under their wall time.
 * *ret_undated counts those of earlier boots whose clock never was; *first becomes the earliest wall time of those that
 * moved, if it is earlier. 1 when there is more to do, 0 or -errno; whatever fails can be asked again. */
int store_relabel(struct store *store, uint64_t *ret_undated, struct utc *first);

/* Audit rows of one cause, and what is remembered for the next time: one transaction. Texts are borrowed. 0 or -errno.
 */
struct store_change {
	const char *what;
	const char *old_value;
	const char *new_value;
};
struct store_changes {
	struct store_change *change;
	size_t n;
};
int store_audit_changes(struct store *store, const char *who, const struct store_changes *changes, const char *meta_key,
	const char *meta_value);

/* A text that belongs to the state and survives; "" when it was never set. The caller frees it; NULL when it cannot
 * be read. */
char *store_meta_text(struct store *store, const char *key);
/* 0 or -errno. */
int store_set_meta(struct store *store, const char *key, const char *value);

/* ---- room (space.c) ---- */

/* Deletes the oldest days of readings (never the last two), then means that need not be kept any longer, while the
 * store is above its quota or the disk has less than the reserve free; looks whether readings have to wait. Call every
 * minute or so. 0 or -errno. */
int store_keep_room(struct store *store);
/* True while readings wait for room on the disk: store_raw_flush() refuses. Alarms and means do not wait. */
bool store_space_low(const struct store *store);
/* Bytes that all files of the store take, and that its disk has free. */
int64_t store_used_bytes(const struct store *store);
int64_t store_free_bytes(const struct store *store);
/* The file system was made read-only, by the kernel or by somebody. */
bool store_is_read_only(const struct store *store);
/* Gives the file that keeps room for alarms away. True when that made room: then try again. */
bool store_drop_ballast(struct store *store);

/* ---- the chain (chain.c, checkpoint.c) ---- */

/* A signed word about the end of the chain. */
struct store_checkpoint {
	int64_t number; /* gapless */
	struct utc at;
	char body[512]; /* what is signed */
	char signature[PROOF_SIGNATURE_TEXT];
	char public_key[PROOF_KEY_TEXT];
};

/* Composes the next checkpoint. Nothing is stored yet. 0 or -errno. */
int store_checkpoint_make(struct store *store, struct store_checkpoint *ret_checkpoint);
/* Stores it with its message, one transaction. 0 or -errno. */
int store_checkpoint_commit(
	struct store *store, const struct store_checkpoint *checkpoint, const char *topic, const char *payload);
/* When the newest one was made; INT64_MIN without any. 0 or -errno. */
int store_checkpoint_last(struct store *store, struct utc *ret_at);
/* All readings of hours before this moment are in the chain. */
struct utc store_raw_finished(const struct store *store);

/* The number and hash of the newest link. */
void store_chain_end(const struct store *store, int64_t *ret_link, char ret_hash[PROOF_HASH_TEXT]);

/* The public key of this box in base64. */
const char *store_public_key(const struct store *store, char text[PROOF_KEY_TEXT]);

/* Hands out audit rows, newest first. 0 or -errno. */
struct store_audit_row {
	struct utc at;
	const char *who;
	const char *what;
	const char *old_value;
	const char *new_value;
};
int store_audit_rows(
	struct store *store, size_t max, void (*take)(void *context, const struct store_audit_row *row), void *context);

#endif
