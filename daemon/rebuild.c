#include "daemon/rebuild.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "daemon/store/aggregate.h"
#include "daemon/store/alarm.h"
#include "daemon/store/raw.h"
#include "daemon/store/state.h"

#define MAX_GAP_MS (7 * DAY_MS) /* a longer stop becomes one gap: nothing is replayed, no empty minutes are made */
#define COMMIT_AT_RECORDS 20000

struct rebuild {
	const struct site *site;
	struct pipeline *pipeline;
	struct recorder *recorder;
	struct pipeline_sink sink;
	uint64_t readings;
};

static void step_pipeline_to(struct rebuild *rb, struct utc now)
{
	while (pipeline_step(rb->pipeline, now, &rb->sink)) {
		if (recorder_waiting_means(rb->recorder) > COMMIT_AT_RECORDS) {
			/* A failure is logged there; the next commit tries again. */
			(void)recorder_commit(rb->recorder, pipeline_closed_until(rb->pipeline), false);
		}
	}
}

static void replay_reading(void *context, const struct raw_reading *raw)
{
	struct rebuild *rb = context;

	if (raw->late) {
		return; /* it was no part of any mean when it arrived, either */
	}
	step_pipeline_to(rb, raw->reading.at);
	/* The result is ignored: the reading was in time when it arrived. */
	(void)pipeline_add(rb->pipeline, raw->outlet, raw->point, &raw->reading);
	rb->readings++;
}

static void restore_mean(void *context, const struct stored_mean *m)
{
	struct rebuild *rb = context;

	/* False when the point is no longer configured: then its mean counts in no month or quarter. */
	(void)pipeline_restore_mean(
		rb->pipeline, &(struct past_mean){ m->outlet, m->factor, m->kind, m->o2_ref, &m->mean, m->amount });
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

	if (rebuild_mark(rb->site, stored, &mark) && !pipeline_add_mark(rb->pipeline, &mark)) {
		log_warning("too many marks are active: a mark of outlet %s is ignored", stored->outlet);
	}
}

/* The longest grace of all outlets: how long after its end a period may stay open for late results. */
static int64_t longest_grace(const struct site *site)
{
	int64_t longest = site->judging.grace_ms;

	for (size_t i = 0; i < site->n_outlets; i++) {
		longest = site->outlets[i].grace_ms > longest ? site->outlets[i].grace_ms : longest;
	}
	return longest;
}

static void restore_alarm(void *context, const struct store_alarm *alarm)
{
	struct rebuild *rb = context;
	struct past_alarm past = { .outlet = alarm->outlet,
		.factor = alarm->factor,
		.limit_key = alarm->limit_key,
		.since = alarm->since,
		.worst = alarm->worst };

	if (strcmp(alarm->outlet, GATEWAY) == 0) {
		return; /* an alarm about the box itself: gateway.c restores it */
	}
	if (!alarm_rule_from_name(alarm->rule, &past.rule) || !pipeline_restore_alarm(rb->pipeline, &past)) {
		log_warning("alarm %s stays raised: its outlet, factor or limit is no longer configured; configure it "
			    "again so that it can clear",
			alarm->id);
	}
}

/* Creates rb->pipeline at `start` and restores into it the raised alarms, the means since the start of the quarter and
 * the marks. 0, or -errno with rb->pipeline NULL. */
static int restore_all(struct rebuild *rb, struct store *store, struct utc start, struct utc judged)
{
	int offset = rb->site->judging.offset_min;

	rb->pipeline = pipeline_create(rb->site->outlets, rb->site->n_outlets, &rb->site->judging, start, judged);
	if (!rb->pipeline) {
		return -ENOMEM;
	}
	int r = store_alarms(store, false, SIZE_MAX / 2, restore_alarm, rb);
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
	int found = store_judged_until(store, &judged);
	bool known = found > 0;
	bool gap = known && now.ms - judged.ms > MAX_GAP_MS;
	struct utc start = now;

	if (known && !gap) {
		/* Start an hour before `judged`: then a run of consecutive minutes that crosses midnight is counted as
		 * it was before. */
		struct utc from = { judged.ms - HOUR_MS - longest_grace(site) };
		start = time_floor(from, DAY_MS, site->judging.offset_min);
	}
	int r = found < 0 ? found : restore_all(&rb, store, start, judged);
	if (r == 0 && known && !gap) {
		r = store_raw_replay(store, start, replay_reading, &rb);
	}
	if (r < 0) {
		log_error("cannot rebuild the open periods from the store: %s",
			r == -ENOMEM ? "out of memory" : store_error(store));
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
	step_pipeline_to(&rb, now);
	log_info("rebuilt the open periods from %llu stored readings", (unsigned long long)rb.readings);
	/* Commit even without events: in a first run this stores where judging began, so that a kill before the first
	 * alarm loses nothing. A failure is logged there; the next commit tries again. */
	(void)recorder_commit(recorder, pipeline_closed_until(rb.pipeline), true);
	return rb.pipeline;
}
