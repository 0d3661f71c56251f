/* timekeeper.h - decides what the wall clock means for the daemon. While the clock is not set, no period is judged and
 * readings wait under their monotonic stamps. Once the clock is set, and after each jump of it, the open periods are
 * rebuilt from the store. Main loop only. */
#ifndef EMIS_DAEMON_TIMEKEEPER_H
#define EMIS_DAEMON_TIMEKEEPER_H

#include "core/pipeline.h"
#include "daemon/acquire.h"
#include "daemon/base/clock_watch.h"
#include "daemon/gateway.h"
#include "daemon/recorder.h"

struct timekeeper {
	/* Borrowed; set by the caller before timekeeper_start(). */
	const struct site *site;
	const struct clock *clock;
	struct store *store;
	struct gateway *gateway;
	struct recorder *recorder;
	struct acquire *acquire;
	/* Readable by all, written by timekeeper.c only. */
	struct pipeline *pipeline; /* judges while timekeeper_judges(); else it only shows what is measured */
	struct clock_watch watch;
	bool relabelled; /* the readings that waited for the clock are stored under their wall time */
};

/* Checks the clock for the first time and creates the pipeline. 0, or -ENOMEM or -EIO after a line in the log. */
int timekeeper_start(struct timekeeper *keeper);

/* Checks the clock again; call every second or so. False when the pipeline could not be replaced (out of memory, or the
 * store cannot be read): the daemon must end, so that its next start rebuilds the open periods from the store. */
bool timekeeper_check_clock(struct timekeeper *keeper);

/* True while periods are judged. */
bool timekeeper_judges(const struct timekeeper *keeper);

/* "synchronized", "not synchronized" or "not set". */
const char *timekeeper_clock_state(const struct timekeeper *keeper);

/* Frees the pipeline; its pointer may be NULL. */
void timekeeper_finish(struct timekeeper *keeper);

#endif
