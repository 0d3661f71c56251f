/* view.c - the present state of a point, for operators and for the retained state that new subscribers get. */
#include <math.h>

#include "core/convert.h"
#include "core/pipeline_state.h"

/* True when there is a reading and it is not older than `oldest`. */
static bool is_fresh(const struct reading *reading, struct utc oldest)
{
	return reading->at.ms != INT64_MIN && reading->at.ms >= oldest.ms;
}

/* The newest value of the series that the limit judges. */
static double newest_value(const struct pipeline *p, const struct outlet_state *outlet, const struct point_state *point,
	const struct series *series, struct utc oldest)
{
	const struct reading *dry = &point->latest_dry;

	if (!is_fresh(dry, oldest) || !reading_counts(dry)) {
		return NAN;
	}
	if (series->conf.kind != SERIES_CONVERTED) {
		return dry->value;
	}
	const struct reading *o2 = outlet->o2 < 0 ? NULL : &outlet->points[outlet->o2].latest_dry;
	if (!o2 || !is_fresh(o2, oldest) || !reading_counts(o2)) {
		return NAN;
	}
	struct exact shown = convert_oxygen_shown(exact_decimal(o2->value), p->settings.o2_zero_drift);
	return convert_to_reference_oxygen(exact_decimal(dry->value), shown, series->conf.o2_ref).value;
}

/* A computed point has no reading: its newest closed minute is shown until the next one is due. */
static struct reading last_minute(const struct point_state *point, struct utc now)
{
	const struct mean *minute = &point->series[0].last[PERIOD_MINUTE];

	if (!minute->rule || now.ms - minute->end.ms > 2 * minute->rule->ms) {
		return (struct reading){ .at = { INT64_MIN }, .value = NAN, .flag = FLAG_NO_COMM };
	}
	return (struct reading){ .at = minute->end, .value = minute->value, .flag = minute->flag };
}

void pipeline_view(
	const struct pipeline *pipeline, size_t outlet, size_t point, struct utc now, struct point_view *ret_view)
{
	const struct outlet_state *o = &pipeline->outlets[outlet];
	const struct point_state *state = &o->points[point];
	struct point_view view = { .raw = state->latest, .converted = NAN, .o2_ref = NAN, .limit_ratio = NAN };
	const struct series *series = &state->series[0];
	const struct utc oldest = { now.ms - state->conf->max_age_ms };

	if (state->conf->computed != COMPUTED_NOT) {
		view.raw = last_minute(state, now);
	} else if (!is_fresh(&state->latest, oldest)) {
		/* Never show the last good value of an instrument that went silent. */
		view.raw.flag = FLAG_NO_COMM;
	}
	if (view.raw.flag == FLAG_NO_COMM) {
		/* docs/mqtt.md: with B no value is shown. The value is there when only the instrument whose state
		 * speaks about it is silent; it is stored with its flag. */
		view.raw.value = NAN;
	}
	view.limit = outlet_strictest(o->conf, state->conf, now);
	if (view.limit) {
		series = point_series_of(state, view.limit);
	}
	view.o2_ref = series->conf.o2_ref;
	if (series->conf.kind == SERIES_CONVERTED && state->conf->computed != COMPUTED_NOT) {
		view.converted = isnan(view.raw.value) ? NAN : series->last[PERIOD_MINUTE].value;
	} else if (series->conf.kind != SERIES_MEASURED) {
		view.converted = newest_value(pipeline, o, state, series, oldest);
	}
	view.hour_mean = mean_so_far(&series->hour);
	view.valid_minutes = series->hour.n_valid;
	view.due_minutes = series->hour.due;
	view.last_hour = series->last[PERIOD_HOUR];
	if (view.limit) {
		double day = mean_so_far(&series->day);
		/* Before the first valid hour of the day, the hour so far is shown. */
		bool daily = view.limit->period == LIMIT_DAY && !isnan(day);
		enum rounding rounding = pipeline->settings.rounding;
		view.limit_ratio = judge_severity(view.limit, daily ? day : view.hour_mean, rounding);
		if (view.limit->period == LIMIT_INSTANT && reading_counts(&view.raw)) {
			view.limit_ratio = judge_severity(view.limit, view.raw.value, rounding);
		}
	}
	*ret_view = view;
}

bool pipeline_month_share(
	const struct pipeline *pipeline, size_t outlet, size_t point, size_t limit, struct month_share_view *ret_view)
{
	const struct limit_state *state = &pipeline->outlets[outlet].points[point].limits[limit];

	if (isnan(state->limit->share_of_month)) {
		return false;
	}
	month_share_view(&state->share, state->limit->share_of_month, ret_view);
	return true;
}
