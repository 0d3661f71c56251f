#include "core/pipeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/convert.h"
#include "core/pipeline_state.h"

#define PA_PER_KPA 1000.0
#define PERCENT 100.0

/* ---- set-up ---- */

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
		/* the one that waits for its grace, those that do so behind it, and the present one */
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
	/* conf_bind.c refuses a point with more references than fit. */
	return state->n_series < POINT_SERIES && series_init(&state->series[state->n_series++], conf, start);
}

static bool set_up_series(struct point_state *state, const struct outlet_state *outlet,
	const struct pipeline_settings *settings, struct utc start)
{
	const struct point *conf = state->conf;
	struct series_conf c = series_conf_of(outlet, conf, settings, SERIES_MEASURED, NAN);
	bool good = add_series(state, &c, start);

	if (conf->wet || conf->actual) {
		c = series_conf_of(outlet, conf, settings, SERIES_DRY, NAN);
		good = good && add_series(state, &c, start);
	}
	for (size_t i = 0; i < conf->n_limits; i++) {
		if (!isnan(conf->limits[i]->o2_ref)) {
			c = series_conf_of(outlet, conf, settings, SERIES_CONVERTED, conf->limits[i]->o2_ref);
			good = good && add_series(state, &c, start);
		}
	}
	return good;
}

static bool set_up_point(struct point_state *state, const struct point *conf, const struct outlet_state *outlet,
	const struct pipeline_settings *settings, struct utc start)
{
	state->conf = conf;
	state->latest = (struct reading){ .value = NAN, .flag = FLAG_NO_COMM, .at = { INT64_MIN } };
	state->latest_dry = state->latest;
	state->counter = NAN;
	state->same = NAN;
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

static struct limit_state *find_limit(struct point_state *point, const char *limit_key)
{
	for (size_t i = 0; i < point->conf->n_limits; i++) {
		if (strcmp(point->conf->limits[i]->key, limit_key) == 0) {
			return &point->limits[i];
		}
	}
	return NULL;
}

/* How grave a stored value was; alarm_step() compares with it. */
static double severity_of(
	const struct pipeline_settings *settings, enum alarm_rule rule, const struct limit *limit, double worst)
{
	struct month_share_view view = { .over = 1, .used = worst };

	if (rule == RULE_MONTH_SHARE) {
		return month_share_level(&view);
	}
	double of_limit = rule == RULE_APPROACH ? settings->approach : 1.0;
	return judge_severity(limit, worst / of_limit, settings->rounding);
}

static bool restore_alarm(const struct pipeline *p, struct point_state *point, enum alarm_rule rule,
	const char *limit_key, struct utc since, double worst)
{
	struct alarm restored = { .raised = true, .since = since, .worst = worst };

	if (rule >= RULES_BY_LIMIT) {
		point->conditions[rule - RULES_BY_LIMIT] = restored;
		return true;
	}
	struct limit_state *limit = find_limit(point, limit_key);
	if (!limit) {
		return false;
	}
	restored.severity = severity_of(&p->settings, rule, limit->limit, worst);
	limit->alarms[rule] = restored;
	return true;
}

static struct point_state *find_point(
	struct pipeline *p, const char *outlet, const char *factor, struct outlet_state **ret_outlet)
{
	for (size_t i = 0; i < p->n_outlets; i++) {
		struct outlet_state *o = &p->outlets[i];
		int point = strcmp(o->conf->id, outlet) == 0 ? outlet_point(o->conf, factor) : -1;
		if (point >= 0) {
			*ret_outlet = o;
			return &o->points[point];
		}
	}
	return NULL;
}

bool pipeline_restore_alarm(struct pipeline *pipeline, const char *outlet, const char *factor, enum alarm_rule rule,
	const char *limit_key, struct utc since, double worst)
{
	struct outlet_state *o;
	struct point_state *point = find_point(pipeline, outlet, factor, &o);

	return point && restore_alarm(pipeline, point, rule, limit_key, since, worst);
}

bool pipeline_restore_mean(struct pipeline *pipeline, const char *outlet, const char *factor, enum series_kind kind,
	double o2_ref, const struct mean *mean, double amount)
{
	struct outlet_state *o;
	struct point_state *point = find_point(pipeline, outlet, factor, &o);

	for (size_t i = 0; point && i < point->n_series; i++) {
		struct series *series = &point->series[i];
		if (!series_conf_is(&series->conf, kind, o2_ref)) {
			continue;
		}
		if (mean->rule->period == PERIOD_HOUR) {
			assess_past_hour(pipeline, o, point, series, mean);
			if (point->conf->n_limits > 0 && point->limits[0].series == series) {
				condition_count_hour(pipeline, point, mean);
			}
		} else if (mean->start.ms >= series->month.start.ms && mean->end.ms <= series->day.start.ms) {
			double weight = aggregate_day_weight(o, point->conf, mean, amount);
			const struct sub_value sub = { mean_exact(mean), mean->flag, mean->valid, weight, 1 };
			mean_add(&series->month, &sub);
			if (isfinite(amount)) {
				point->open_amount[PERIOD_MONTH] = fmax(point->open_amount[PERIOD_MONTH], 0.0) + amount;
			}
		}
		return true;
	}
	return false;
}

bool pipeline_mark(struct pipeline *pipeline, const struct mark *mark)
{
	size_t kept = 0;

	/* Those that ended long ago are done. */
	for (size_t i = 0; i < pipeline->n_marks; i++) {
		if (pipeline->marks[i].until.ms > pipeline->closed_until.ms - DAY_MS) {
			pipeline->marks[kept++] = pipeline->marks[i];
		}
	}
	pipeline->n_marks = kept;
	if (kept == PIPELINE_MARKS) {
		return false;
	}
	pipeline->marks[pipeline->n_marks++] = *mark;
	return true;
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

/* ---- reading ---- */

/* An auxiliary value for a reading taken at `at`; false, with the flag that says why, when it
 * is not known. A value that is there but too old is as unknown as a silent instrument. */
static bool auxiliary(const struct pipeline *p, const struct outlet_state *outlet, int index, struct utc at,
	double *ret_value, enum flag *ret_flag)
{
	if (index < 0) {
		*ret_flag = FLAG_FAULT;
		return false;
	}
	const struct reading *r = &outlet->points[index].latest;
	if (!reading_counts(r)) {
		*ret_flag = r->flag == FLAG_NORMAL ? FLAG_FAULT : r->flag;
		return false;
	}
	if (at.ms - r->at.ms > p->settings.aux_age_ms) {
		*ret_flag = FLAG_NO_COMM;
		return false;
	}
	*ret_value = r->value;
	return true;
}

/* HJ 212-2017 (18) and (19) apply to each reading, before any mean (monitoring-rules 3.1). */
static struct reading to_dry_standard(const struct pipeline *p, const struct outlet_state *outlet,
	const struct point *conf, const struct reading *measured)
{
	struct reading dry = *measured;
	double temperature, static_kpa, humidity;
	enum flag flag;

	if (!reading_counts(measured)) {
		dry.value = NAN;
		return dry;
	}
	if (conf->actual) {
		if (!auxiliary(p, outlet, outlet->temperature, measured->at, &temperature, &flag) ||
			!auxiliary(p, outlet, outlet->pressure, measured->at, &static_kpa, &flag)) {
			return (struct reading){ .at = measured->at, .value = NAN, .flag = flag };
		}
		dry.value = convert_to_standard(
			dry.value, temperature, outlet->conf->barometric_pa, static_kpa * PA_PER_KPA);
	}
	if (conf->wet) {
		if (!auxiliary(p, outlet, outlet->humidity, measured->at, &humidity, &flag)) {
			return (struct reading){ .at = measured->at, .value = NAN, .flag = flag };
		}
		dry.value = convert_to_dry(dry.value, humidity / PERCENT);
	}
	if (!isfinite(dry.value)) {
		dry = (struct reading){ .at = measured->at, .value = NAN, .flag = FLAG_FAULT };
	}
	return dry;
}

/* What the operator's marks say of a good reading: it stays evidence and no longer counts. */
static enum flag marked(const struct pipeline *p, size_t outlet, size_t point, const struct reading *reading)
{
	enum flag flag = reading->flag;

	for (size_t i = 0; i < p->n_marks; i++) {
		const struct mark *mark = &p->marks[i];
		if (mark->outlet == outlet && (mark->point < 0 || (size_t)mark->point == point) &&
			reading->at.ms >= mark->from.ms && reading->at.ms < mark->until.ms) {
			flag = flag_graver(flag, mark->flag);
		}
	}
	return flag;
}

/* In the factor's unit, and D where that makes no number or one that cannot be. */
static void to_unit(const struct pipeline *p, const struct point *conf, struct reading *reading)
{
	reading->value = point_in_unit(conf, reading->value);
	/* No gas holds less oxygen than none; what is within the analyser's drift, convert_oxygen_shown() counts as
	 * none. */
	bool below_none = strcmp(conf->factor->key, "o2") == 0 && reading->value < -p->settings.o2_zero_drift;
	bool is_none = !isfinite(reading->value) || (conf->has_least && reading->value < conf->least) || below_none;
	if (is_none && reading->flag == FLAG_NORMAL) {
		reading->flag = FLAG_FAULT;
	}
}

/* A totaliser's reading becomes the volume since the one before. False when there is none to tell: the first reading,
 * and a counter that was set back, which says nothing of what flowed meanwhile. What flowed during a silence belongs to
 * the reading that ends it. */
static bool count_volume(struct point_state *state, struct reading *reading)
{
	double before = state->counter, wrap = state->conf->counter_wrap;

	if (!reading_counts(reading)) {
		reading->value = NAN;
		return true;
	}
	state->counter = reading->value;
	double volume = reading->value - before;
	if (volume < 0.0 && before > 0.9 * wrap && reading->value < 0.1 * wrap) {
		volume += wrap;
	}
	reading->value = volume;
	return volume >= 0.0; /* false for NAN, too */
}

enum pipeline_filed pipeline_add_averaged(
	struct pipeline *pipeline, size_t outlet, size_t point, const struct reading *reading, unsigned times)
{
	struct outlet_state *o = &pipeline->outlets[outlet];
	struct point_state *state = &o->points[point];
	struct series *dry_series = point_dry_series(state);
	struct reading measured = *reading;

	measured.flag = marked(pipeline, outlet, point, &measured);
	to_unit(pipeline, state->conf, &measured);
	if (measured.at.ms < series_minute(&state->series[0])->start.ms) {
		return PIPELINE_LATE;
	}
	state->latest = measured;
	if (state->series[0].conf.total && !count_volume(state, &measured)) {
		return PIPELINE_FILED;
	}
	struct reading dry = to_dry_standard(pipeline, o, state->conf, &measured);
	if (!series_add(&state->series[0], &measured, times)) {
		return PIPELINE_EARLY;
	}
	if (dry_series != &state->series[0]) {
		(void)series_add(dry_series, &dry, times); /* the same stamp: filed as the measured one was */
	}
	state->latest_dry = dry;
	return PIPELINE_FILED;
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
