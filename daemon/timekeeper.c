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

/* The moment in the site's local time, for messages. `text` of TIME_TEXT_SIZE. */
static const char *format_moment(const struct timekeeper *k, struct utc at, char *text)
{
	return time_format(at, k->site->judging.offset_min, text);
}

static void swap_pipeline(struct timekeeper *k, struct pipeline *pipeline)
{
	acquire_set_target(k->acquire, pipeline, k->watch.offset_ms, timekeeper_judges(k));
	pipeline_destroy(k->pipeline);
	k->pipeline = pipeline;
}

/* Replaces the pipeline by one that shows what is measured but judges and reports nothing. 0, or -ENOMEM after a line
 * in the log. */
static int stop_judging(struct timekeeper *k)
{
	struct utc never = { INT64_MAX / 2 };
	struct pipeline *pipeline =
		pipeline_create(k->site->outlets, k->site->n_outlets, &k->site->judging, clock_utc(k->clock), never);

	if (!pipeline) {
		log_error("out of memory for the open periods");
		return -ENOMEM;
	}
	swap_pipeline(k, pipeline);
	return 0;
}

/* Stores the readings that waited for the clock under their wall time. 0 or -errno after a line in the log. */
static int relabel_readings(struct timekeeper *k)
{
	struct utc first = { INT64_MAX }, judged;
	uint64_t undated = 0;
	int r = store_clock_note(k->store, clock_mono(k->clock), k->watch.offset_ms);

	while (r == 0 && (r = store_relabel(k->store, &undated, &first)) == 1) {
		r = 0;
	}
	if (r == 0 && first.ms != INT64_MAX && store_judged_until(k->store, &judged) == 0) {
		/* In the first run of a new store, judging begins with the earliest reading. */
		r = store_commit(k->store, NULL, 0, time_floor(first, MINUTE_MS, k->site->judging.offset_min));
	}
	if (r < 0) {
		log_error("cannot store the readings from before the clock was set under their dates yet: %s; trying "
			  "again",
			store_error(k->store));
		return r;
	}
	if (undated > 0) {
		gateway_raise(k->gateway, GATEWAY_READINGS_UNDATED,
			"%llu readings of a run that ended before its clock was set are kept without a date in "
			"raw-1970*.db",
			(unsigned long long)undated);
	}
	return 0;
}

/* Call when the clock is set: rebuilds the open periods, so that judging goes on from where the store ends. Goes on
 * without judging when the waiting readings cannot be stored yet. 0, or -ENOMEM or -EIO after a line in the log. */
static int start_judging(struct timekeeper *k)
{
	(void)recorder_flush_raw(k->recorder); /* logged there; readings not on disk are missing in the rebuilt means */
	if (!k->relabelled) {
		if (relabel_readings(k) < 0) {
			return stop_judging(k); /* the next timekeeper_check_clock() tries again */
		}
		k->relabelled = true;
	}
	gateway_clear(k->gateway, GATEWAY_CLOCK_UNSET);
	recorder_discard(k->recorder);
	struct pipeline *pipeline = rebuild_pipeline(k->site, k->store, k->recorder, clock_utc(k->clock));
	if (!pipeline) {
		return -EIO; /* logged in rebuild_pipeline() */
	}
	swap_pipeline(k, pipeline);
	return 0;
}

/* Writes the jump of the clock into the audit log and raises its condition. */
static void report_jump(struct timekeeper *k)
{
	char before[TIME_TEXT_SIZE], after[TIME_TEXT_SIZE];
	struct utc now = clock_utc(k->clock);
	struct utc expected = { now.ms - k->watch.step_ms };

	(void)format_moment(k, expected, before);
	(void)format_moment(k, now, after);
	if (store_audit(k->store, "emisd", "clock step", before, after) < 0) {
		log_error("the step of the clock cannot be noted: %s", store_error(k->store));
	}
	gateway_raise(k->gateway, GATEWAY_CLOCK_STEP, "the clock jumped by %lld s, from %s to %s%s",
		(long long)(k->watch.step_ms / SECOND_MS), before, after,
		k->watch.synchronized ? "" : "; it is not trusted yet, and readings wait for it");
}

static void report_clock_unset(struct timekeeper *k)
{
	char now[TIME_TEXT_SIZE];

	gateway_raise(k->gateway, GATEWAY_CLOCK_UNSET,
		"the clock shows %s and is not trusted: not synchronised, and too early or not yet unchanged for %lld "
		"s; "
		"readings are stored without a date and nothing is judged; check the time service",
		format_moment(k, clock_utc(k->clock), now), (long long)(k->site->clock.wait_ms / SECOND_MS));
}

static enum clock_change check_clock(struct timekeeper *k)
{
	int64_t stamp = clock_watch_read_stamp(k->site->clock.synchronized);
	enum clock_change change = clock_watch_update(&k->watch, clock_utc(k->clock), clock_mono(k->clock), stamp);

	store_clock_trust(k->store, k->watch.synchronized);
	return change;
}

int timekeeper_start(struct timekeeper *k)
{
	struct utc newest = { INT64_MIN };

	/* When nothing was judged yet, or the store cannot be read, `newest` stays the earliest time of all. */
	(void)store_judged_until(k->store, &newest);
	clock_watch_init(&k->watch, k->site->clock.wait_ms, newest);
	if (k->clock->simulated) {
		k->watch.set = k->watch.synchronized = k->relabelled = true;
		k->watch.offset_ms = clock_utc(k->clock).ms - clock_mono(k->clock).ms;
		store_clock_trust(k->store, true);
		return start_judging(k);
	}
	if (check_clock(k) == CLOCK_SET) {
		return start_judging(k);
	}
	report_clock_unset(k);
	return stop_judging(k);
}

bool timekeeper_check_clock(struct timekeeper *k)
{
	int r = 0;

	if (k->clock->simulated) {
		return true;
	}
	enum clock_change change = check_clock(k);
	if (k->watch.jumped) {
		report_jump(k);
	}
	switch (change) {
	case CLOCK_STEPPED:
	case CLOCK_SET:
		r = start_judging(k);
		break;
	case CLOCK_LOST:
		/* Readings taken until now were stamped by the clock that was set: store them under that time. A
		 * failure is logged; the next batch writes what stays in memory. */
		(void)recorder_flush_raw(k->recorder);
		k->relabelled = false;
		report_clock_unset(k);
		r = stop_judging(k);
		break;
	case CLOCK_SAME:
		if (k->watch.set && !k->relabelled) {
			r = start_judging(k);
		} else if (k->watch.jumped) {
			r = stop_judging(k); /* the old pipeline would close every minute between old and new time */
		}
		acquire_set_target(k->acquire, k->pipeline, k->watch.offset_ms, timekeeper_judges(k));
		break;
	}
	return r == 0;
}

void timekeeper_finish(struct timekeeper *k)
{
	pipeline_destroy(k->pipeline);
	k->pipeline = NULL;
}
