/* pipeline_setup.c - creates the pipeline from the configuration and destroys it. Only pipeline_create() allocates
 * in core/. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/pipeline_state.h"

static struct series_conf series_conf_of(const struct outlet_state *outlet, const struct point *conf,
	const struct pipeline_settings *settings, enum series_kind kind, double o2_ref)
{
	const struct mean_rule *minute = mean_rule_of(outlet->conf->medium, PERIOD_MINUTE);
	int64_t grace = outlet->conf->grace_ms ? outlet->conf->grace_ms : settings->grace_ms;

	return (struct series_conf){ .kind = kind,
		.o2_ref = o2_ref,
		.medium = outlet->conf->medium,
		.offset_min = settings->offset_min,
		.cycle_ms = conf->cycle_ms,
		.total = strcmp(conf->factor->key, "flow-total") == 0,
		/* the minutes that wait for their grace, and the present one */
		.n_open = kind == SERIES_CONVERTED ? 0 : (size_t)(grace / minute->ms) + 2 };
}

/* Adds a series unless the point has it; false when out of memory. */
static bool add_series(struct point_state *state, const struct series_conf *conf, struct utc start)
{
	for (size_t i = 0; i < state->n_series; i++) {
		if (series_conf_is(&state->series[i].conf, conf->kind, conf->o2_ref)) {
			return true;
		}
	}
	/* conf_bind.c refuses a point with more reference oxygens than fit. */
	return state->n_series < POINT_SERIES && series_init(&state->series[state->n_series++], conf, start);
}

static bool set_up_series(struct point_state *state, const struct outlet_state *outlet,
	const struct pipeline_settings *settings, struct utc start)
{
	const struct point *conf = state->conf;
	struct series_conf c = series_conf_of(outlet, conf, settings, SERIES_MEASURED, NAN);
	bool added = add_series(state, &c, start);

	if (conf->wet || conf->actual) {
		c = series_conf_of(outlet, conf, settings, SERIES_DRY, NAN);
		added = added && add_series(state, &c, start);
	}
	for (size_t i = 0; i < conf->n_limits; i++) {
		if (!isnan(conf->limits[i]->o2_ref)) {
			c = series_conf_of(outlet, conf, settings, SERIES_CONVERTED, conf->limits[i]->o2_ref);
			added = added && add_series(state, &c, start);
		}
	}
	return added;
}

static bool set_up_point(struct point_state *state, const struct point *conf, const struct outlet_state *outlet,
	const struct pipeline_settings *settings, struct utc start)
{
	state->conf = conf;
	state->latest = (struct reading){ .value = NAN, .flag = FLAG_NO_COMM, .at = { INT64_MIN } };
	state->latest_dry = state->latest;
	state->counter = NAN;
	state->last_value = NAN;
	state->quarter.end = time_next_quarter(start, settings->offset_min);
	for (int i = 0; i < PERIOD_COUNT; i++) {
		state->amount[i] = state->open_amount[i] = NAN;
	}
	size_t room = conf->wet || conf->actual ? 2 : 1;
	for (size_t i = 0; i < conf->n_limits; i++) {
		room += isnan(conf->limits[i]->o2_ref) ? 0 : 1;
	}
	state->series = calloc(room < POINT_SERIES ? room : POINT_SERIES, sizeof(*state->series));
	state->limits = calloc(conf->n_limits + 1, sizeof(*state->limits));
	if (!state->series || !state->limits || !set_up_series(state, outlet, settings, start)) {
		return false;
	}
	for (size_t i = 0; i < conf->n_limits; i++) {
		state->limits[i].limit = conf->limits[i];
		state->limits[i].series = point_series_of(state, conf->limits[i]);
		assess_set_up(&state->limits[i], start, settings->offset_min);
	}
	return true;
}

static bool set_up_outlet(struct outlet_state *state, const struct outlet *conf,
	const struct pipeline_settings *settings, struct utc start)
{
	state->conf = conf;
	state->o2 = outlet_point(conf, "o2");
	state->temperature = outlet_point(conf, "temp");
	state->pressure = outlet_point(conf, "pressure");
	state->humidity = outlet_point(conf, "humidity");
	state->velocity = outlet_point(conf, "velocity");
	state->flow = outlet_point(conf, conf->medium == MEDIUM_WATER ? "flow" : "gasflow");
	state->counter = outlet_point(conf, "flow-total");
	state->no = outlet_point(conf, "no");
	state->no2 = outlet_point(conf, "no2");
	state->points = calloc(conf->n_points ? conf->n_points : 1, sizeof(*state->points));
	if (!state->points) {
		return false;
	}
	for (size_t i = 0; i < conf->n_points; i++) {
		if (!set_up_point(&state->points[i], &conf->points[i], state, settings, start)) {
			return false;
		}
	}
	return true;
}

struct pipeline *pipeline_create(const struct outlet *outlets, size_t n_outlets,
	const struct pipeline_settings *settings, struct utc start, struct utc judged_until)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (!p) {
		return NULL;
	}
	p->settings = *settings;
	p->start = start;
	p->judged_until = judged_until;
	p->closed_until = time_floor(start, MINUTE_MS, settings->offset_min);
	p->outlets = calloc(n_outlets ? n_outlets : 1, sizeof(*p->outlets));
	if (!p->outlets) {
		pipeline_destroy(p);
		return NULL;
	}
	p->n_outlets = n_outlets;
	for (size_t i = 0; i < n_outlets; i++) {
		if (!set_up_outlet(&p->outlets[i], &outlets[i], settings, start)) {
			pipeline_destroy(p);
			return NULL;
		}
	}
	return p;
}

void pipeline_destroy(struct pipeline *pipeline)
{
	if (!pipeline) {
		return;
	}
	for (size_t i = 0; pipeline->outlets && i < pipeline->n_outlets; i++) {
		struct outlet_state *outlet = &pipeline->outlets[i];
		for (size_t k = 0; outlet->points && k < outlet->conf->n_points; k++) {
			for (size_t s = 0; outlet->points[k].series && s < outlet->points[k].n_series; s++) {
				series_finish(&outlet->points[k].series[s]);
			}
			free(outlet->points[k].series);
			free(outlet->points[k].limits);
		}
		free(outlet->points);
	}
	free(pipeline->outlets);
	free(pipeline);
}
