#include "daemon/base/clock_watch.h"

#include <string.h>
#include <sys/stat.h>

#define EARLIEST 1767196800000LL /* 2026-01-01T00:00+08:00: this program is younger */
#define STEP_MS 2000             /* slewing and a busy machine look like less */

void clock_watch_init(struct clock_watch *watch, int64_t wait_ms, struct utc newest)
{
	memset(watch, 0, sizeof(*watch));
	watch->wait_ms = wait_ms;
	watch->newest = newest;
}

bool clock_watch_moved(const struct clock_watch *w, struct utc now, struct mono mono)
{
	int64_t step_ms = now.ms - mono.ms - w->offset_ms;

	return w->seen && (step_ms <= -STEP_MS || step_ms >= STEP_MS);
}

/* Looks at how the clocks moved against each other. */
static bool stepped(struct clock_watch *w, struct utc now, struct mono mono)
{
	int64_t offset_ms = now.ms - mono.ms;
	int64_t step_ms = offset_ms - w->offset_ms;
	bool moved = clock_watch_moved(w, now, mono);

	w->seen = true;
	w->offset_ms = offset_ms;
	if (moved) {
		w->step_ms = step_ms;
	}
	return moved;
}

static bool believable(const struct clock_watch *w, struct utc now, struct mono mono)
{
	if (now.ms < EARLIEST) {
		return false;
	}
	return w->synchronized || (now.ms >= w->newest.ms && mono.ms - w->since.ms >= w->wait_ms);
}

enum clock_change clock_watch_look(struct clock_watch *w, struct utc now, struct mono mono, int64_t stamp)
{
	bool jumped = stepped(w, now, mono);

	w->jumped = jumped;
	if (jumped) {
		w->since = mono;
		w->stale_stamp = w->stamp;
	}
	w->stamp = stamp;
	w->synchronized = stamp != 0 && stamp != w->stale_stamp;
	bool was_set = w->set;
	w->set = jumped && was_set ? w->synchronized && believable(w, now, mono) : was_set || believable(w, now, mono);
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

int64_t clock_watch_stamp(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		return 0;
	}
	return st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
}
