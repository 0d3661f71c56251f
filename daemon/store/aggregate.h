/* aggregate.h - the means in the store: minutes, hours, days, months. Errors, callbacks and thread: store.h. */
#ifndef EMIS_DAEMON_STORE_AGGREGATE_H
#define EMIS_DAEMON_STORE_AGGREGATE_H

#include <stddef.h>

#include "core/pipeline.h"
#include "daemon/store/store.h"

/* A mean as stored. Outlet and factor are texts: they may no longer be configured. */
struct stored_mean {
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE];
	enum series_kind kind;
	double o2_ref;    /* volume % of oxygen; NAN when kind has none */
	struct mean mean; /* rule and end as the medium of the outlet has them */
	double amount;    /* m3 or kg of the period; NAN when not known */
};

/* Writes means by their key (series, period, start): a mean of the same key is replaced. 0 or -errno. */
int store_aggregate_write(struct store *store, const struct mean_record *records, size_t n);

/* Makes the minutes of days that ended an hour before `until` small; one slice in each call, so that the main loop
 * never waits long. 1 when there is more to do, 0 when not, or -errno: then they stay as they are. */
int store_aggregate_pack(struct store *store, struct utc until);

/* Calls `take` with the hours and days of configured outlets that start in [from, until), by start. When a file turns
 * out to be damaged, its means are handed out again from the start of the file. 0 or -errno. */
int store_aggregate_read(struct store *store, struct utc from, struct utc until,
	void (*take)(void *context, const struct stored_mean *mean), void *context);

/* ---- start by start ---- */

/* Walks over the means of one kind of period, one start after the other. Holds one unpacked hour of minutes, so that a
 * step within that hour costs no unpacking; no file is held open for it. Destroy it before store_close(). */
struct aggregate_iterator;

/* All means of one start of configured outlets, ordered by outlet, factor, kind and o2_ref. */
struct aggregate_means {
	struct utc start;
	const struct stored_mean *means; /* borrowed until the next call with the iterator */
	size_t n;                        /* > 0 */
};

/* Makes an iterator over the means of `period` (PERIOD_MINUTE: the 10 minutes of water, too). The store is borrowed.
 * The new iterator has an empty range: seek first. NULL when out of memory. */
struct aggregate_iterator *aggregate_iterator_create(struct store *store, enum period period);
void aggregate_iterator_destroy(struct aggregate_iterator *iterator); /* NULL is allowed */

/* Sends the iterator to a range: it steps over the starts with after < start < until. */
void aggregate_iterator_seek(struct aggregate_iterator *iterator, struct utc after, struct utc until);

/* Steps to the next start. 1 with *ret_means set, 0 when the store has none before `until` (it may have one later: call
 * again), or -errno: then the iterator stays where it was. */
int aggregate_iterator_next(struct aggregate_iterator *iterator, struct aggregate_means *ret_means);

#endif
