/* clock_watch.h - whether the wall clock can be believed: a box may boot in 1970, and clocks are set by hand.
 * Pure: time and the word of the synchroniser come as arguments.
 *
 * Not set: at boot and after a step, until the synchroniser says so, or until nobody corrected it for `wait` and it is
 * plausible: later than this program and than the newest data of the store. */
#ifndef EMIS_DAEMON_BASE_CLOCK_WATCH_H
#define EMIS_DAEMON_BASE_CLOCK_WATCH_H

#include <stdbool.h>

#include "common/time.h"

enum clock_change {
	CLOCK_SAME,
	CLOCK_STEPPED, /* it jumped, and is believed: by the synchroniser */
	CLOCK_SET,     /* it can be believed now */
	CLOCK_LOST     /* it jumped and is not believed yet */
};

/* Read-only outside, but for `newest`: no time before it is plausible. */
struct clock_watch {
	int64_t wait_ms;
	struct utc newest;
	bool set;
	bool synchronized;
	int64_t offset_ms; /* wall minus monotonic */
	bool jumped;       /* since the look before */
	int64_t step_ms;   /* of the last jump */
	bool seen;
	struct mono since;   /* boot, or the last jump while it was not set */
	int64_t stamp;       /* of the synchroniser at the last look */
	int64_t stale_stamp; /* what it said before the last jump says nothing of the time after it */
};

/* newest: INT64_MIN when the store holds nothing. */
void clock_watch_init(struct clock_watch *watch, int64_t wait_ms, struct utc newest);

/* Call every second or so. `stamp` is any number but 0 that changes with each synchronisation; 0 = never. */
enum clock_change clock_watch_look(struct clock_watch *watch, struct utc now, struct mono mono, int64_t stamp);

/* True when the clock jumped since the last look: what waits for a moment must not act before the next one. */
bool clock_watch_moved(const struct clock_watch *watch, struct utc now, struct mono mono);

/* The stamp of a file that the synchroniser touches: its modification time in nanoseconds; 0 without the file. */
int64_t clock_watch_stamp(const char *path);

#endif
