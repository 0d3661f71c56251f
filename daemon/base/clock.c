#include "daemon/base/clock.h"

#include <math.h>
#include <string.h>
#include <time.h>

static double seconds(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts); /* cannot fail for these clocks */
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void clock_init(struct clock *clock)
{
	memset(clock, 0, sizeof(*clock));
	clock->scale = 1.0;
	clock->mono_s = seconds(CLOCK_BOOTTIME);
	clock->real_s = seconds(CLOCK_REALTIME);
}

void clock_init_simulated(struct clock *clock, double scale, struct utc start, double anchor_s)
{
	clock_init(clock);
	clock->simulated = true;
	clock->scale = scale;
	clock->start = start;
	clock->anchor_s = isnan(anchor_s) ? clock->real_s : anchor_s;
}

struct utc clock_utc(const struct clock *clock)
{
	if (!clock->simulated) {
		return (struct utc){ (int64_t)(seconds(CLOCK_REALTIME) * 1000.0) };
	}
	/* Computed from the monotonic clock, so that a step of the real wall clock does not disturb a simulation. */
	double since_anchor = clock->real_s - clock->anchor_s + seconds(CLOCK_BOOTTIME) - clock->mono_s;
	return (struct utc){ clock->start.ms + (int64_t)(since_anchor * clock->scale * 1000.0) };
}

struct mono clock_mono(const struct clock *clock)
{
	return (struct mono){ (int64_t)(seconds(CLOCK_BOOTTIME) * clock->scale * 1000.0) };
}

int64_t clock_real_ns(const struct clock *clock, int64_t ms)
{
	return ms <= 0 ? 0 : (int64_t)((double)ms * 1e6 / clock->scale);
}

int64_t clock_real_mono_ms(void)
{
	return (int64_t)(seconds(CLOCK_BOOTTIME) * 1000.0);
}

int64_t clock_real_mono_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}
