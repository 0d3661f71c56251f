/* rebuild.h - creates the pipeline that goes on where the last run of emisd stopped. Main loop only. */
#ifndef EMIS_DAEMON_REBUILD_H
#define EMIS_DAEMON_REBUILD_H

#include "daemon/recorder.h"
#include "daemon/store/mark.h"

/* Creates a pipeline, restores the raised alarms, replays the stored readings of the open periods up to `now` and
 * judges the periods that ended while emisd was down. Means and events go to the recorder and are committed. `site` is
 * borrowed for the pipeline's life; free it with pipeline_destroy(). NULL, after a line in the log, when out of memory
 * or when the store cannot be read. */
struct pipeline *rebuild_pipeline(
	const struct site *site, struct store *store, struct recorder *recorder, struct utc now);

/* Converts a stored mark to the pipeline's form. False when its outlet or point is no longer configured. */
bool rebuild_mark(const struct site *site, const struct store_mark *stored, struct mark *ret_mark);

#endif
