#include "daemon/timekeeper.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "daemon/daemon.h"
#include "daemon/rebuild.h"

bool timekeeper_judges(const struct daemon *d)
{
	return d->watch.set && d->relabelled;
}

/* The moment in the site's time, for sentences. */
static const char *moment(const struct daemon *d, struct utc at, char *text)
{
	return time_format(at, d->site->judging.offset_min, text);
}

static int swap_pipeline(struct daemon *d, struct pipeline *pipeline)
{
	if (!pipeline) {
		return -ENOMEM;
	}
	acquire_aim(d->acquire, pipeline, d->watch.offset_ms, timekeeper_judges(d));
	pipeline_destroy(d->pipeline);
	d->pipeline = pipeline;
	return 0;
}

/* A pipeline that shows what is measured; nothing of it is reported. */
static int wait_for_clock(struct daemon *d)
{
	struct utc never = { INT64_MAX / 2 };
	struct utc now = clock_utc(&d->clock);

	return swap_pipeline(d, pipeline_create(d->site->outlets, d->site->n_outlets, &d->site->judging, now, never));
}

/* Puts what waited among the other readings. 0 or -errno after a line in the log. */
static int relabel(struct daemon *d)
{
	struct utc first = { INT64_MAX }, judged;
	uint64_t undated = 0;
	int r = store_clock_note(d->store, clock_mono(&d->clock), d->watch.offset_ms);

	while (r == 0 && (r = store_relabel(d->store, &undated, &first)) == 1) {
		r = 0;
	}
	if (r == 0 && first.ms != INT64_MAX && store_judged_until(d->store, &judged) == 0) {
		/* The first run of all: what it read is where judging begins. */
		r = store_commit(d->store, NULL, 0, time_floor(first, MINUTE_MS, d->site->judging.offset_min));
	}
	if (r < 0) {
		log_error("what was read before the clock was set cannot be dated yet: %s", store_error(d->store));
		return r;
	}
	if (undated > 0) {
		gateway_say(d->gateway, GATEWAY_READINGS_UNDATED,
			"%llu readings of a run that ended before its clock was set are kept without a date in "
			"raw-1970*.db",
			(unsigned long long)undated);
	}
	return 0;
}

/* The clock can be believed: judges from where the store says. */
static int judge(struct daemon *d)
{
	(void)recorder_flush_raw(d->recorder); /* logged there; what is not on disk is part of no mean */
	if (!d->relabelled) {
		if (relabel(d) < 0) {
			return wait_for_clock(d); /* and tried again with the next look */
		}
		d->relabelled = true;
	}
	gateway_end(d->gateway, GATEWAY_CLOCK_UNSET);
	recorder_forget(d->recorder);
	return swap_pipeline(d, rebuild_pipeline(d->site, d->store, d->recorder, clock_utc(&d->clock)));
}

static void note_jump(struct daemon *d)
{
	char before[TIME_TEXT_SIZE], after[TIME_TEXT_SIZE];
	struct utc now = clock_utc(&d->clock);
	struct utc expected = { now.ms - d->watch.step_ms };

	(void)moment(d, expected, before);
	(void)moment(d, now, after);
	if (store_audit(d->store, "emisd", "clock step", before, after) < 0) {
		log_error("the step of the clock cannot be noted: %s", store_error(d->store));
	}
	gateway_say(d->gateway, GATEWAY_CLOCK_STEP, "the clock jumped by %lld s, from %s to %s%s",
		(long long)(d->watch.step_ms / SECOND_MS), before, after,
		d->watch.synchronized ? "" : "; it is not believed yet, and readings wait");
}

static void say_unset(struct daemon *d)
{
	char now[TIME_TEXT_SIZE];

	gateway_say(d->gateway, GATEWAY_CLOCK_UNSET,
		"the clock says %s and is not believed: not synchronised, and too early or not left alone for %lld s; "
		"readings wait with their monotonic stamps, nothing is judged",
		moment(d, clock_utc(&d->clock), now), (long long)(d->site->clock.wait_ms / SECOND_MS));
}

static enum clock_change look(struct daemon *d)
{
	int64_t stamp = clock_watch_stamp(d->site->clock.synchronized);
	enum clock_change change = clock_watch_look(&d->watch, clock_utc(&d->clock), clock_mono(&d->clock), stamp);

	store_clock_trust(d->store, d->watch.synchronized);
	return change;
}

int timekeeper_start(struct daemon *d)
{
	struct utc newest = { INT64_MIN };

	(void)store_judged_until(d->store, &newest); /* nothing was judged yet: then any time is later */
	clock_watch_init(&d->watch, d->site->clock.wait_ms, newest);
	if (d->clock.simulated) {
		d->watch.set = d->watch.synchronized = d->relabelled = true;
		d->watch.offset_ms = clock_utc(&d->clock).ms - clock_mono(&d->clock).ms;
		store_clock_trust(d->store, true);
		return judge(d);
	}
	if (look(d) == CLOCK_SET) {
		return judge(d);
	}
	say_unset(d);
	return wait_for_clock(d);
}

bool timekeeper_look(struct daemon *d)
{
	int r = 0;

	if (d->clock.simulated) {
		return true;
	}
	enum clock_change change = look(d);
	if (d->watch.jumped) {
		note_jump(d);
	}
	switch (change) {
	case CLOCK_STEPPED:
	case CLOCK_SET:
		r = judge(d);
		break;
	case CLOCK_LOST:
		/* What was read until now has its time. */
		(void)recorder_flush_raw(d->recorder); /* logged; what stays in memory is written with the next batch */
		d->relabelled = false;
		say_unset(d);
		r = wait_for_clock(d);
		break;
	case CLOCK_SAME:
		if (d->watch.set && !d->relabelled) {
			r = judge(d);
		} else if (d->watch.jumped) {
			r = wait_for_clock(d); /* the one of before would close every minute between */
		}
		acquire_aim(d->acquire, d->pipeline, d->watch.offset_ms, timekeeper_judges(d));
		break;
	}
	return r == 0;
}
