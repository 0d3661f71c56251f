/* pipeline.c - the path of a value on one page. A reading: marks, unit, volume, dry standard state, minute. Time:
 * minute -> hour -> day -> month, then limits and conditions of what ended. */
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
		(void)series_add(dry_series, &dry, times); /* the same stamp: filed as the measured one was */
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

/* When the outlet's oldest open minute is closed: its end and the grace; the far future without points. */
static struct utc closing(const struct pipeline *p, const struct outlet_state *outlet)
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
		struct utc due = closing(pipeline, &pipeline->outlets[i]);
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

/* The periods that just ended, up to `longest`: each point by its limits, then by what its values say. */
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
	/* An outlet that waits longer has closed less; all have told what was due before this moment. */
	pipeline->closed_until.ms = due.ms - pipeline->settings.grace_ms;
	bool is_new = pipeline->closed_until.ms > pipeline->judged_until.ms;
	for (size_t i = 0; i < pipeline->n_outlets; i++) {
		struct outlet_state *outlet = &pipeline->outlets[i];
		if (closing(pipeline, outlet).ms == due.ms) {
			const struct pipeline_sink *to = is_new ? sink : NULL;
			enum period longest = aggregate_outlet(pipeline, outlet, to);
			judge_points(pipeline, outlet, longest, to);
		}
	}
	return true;
}
