/* clock.h - the wall clock and the monotonic clock, real or simulated.
 * Thread-safe: a struct clock is const after clock_init().
 *
 * In simulation the wall clock starts at a given time and runs `scale` times faster. clock_mono() is scaled in the same
 * way: it measures the durations of the plant (poll intervals, backoff, ages). Time-outs of real I/O are not scaled. */
#ifndef EMIS_DAEMON_BASE_CLOCK_H
#define EMIS_DAEMON_BASE_CLOCK_H

#include <stdbool.h>

#include "common/time.h"

struct clock {
	bool simulated;
	double scale;     /* 1.0 unless simulated */
	struct utc start; /* simulated time at anchor_s */
	double anchor_s;  /* real seconds since 1970 */
	double mono_s;    /* monotonic seconds at clock_init() */
	double real_s;    /* real seconds since 1970 at clock_init() */
};

/* Makes a real clock. */
void clock_init(struct clock *clock);

/* Makes a simulated clock that shows `start` at anchor_s (real seconds since 1970; NAN = now). */
void clock_init_simulated(struct clock *clock, double scale, struct utc start, double anchor_s);

struct utc clock_utc(const struct clock *clock);
struct mono clock_mono(const struct clock *clock);

/* A duration of the plant in real nanoseconds; 0 when it is negative. */
int64_t clock_real_ns(const struct clock *clock, int64_t ms);

/* Unscaled monotonic milliseconds, for time-outs and heartbeats. */
int64_t clock_real_mono_ms(void);

/* Unscaled monotonic microseconds, for response times. This clock stands still while the machine sleeps. */
int64_t clock_real_mono_us(void);

#endif
