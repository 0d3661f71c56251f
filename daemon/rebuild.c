#include "daemon/rebuild.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "daemon/store/aggregate.h"
#include "daemon/store/alarm.h"
#include "daemon/store/raw.h"
#include "daemon/store/state.h"

#define MAX_GAP_MS (7 * DAY_MS) /* a longer stop is one gap, not thousands of empty minutes */
#define COMMIT_AT_RECORDS 20000

struct rebuild {
	const struct site *site;
	struct pipeline *pipeline;
	struct recorder *recorder;
	struct pipeline_sink sink;
	uint64_t readings;
	unsigned lost_alarms;
};

static void step_to(struct rebuild *rb, struct utc now)
{
	while (pipeline_step(rb->pipeline, now, &rb->sink)) {
		if (recorder_waiting(rb->recorder) > COMMIT_AT_RECORDS) {
			/* A failure is logged; what was collected stays and is tried again. */
			(void)recorder_commit(rb->recorder, pipeline_closed_until(rb->pipeline), false);
		}
	}
}

static void replay(void *context, const struct raw_reading *raw)
{
	struct rebuild *rb = context;

	if (raw->late) {
		return; /* it was part of no mean then */
	}
	step_to(rb, raw->reading.at);
	(void)pipeline_add(rb->pipeline, raw->outlet, raw->point, &raw->reading); /* filed as it was then */
	rb->readings++;
}

static void restore_mean(void *context, const struct stored_mean *m)
{
	struct rebuild *rb = context;

	/* False for what is no longer configured: it then belongs to no month of ours. */
	(void)pipeline_restore_mean(rb->pipeline, m->outlet, m->factor, m->kind, m->o2_ref, &m->mean, m->amount);
}

bool rebuild_mark(const struct site *site, const struct store_mark *stored, struct mark *ret_mark)
{
	struct mark mark = { .point = -1, .until = stored->until, .flag = stored->flag };

	mark.from.ms = stored->from.ms > stored->applies.ms ? stored->from.ms : stored->applies.ms;
	for (; mark.outlet < site->n_outlets; mark.outlet++) {
		if (strcmp(site->outlets[mark.outlet].id, stored->outlet) == 0) {
			break;
		}
	}
	if (mark.outlet == site->n_outlets) {
		return false;
	}
	if (stored->factor[0]) {
		mark.point = outlet_point(&site->outlets[mark.outlet], stored->factor);
	}
	*ret_mark = mark;
	return !stored->factor[0] || mark.point >= 0;
}

static void restore_mark(void *context, const struct store_mark *stored)
{
	struct rebuild *rb = context;
	struct mark mark;

	if (rebuild_mark(rb->site, stored, &mark) && !pipeline_mark(rb->pipeline, &mark)) {
		log_warning("more marks than can be at work at a time; one of %s is left out", stored->outlet);
	}
}

/* The longest time that an outlet waits for late results. */
static int64_t longest_grace(const struct site *site)
{
	int64_t longest = site->judging.grace_ms;

	for (size_t i = 0; i < site->n_outlets; i++) {
		longest = site->outlets[i].grace_ms > longest ? site->outlets[i].grace_ms : longest;
	}
	return longest;
}

static void restore(void *context, const struct store_alarm *alarm)
{
	struct rebuild *rb = context;
	enum alarm_rule rule;

	if (strcmp(alarm->outlet, GATEWAY) == 0) {
		return; /* of the box itself: gateway.c */
	}
	if (!alarm_rule_from_name(alarm->rule, &rule) ||
		!pipeline_restore_alarm(rb->pipeline, alarm->outlet, alarm->factor, rule, alarm->limit_key,
			alarm->since, alarm->worst)) {
		rb->lost_alarms++;
		log_warning(
			"the alarm %s stays raised in the store: what it is about is no longer configured", alarm->id);
	}
}

/* Where to begin, and a pipeline that knows what was before. 0, or -errno after which rb->pipeline is NULL. */
static int restore_all(struct rebuild *rb, struct store *store, struct utc start, struct utc judged)
{
	int offset = rb->site->judging.offset_min;

	rb->lost_alarms = 0;
	rb->pipeline = pipeline_create(rb->site->outlets, rb->site->n_outlets, &rb->site->judging, start, judged);
	if (!rb->pipeline) {
		return -ENOMEM;
	}
	int r = store_alarms(store, false, SIZE_MAX / 2, restore, rb);
	r = r == 0 ? store_aggregate_read(store, time_quarter(start, offset), start, restore_mean, rb) : r;
	r = r == 0 ? store_marks(store, start, restore_mark, rb) : r;
	if (r < 0) {
		pipeline_destroy(rb->pipeline);
		rb->pipeline = NULL;
	}
	return r;
}

struct pipeline *rebuild_pipeline(
	const struct site *site, struct store *store, struct recorder *recorder, struct utc now)
{
	struct rebuild rb = { .site = site, .recorder = recorder, .sink = recorder_sink(recorder) };
	struct utc judged = { INT64_MIN };
	int mark = store_judged_until(store, &judged);
	bool known = mark > 0;
	bool gap = known && now.ms - judged.ms > MAX_GAP_MS;
	struct utc start = now;

	if (known && !gap) {
		/* An hour earlier than the mark, so that runs of minutes across midnight are counted as they were. */
		struct utc from = { judged.ms - HOUR_MS - longest_grace(site) };
		start = time_floor(from, DAY_MS, site->judging.offset_min);
	}
	int r = mark < 0 ? mark : restore_all(&rb, store, start, judged);
	if (r == 0 && known && !gap) {
		r = store_raw_replay(store, start, replay, &rb);
	}
	if (r < 0) {
		log_error("what is stored cannot be restored: %s", r == -ENOMEM ? "out of memory" : store_error(store));
		pipeline_destroy(rb.pipeline);
		return NULL;
	}
	if (r > 0) {
		log_error("%d stored batches of readings are damaged and were passed over", r);
	}
	if (gap) {
		log_warning("emisd was down for more than %d days; the periods between are a gap, not data",
			(int)(MAX_GAP_MS / DAY_MS));
	}
	step_to(&rb, now);
	log_info("rebuilt the open periods from %llu stored readings", (unsigned long long)rb.readings);
	/* Also marks where a first run began, so that a kill before its first alarm loses nothing. */
	(void)recorder_commit(recorder, pipeline_closed_until(rb.pipeline), true); /* logged, and tried again */
	return rb.pipeline;
}
