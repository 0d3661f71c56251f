#include "daemon/base/clock_watch.h"

#include <string.h>
#include <sys/stat.h>

#define EARLIEST 1767196800000LL /* 2026-01-01T00:00+08:00: this program was written later */
#define STEP_MS 2000             /* slewing and a busy machine cause smaller differences */

void clock_watch_init(struct clock_watch *watch, int64_t wait_ms, struct utc newest)
{
	memset(watch, 0, sizeof(*watch));
	watch->wait_ms = wait_ms;
	watch->newest = newest;
}

bool clock_watch_has_jumped(const struct clock_watch *w, struct utc now, struct mono mono)
{
	int64_t step_ms = now.ms - mono.ms - w->offset_ms;

	return w->updated && (step_ms <= -STEP_MS || step_ms >= STEP_MS);
}

/* Remembers the distance between the two clocks. True when it changed by STEP_MS or more: the wall clock was set. */
static bool detect_step(struct clock_watch *w, struct utc now, struct mono mono)
{
	int64_t offset_ms = now.ms - mono.ms;
	int64_t step_ms = offset_ms - w->offset_ms;
	bool stepped = clock_watch_has_jumped(w, now, mono);

	w->updated = true;
	w->offset_ms = offset_ms;
	if (stepped) {
		w->step_ms = step_ms;
	}
	return stepped;
}

static bool is_trusted(const struct clock_watch *w, struct utc now, struct mono mono)
{
	if (now.ms < EARLIEST) {
		return false;
	}
	return w->synchronized || (now.ms >= w->newest.ms && mono.ms - w->since.ms >= w->wait_ms);
}

enum clock_change clock_watch_update(struct clock_watch *w, struct utc now, struct mono mono, int64_t stamp)
{
	bool jumped = detect_step(w, now, mono);

	w->jumped = jumped;
	if (jumped) {
		w->since = mono;
		w->stale_stamp = w->stamp;
	}
	w->stamp = stamp;
	w->synchronized = stamp != 0 && stamp != w->stale_stamp;
	bool was_set = w->set;
	w->set = jumped && was_set ? w->synchronized && is_trusted(w, now, mono) : was_set || is_trusted(w, now, mono);
	if (w->set && (w->newest.ms < now.ms || jumped || !was_set)) {
		w->newest = now;
	}
	if (w->set && !was_set) {
		return CLOCK_SET;
	}
	if (was_set && !w->set) {
		return CLOCK_LOST;
	}
	return jumped && w->set ? CLOCK_STEPPED : CLOCK_SAME;
}

int64_t clock_watch_read_stamp(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		return 0;
	}
	return st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
}
