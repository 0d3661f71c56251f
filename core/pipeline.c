/* pipeline.c - the path of a value on one page. A reading passes marks, unit, volume and dry standard state, and
 * enters its minute. With time, minutes become hours, days and months; the periods that ended are judged by limits
 * and conditions. */
#include "core/pipeline.h"

#include "core/pipeline_state.h"

/* ---- a reading ---- */

enum pipeline_filed pipeline_add_averaged(
	struct pipeline *pipeline, size_t outlet, size_t point, const struct reading *reading, unsigned times)
{
	struct outlet_state *o = &pipeline->outlets[outlet];
	struct point_state *state = &o->points[point];
	struct series *dry_series = point_dry_series(state);
	struct reading measured = *reading;

	measured.flag = flag_after_marks(pipeline, outlet, point, &measured);
	reading_to_unit(pipeline, state->conf, &measured);
	if (measured.at.ms < series_minute(&state->series[0])->start.ms) {
		return PIPELINE_LATE;
	}
	state->latest = measured;
	if (state->series[0].conf.total && !reading_count_volume(state, &measured)) {
		return PIPELINE_FILED;
	}
	struct reading dry = reading_to_dry_standard(pipeline, o, state->conf, &measured);
	if (!series_add(&state->series[0], &measured, times)) {
		return PIPELINE_EARLY;
	}
	if (dry_series != &state->series[0]) {
		(void)series_add(dry_series, &dry, times); /* succeeds: the measured reading has the same stamp */
	}
	state->latest_dry = dry;
	return PIPELINE_FILED;
}

bool pipeline_has_filed(const struct pipeline *pipeline, size_t outlet, size_t point, struct utc at)
{
	return pipeline->outlets[outlet].points[point].latest.at.ms == at.ms;
}

enum pipeline_filed pipeline_add(struct pipeline *pipeline, size_t outlet, size_t point, const struct reading *reading)
{
	return pipeline_add_averaged(pipeline, outlet, point, reading, 1);
}

/* ---- time ---- */

/* The time to close the oldest open minute of the outlet: its end and the grace; the far future without points. */
static struct utc closing_time(const struct pipeline *p, const struct outlet_state *outlet)
{
	int64_t grace = outlet->conf->grace_ms ? outlet->conf->grace_ms : p->settings.grace_ms;

	if (outlet->conf->n_points == 0) {
		return (struct utc){ INT64_MAX / 2 };
	}
	return (struct utc){ series_minute(&outlet->points[0].series[0])->end.ms + grace };
}

struct utc pipeline_due(const struct pipeline *pipeline)
{
	struct utc first = { INT64_MAX / 2 };

	for (size_t i = 0; i < pipeline->n_outlets; i++) {
		struct utc due = closing_time(pipeline, &pipeline->outlets[i]);
		if (due.ms < first.ms) {
			first = due;
		}
	}
	return first;
}

struct utc pipeline_closed_until(const struct pipeline *pipeline)
{
	return pipeline->closed_until;
}

/* Judges the periods that just ended, up to `longest`: each point by its limits, then by its conditions. */
static void judge_points(const struct pipeline *pipeline, struct outlet_state *outlet, enum period longest,
	const struct pipeline_sink *sink)
{
	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		assess_point(pipeline, outlet, &outlet->points[i], longest, sink);
		condition_judge(pipeline, outlet, &outlet->points[i], longest, sink);
	}
}

bool pipeline_step(struct pipeline *pipeline, struct utc now, const struct pipeline_sink *sink)
{
	struct utc due = pipeline_due(pipeline);

	if (due.ms > now.ms) {
		return false;
	}
	/* An outlet with a longer grace has closed less; each has reported all that was due before this moment. */
	pipeline->closed_until.ms = due.ms - pipeline->settings.grace_ms;
	bool is_new = pipeline->closed_until.ms > pipeline->judged_until.ms;
	for (size_t i = 0; i < pipeline->n_outlets; i++) {
		struct outlet_state *outlet = &pipeline->outlets[i];
		if (closing_time(pipeline, outlet).ms == due.ms) {
			const struct pipeline_sink *sink_if_new = is_new ? sink : NULL;
			enum period longest = aggregate_outlet(pipeline, outlet, sink_if_new);
			judge_points(pipeline, outlet, longest, sink_if_new);
		}
	}
	return true;
}
