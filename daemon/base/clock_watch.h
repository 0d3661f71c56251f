/* clock_watch.h - decides whether the wall clock can be trusted: a box may boot in 1970, and people set clocks by hand.
 * Pure, except clock_watch_read_stamp(): times and the synchroniser's stamp are arguments.
 *
 * The clock counts as not set at boot and after a step. Each of these makes it count as set:
 * - The synchroniser has set it: its stamp is neither 0 nor the stamp of before the step, and the time is later than
 *   this program.
 * - The clock did not step for wait_ms, and its time is plausible: later than this program and than the newest data of
 *   the store. */
#ifndef EMIS_DAEMON_BASE_CLOCK_WATCH_H
#define EMIS_DAEMON_BASE_CLOCK_WATCH_H

#include <stdbool.h>

#include "common/time.h"

enum clock_change {
	CLOCK_SAME,
	CLOCK_STEPPED, /* the clock jumped and still counts as set: the synchroniser moved it */
	CLOCK_SET,     /* the clock counts as set from now on */
	CLOCK_LOST     /* the clock jumped and counts as not set from now on */
};

/* clock_watch.c fills the members; timekeeper.c also sets some of them in simulation. */
struct clock_watch {
	int64_t wait_ms;
	struct utc newest; /* a time before this one is not plausible */
	bool set;
	bool synchronized;
	int64_t offset_ms;   /* wall minus monotonic */
	bool jumped;         /* at the last clock_watch_update() */
	int64_t step_ms;     /* of the last jump */
	bool updated;        /* clock_watch_update() was called at least once */
	struct mono since;   /* boot or the last jump */
	int64_t stamp;       /* of the synchroniser at the last clock_watch_update() */
	int64_t stale_stamp; /* the stamp before the last jump: it does not confirm the time after the jump */
};

/* newest: INT64_MIN when the store holds nothing. */
void clock_watch_init(struct clock_watch *watch, int64_t wait_ms, struct utc newest);

/* Compares the clocks; call this about every second. `stamp` changes with each synchronisation and is not 0; 0 means
 * that the clock was never synchronised. */
enum clock_change clock_watch_update(struct clock_watch *watch, struct utc now, struct mono mono, int64_t stamp);

/* True when the clock has jumped since the last clock_watch_update(). Work that is due at a wall-clock time must then
 * wait for the next clock_watch_update(). */
bool clock_watch_has_jumped(const struct clock_watch *watch, struct utc now, struct mono mono);

/* The synchroniser's stamp: the modification time, in nanoseconds, of the file that it touches; 0 without the file. */
int64_t clock_watch_read_stamp(const char *path);

#endif
