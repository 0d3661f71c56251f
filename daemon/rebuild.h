/* rebuild.h - a pipeline that goes on where the last run of emisd stopped. */
#ifndef EMIS_DAEMON_REBUILD_H
#define EMIS_DAEMON_REBUILD_H

#include "daemon/recorder.h"
#include "daemon/store/mark.h"

/* Creates the pipeline at `now`, replays the stored readings of the open periods through it, restores the raised
 * alarms and judges what ended while emisd was down. Means and events go to the recorder and are committed.
 * NULL, after a line in the log, when out of memory or when the store cannot be read. */
struct pipeline *rebuild_pipeline(
	const struct site *site, struct store *store, struct recorder *recorder, struct utc now);

/* A stored mark as the pipeline knows it; false when what it is about is no longer configured. */
bool rebuild_mark(const struct site *site, const struct store_mark *stored, struct mark *ret_mark);

#endif
