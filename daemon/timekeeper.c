#include "daemon/timekeeper.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "daemon/rebuild.h"
#include "daemon/store/alarm.h"
#include "daemon/store/audit.h"
#include "daemon/store/relabel.h"
#include "daemon/store/state.h"

bool timekeeper_judges(const struct timekeeper *k)
{
	return k->watch.set && k->relabelled;
}

const char *timekeeper_clock_state(const struct timekeeper *k)
{
	if (!timekeeper_judges(k)) {
		return "not set";
	}
	return k->watch.synchronized ? "synchronized" : "not synchronized";
}

/* The moment in the site's time, for sentences. */
static const char *moment(const struct timekeeper *k, struct utc at, char *text)
{
	return time_format(at, k->site->judging.offset_min, text);
}

static int swap_pipeline(struct timekeeper *k, struct pipeline *pipeline)
{
	if (!pipeline) {
		return -ENOMEM;
	}
	acquire_aim(k->acquire, pipeline, k->watch.offset_ms, timekeeper_judges(k));
	pipeline_destroy(k->pipeline);
	k->pipeline = pipeline;
	return 0;
}

/* A pipeline that shows what is measured; nothing of it is reported. */
static int wait_for_clock(struct timekeeper *k)
{
	struct utc never = { INT64_MAX / 2 };
	struct utc now = clock_utc(k->clock);

	return swap_pipeline(k, pipeline_create(k->site->outlets, k->site->n_outlets, &k->site->judging, now, never));
}

/* Puts what waited among the other readings. 0 or -errno after a line in the log. */
static int relabel(struct timekeeper *k)
{
	struct utc first = { INT64_MAX }, judged;
	uint64_t undated = 0;
	int r = store_clock_note(k->store, clock_mono(k->clock), k->watch.offset_ms);

	while (r == 0 && (r = store_relabel(k->store, &undated, &first)) == 1) {
		r = 0;
	}
	if (r == 0 && first.ms != INT64_MAX && store_judged_until(k->store, &judged) == 0) {
		/* The first run of all: what it read is where judging begins. */
		r = store_commit(k->store, NULL, 0, time_floor(first, MINUTE_MS, k->site->judging.offset_min));
	}
	if (r < 0) {
		log_error("what was read before the clock was set cannot be dated yet: %s", store_error(k->store));
		return r;
	}
	if (undated > 0) {
		gateway_say(k->gateway, GATEWAY_READINGS_UNDATED,
			"%llu readings of a run that ended before its clock was set are kept without a date in "
			"raw-1970*.db",
			(unsigned long long)undated);
	}
	return 0;
}

/* The clock can be believed: judges from where the store says. */
static int judge(struct timekeeper *k)
{
	(void)recorder_flush_raw(k->recorder); /* logged there; what is not on disk is part of no mean */
	if (!k->relabelled) {
		if (relabel(k) < 0) {
			return wait_for_clock(k); /* and tried again with the next look */
		}
		k->relabelled = true;
	}
	gateway_end(k->gateway, GATEWAY_CLOCK_UNSET);
	recorder_forget(k->recorder);
	return swap_pipeline(k, rebuild_pipeline(k->site, k->store, k->recorder, clock_utc(k->clock)));
}

static void note_jump(struct timekeeper *k)
{
	char before[TIME_TEXT_SIZE], after[TIME_TEXT_SIZE];
	struct utc now = clock_utc(k->clock);
	struct utc expected = { now.ms - k->watch.step_ms };

	(void)moment(k, expected, before);
	(void)moment(k, now, after);
	if (store_audit(k->store, "emisd", "clock step", before, after) < 0) {
		log_error("the step of the clock cannot be noted: %s", store_error(k->store));
	}
	gateway_say(k->gateway, GATEWAY_CLOCK_STEP, "the clock jumped by %lld s, from %s to %s%s",
		(long long)(k->watch.step_ms / SECOND_MS), before, after,
		k->watch.synchronized ? "" : "; it is not believed yet, and readings wait");
}

static void say_unset(struct timekeeper *k)
{
	char now[TIME_TEXT_SIZE];

	gateway_say(k->gateway, GATEWAY_CLOCK_UNSET,
		"the clock says %s and is not believed: not synchronised, and too early or not left alone for %lld s; "
		"readings wait with their monotonic stamps, nothing is judged",
		moment(k, clock_utc(k->clock), now), (long long)(k->site->clock.wait_ms / SECOND_MS));
}

static enum clock_change look(struct timekeeper *k)
{
	int64_t stamp = clock_watch_stamp(k->site->clock.synchronized);
	enum clock_change change = clock_watch_look(&k->watch, clock_utc(k->clock), clock_mono(k->clock), stamp);

	store_clock_trust(k->store, k->watch.synchronized);
	return change;
}

int timekeeper_start(struct timekeeper *k)
{
	struct utc newest = { INT64_MIN };

	(void)store_judged_until(k->store, &newest); /* nothing was judged yet: then any time is later */
	clock_watch_init(&k->watch, k->site->clock.wait_ms, newest);
	if (k->clock->simulated) {
		k->watch.set = k->watch.synchronized = k->relabelled = true;
		k->watch.offset_ms = clock_utc(k->clock).ms - clock_mono(k->clock).ms;
		store_clock_trust(k->store, true);
		return judge(k);
	}
	if (look(k) == CLOCK_SET) {
		return judge(k);
	}
	say_unset(k);
	return wait_for_clock(k);
}

bool timekeeper_look(struct timekeeper *k)
{
	int r = 0;

	if (k->clock->simulated) {
		return true;
	}
	enum clock_change change = look(k);
	if (k->watch.jumped) {
		note_jump(k);
	}
	switch (change) {
	case CLOCK_STEPPED:
	case CLOCK_SET:
		r = judge(k);
		break;
	case CLOCK_LOST:
		/* What was read until now has its time. */
		(void)recorder_flush_raw(k->recorder); /* logged; what stays in memory is written with the next batch */
		k->relabelled = false;
		say_unset(k);
		r = wait_for_clock(k);
		break;
	case CLOCK_SAME:
		if (k->watch.set && !k->relabelled) {
			r = judge(k);
		} else if (k->watch.jumped) {
			r = wait_for_clock(k); /* the one of before would close every minute between */
		}
		acquire_aim(k->acquire, k->pipeline, k->watch.offset_ms, timekeeper_judges(k));
		break;
	}
	return r == 0;
}

void timekeeper_finish(struct timekeeper *k)
{
	pipeline_destroy(k->pipeline);
	k->pipeline = NULL;
}
