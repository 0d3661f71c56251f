/* raw.h - the readings in the store. Errors, callbacks and thread: store.h. */
#ifndef EMIS_DAEMON_STORE_RAW_H
#define EMIS_DAEMON_STORE_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"
#include "daemon/store/store.h"

struct raw_reading {
	size_t outlet; /* index in the site's configuration */
	size_t point;  /* index in the outlet */
	struct reading reading;
	bool late; /* arrived after its minute was closed: no part of any mean */
};

/* Copies a reading into the buffer. When the buffer is full because the disk takes nothing, the oldest half is dropped
 * and counted. */
void store_raw_add(struct store *store, const struct raw_reading *reading);

/* Writes the buffer, one transaction for each hour. 0 or -errno; readings that were not written stay in the buffer. */
int store_raw_flush(struct store *store);

/* Makes the readings of hours that ended by `until` small, and links them to the chain; one slice in each call, so that
 * the main loop never waits long. 1 when there is more to do, 0 when not, or -errno: then they stay as they are. */
int store_raw_finish(struct store *store, struct utc until);

/* All hours before this moment are finished. */
struct utc store_raw_finished(const struct store *store);

/* How many readings were dropped because the disk took none for too long. */
uint64_t store_raw_dropped(const struct store *store);

/* Calls `take` with all stored readings from the local day of `from` on, hour by hour, within an hour in order of
 * arrival. Readings of points that are no longer configured are left out. When a file turns out to be damaged while it
 * is read, its readings are handed out again from the start of the file. Returns the number of damaged batches that
 * were left out, or -errno. */
int store_raw_replay(struct store *store, struct utc from,
	void (*take)(void *context, const struct raw_reading *reading), void *context);

#endif
