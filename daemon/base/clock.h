/* clock.h - the one place that asks the time.
 * Thread-safe: a struct clock is const after clock_init().
 *
 * In simulation the wall clock runs `scale` times faster from a given start, and so do the durations of
 * the plant (poll intervals, backoff, ages): clock_mono() is scaled too. Time-outs of real I/O are
 * real; they never come from here. */
#ifndef EMIS_DAEMON_BASE_CLOCK_H
#define EMIS_DAEMON_BASE_CLOCK_H

#include <stdbool.h>

#include "common/time.h"

struct clock {
	bool simulated;
	double scale;     /* 1.0 unless simulated */
	struct utc start; /* simulated time at `anchor` */
	double anchor_s;  /* real seconds since 1970 */
	double mono_s;    /* monotonic seconds at clock_init() */
	double real_s;    /* real seconds since 1970 at clock_init() */
};

/* The real clock. */
void clock_init(struct clock *clock);

/* A simulated one; anchor_s NAN = now. */
void clock_init_simulated(struct clock *clock, double scale, struct utc start, double anchor_s);

struct utc clock_utc(const struct clock *clock);
struct mono clock_mono(const struct clock *clock);

/* Real nanoseconds that a duration of the plant takes; never negative. */
int64_t clock_real_ns(const struct clock *clock, int64_t ms);

/* Unscaled monotonic milliseconds, for time-outs and heartbeats. */
int64_t clock_real_mono_ms(void);

/* The same in microseconds, for response times; stands still while the machine sleeps. */
int64_t clock_real_mono_us(void);

#endif
