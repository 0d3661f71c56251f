#include "core/pipeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/convert.h"
#include "core/pipeline_state.h"

#define PA_PER_KPA 1000.0
#define PERCENT 100.0

/* ---- set-up ---- */

static bool same_reference(double a, double b)
{
	return (isnan(a) && isnan(b)) || fabs(a - b) < 1e-9;
}

static void add_series(struct series *series, size_t *n, enum series_kind kind, double o2_ref)
{
	for (size_t i = 0; i < *n; i++) {
		if (series[i].kind == kind && same_reference(series[i].o2_ref, o2_ref)) {
			return;
		}
	}
	if (*n < POINT_SERIES) {
		series[(*n)++] = (struct series){ .kind = kind, .o2_ref = o2_ref };
	}
}

static bool set_up_point(struct point_state *state, const struct point *conf, struct utc start, int offset_min)
{
	struct series series[POINT_SERIES];

	state->conf = conf;
	state->latest = (struct reading){ .value = NAN, .flag = FLAG_NO_COMM, .at = { INT64_MIN } };
	state->latest_dry = state->latest;
	add_series(series, &state->n_series, SERIES_MEASURED, NAN);
	if (conf->wet || conf->actual) {
		add_series(series, &state->n_series, SERIES_DRY, NAN);
	}
	for (size_t i = 0; i < conf->n_limits; i++) {
		if (!isnan(conf->limits[i]->o2_ref)) {
			add_series(series, &state->n_series, SERIES_CONVERTED, conf->limits[i]->o2_ref);
		}
	}
	state->series = calloc(state->n_series, sizeof(*state->series));
	if (!state->series) {
		return false;
	}
	memcpy(state->series, series, state->n_series * sizeof(*series));
	for (size_t i = 0; i < state->n_series; i++) {
		series_open(&state->series[i], conf->factor->medium, start, offset_min);
	}
	return true;
}

static bool set_up_outlet(struct outlet_state *state, const struct outlet *conf, struct utc start, int offset_min)
{
	state->conf = conf;
	state->points = calloc(conf->n_points ? conf->n_points : 1, sizeof(*state->points));
	if (!state->points) {
		return false;
	}
	for (size_t i = 0; i < conf->n_points; i++) {
		if (!set_up_point(&state->points[i], &conf->points[i], start, offset_min)) {
			return false;
		}
	}
	state->o2 = outlet_point(conf, "o2");
	state->temperature = outlet_point(conf, "temp");
	state->pressure = outlet_point(conf, "pressure");
	state->humidity = outlet_point(conf, "humidity");
	state->flow = outlet_point(conf, "flow");
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
	p->judged_until = judged_until;
	p->closed_until = time_floor(start, MINUTE_MS, settings->offset_min);
	p->outlets = calloc(n_outlets ? n_outlets : 1, sizeof(*p->outlets));
	if (!p->outlets) {
		pipeline_destroy(p);
		return NULL;
	}
	p->n_outlets = n_outlets;
	for (size_t i = 0; i < n_outlets; i++) {
		if (!set_up_outlet(&p->outlets[i], &outlets[i], start, settings->offset_min)) {
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
			free(outlet->points[k].series);
		}
		free(outlet->points);
	}
	free(pipeline->outlets);
	free(pipeline);
}

static struct alarm *find_alarm(struct point_state *point, enum alarm_rule rule, const char *limit_key)
{
	switch (rule) {
	case RULE_NO_DATA:
		return &point->no_data;
	case RULE_FAULT:
		return &point->fault;
	case RULE_PERIOD_MEAN:
	case RULE_MINUTES_BEYOND:
		for (size_t i = 0; i < point->conf->n_limits; i++) {
			if (strcmp(point->conf->limits[i]->key, limit_key) == 0) {
				return rule == RULE_PERIOD_MEAN ? &point->beyond[i] : &point->minutes[i];
			}
		}
		return NULL;
	case RULE_COUNT:
		return NULL;
	}
	return NULL;
}

bool pipeline_restore_alarm(struct pipeline *pipeline, const char *outlet, const char *factor, enum alarm_rule rule,
	const char *limit_key, struct utc since, double worst)
{
	for (size_t i = 0; i < pipeline->n_outlets; i++) {
		struct outlet_state *o = &pipeline->outlets[i];
		int point = strcmp(o->conf->id, outlet) == 0 ? outlet_point(o->conf, factor) : -1;
		struct alarm *alarm = point < 0 ? NULL : find_alarm(&o->points[point], rule, limit_key);
		if (alarm) {
			alarm->raised = true;
			alarm->since = since;
			alarm->worst = worst;
			return true;
		}
	}
	return false;
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

struct series *pipeline_dry_series(struct point_state *point)
{
	return point->n_series > 1 && point->series[1].kind == SERIES_DRY ? &point->series[1] : &point->series[0];
}

enum pipeline_filed pipeline_add(struct pipeline *pipeline, size_t outlet, size_t point, const struct reading *reading)
{
	struct outlet_state *o = &pipeline->outlets[outlet];
	struct point_state *state = &o->points[point];
	struct reading measured = *reading;

	if (state->conf->ppm) {
		measured.value = convert_ppm(measured.value, state->conf->factor->molar_mass);
	}
	struct reading dry = to_dry_standard(pipeline, o, state->conf, &measured);
	if (measured.at.ms < state->series[0].minute.start.ms) {
		return PIPELINE_LATE;
	}
	if (!series_add(&state->series[0], &measured)) {
		return PIPELINE_EARLY;
	}
	if (pipeline_dry_series(state) != &state->series[0]) {
		(void)series_add(pipeline_dry_series(state), &dry); /* the same stamp: filed as the measured one was */
	}
	state->latest = measured;
	state->latest_dry = dry;
	return PIPELINE_FILED;
}

/* ---- minute -> hour -> day ---- */

/* The converted minute: convert every minute, then average (X19; HJ 212-2017 Table 4 "ZsAvg"). */
static struct mean convert_minute(const struct mean *dry, const struct mean *o2, double o2_ref)
{
	struct mean m = *dry;

	if (m.valid && !(o2 && o2->valid)) {
		m.valid = false;
		m.flag = o2 ? o2->flag : FLAG_FAULT;
	}
	m.value = m.valid ? convert_to_reference_oxygen(dry->value, o2->value, o2_ref) : NAN;
	if (m.valid && !isfinite(m.value)) {
		m.valid = false; /* O2 at 21 % or above: no value, and not the instrument's last word */
		m.flag = FLAG_FAULT;
	}
	m.min = m.value;
	m.max = m.value;
	return m;
}

static void close_minutes(struct outlet_state *outlet)
{
	const struct mean *o2 = NULL;

	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		series_close_minute(&point->series[0]);
		if (pipeline_dry_series(point) != &point->series[0]) {
			series_close_minute(pipeline_dry_series(point));
		}
	}
	if (outlet->o2 >= 0) {
		o2 = &pipeline_dry_series(&outlet->points[outlet->o2])->last[PERIOD_MINUTE];
	}
	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		const struct mean *dry = &pipeline_dry_series(point)->last[PERIOD_MINUTE];
		for (size_t k = 0; k < point->n_series; k++) {
			struct series *series = &point->series[k];
			if (series->kind == SERIES_CONVERTED) {
				struct mean converted = convert_minute(dry, o2, series->o2_ref);
				series_set_minute(series, &converted);
			}
		}
	}
}

static void report(const struct outlet_state *outlet, const struct point_state *point, const struct series *series,
	enum period longest, const struct pipeline_sink *sink)
{
	struct mean_record record = { .outlet = outlet->conf, .point = point->conf, .kind = series->kind };

	record.o2_ref = series->o2_ref;
	for (int period = PERIOD_MINUTE; period <= (int)longest; period++) {
		record.mean = series->last[period];
		sink->mean(sink->context, &record);
	}
}

/* Rolls all series of a point up; returns the longest period that closed (the same for all). */
static enum period roll_up_point(const struct outlet_state *outlet, struct point_state *point,
	const double weights[PERIOD_COUNT], const struct pipeline_sink *sink)
{
	enum period longest = PERIOD_MINUTE;

	for (size_t i = 0; i < point->n_series; i++) {
		longest = series_roll_up(&point->series[i], weights);
		if (sink) {
			report(outlet, point, &point->series[i], longest, sink);
		}
	}
	return longest;
}

/* The flow goes first: its means are the weights of the others (HJ 212-2017 D.1 (12)-(14)). */
static enum period roll_up(struct outlet_state *outlet, const struct pipeline_sink *sink)
{
	static const double arithmetic[PERIOD_COUNT] = { 1.0, 1.0, 1.0 };
	double by_flow[PERIOD_COUNT] = { 1.0, 1.0, 1.0 };
	enum period longest = PERIOD_MINUTE;

	if (outlet->flow >= 0) {
		struct point_state *flow = &outlet->points[outlet->flow];
		longest = roll_up_point(outlet, flow, arithmetic, sink);
		by_flow[PERIOD_MINUTE] = flow->series[0].last[PERIOD_MINUTE].value;
		by_flow[PERIOD_HOUR] =
			flow->series[0].last[PERIOD_HOUR].rule ? flow->series[0].last[PERIOD_HOUR].value : NAN;
	}
	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		if ((int)i == outlet->flow) {
			continue;
		}
		const double *weights = point->conf->factor->flow_weighted ? by_flow : arithmetic;
		longest = roll_up_point(outlet, point, weights, sink);
	}
	return longest;
}

/* ---- verdict -> alarm -> event ---- */

const struct series *pipeline_series_of(const struct point_state *point, const struct limit *limit)
{
	for (size_t i = 0; i < point->n_series; i++) {
		const struct series *series = &point->series[i];
		if (series->kind == SERIES_CONVERTED && same_reference(series->o2_ref, limit->o2_ref)) {
			return series;
		}
	}
	return point->n_series > 1 && point->series[1].kind == SERIES_DRY ? &point->series[1] : &point->series[0];
}

static bool condition_holds(
	const struct limit *limit, const struct outlet_state *outlet, enum period period, bool *ret_known)
{
	*ret_known = true;
	if (limit->when_factor[0] == '\0') {
		return true;
	}
	int index = outlet_point(outlet->conf, limit->when_factor);
	const struct mean *mean = index < 0 ? NULL : &outlet->points[index].series[0].last[period];
	if (!mean || !mean->rule || !mean->valid) {
		*ret_known = false;
		return false;
	}
	return (isnan(limit->when_above) || mean->value > limit->when_above) &&
		(isnan(limit->when_at_most) || mean->value <= limit->when_at_most);
}

/* The verdict of one limit on the period that just closed; false when the limit does not apply. */
static bool judge(const struct limit *limit, const struct outlet_state *outlet, const struct mean *mean,
	enum verdict *ret_verdict)
{
	bool known;

	if (!limit_in_force(limit, mean->start)) {
		return false;
	}
	if (!condition_holds(limit, outlet, mean->rule->period, &known) && known) {
		return false;
	}
	*ret_verdict = known ? judge_mean(limit, mean) : VERDICT_NO_DATA;
	return true;
}

static void step_alarm(
	struct alarm *alarm, struct event *event, enum verdict verdict, unsigned need, const struct pipeline_sink *sink)
{
	alarm_count(alarm, verdict, event->mean.start);
	if (!sink) {
		return;
	}
	/* The raised alarm's start, before it may end. */
	event->change = alarm_step(alarm, event->limit, event->mean.value, need);
	event->since = alarm->since;
	event->worst = alarm->worst;
	/* A warning that goes on says nothing new every minute. */
	bool repeats = event->change == ALARM_CONTINUED || event->change == ALARM_WORSENED;
	if (event->change != ALARM_UNCHANGED && !(repeats && event->rule != RULE_PERIOD_MEAN)) {
		sink->event(sink->context, event);
	}
}

/* Consecutive base periods that make `minutes` minutes; at least one. */
static unsigned periods_of(unsigned minutes, const struct mean_rule *rule)
{
	unsigned length = (unsigned)(rule->ms / MINUTE_MS);
	unsigned n = (minutes + length - 1) / length;

	return n ? n : 1;
}

static void judge_limit(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	size_t index, enum period longest, const struct pipeline_sink *sink)
{
	const struct limit *limit = point->conf->limits[index];
	const struct series *series = pipeline_series_of(point, limit);
	const struct mean *minute = &series->last[PERIOD_MINUTE];
	enum verdict verdict;
	struct event event = { .outlet = outlet->conf, .point = point->conf, .limit = limit };

	if (judge(limit, outlet, minute, &verdict)) {
		event.rule = RULE_MINUTES_BEYOND;
		event.mean = *minute;
		step_alarm(&point->minutes[index], &event, verdict,
			periods_of(p->settings.warning_minutes, minute->rule), sink);
	}
	enum period period = limit->period == LIMIT_DAY ? PERIOD_DAY : PERIOD_HOUR;
	/* Instant values are judged by hand samples; on-line ones only warn (limits.md 4, Water). */
	if (limit->period == LIMIT_INSTANT || period > longest) {
		return;
	}
	if (judge(limit, outlet, &series->last[period], &verdict)) {
		event.rule = RULE_PERIOD_MEAN;
		event.mean = series->last[period];
		step_alarm(&point->beyond[index], &event, verdict, 1, sink);
	}
}

/* Silence and fault, from the minute as measured: a minute without enough data for its own reason. */
static void judge_condition(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	const struct pipeline_sink *sink)
{
	static const struct {
		enum alarm_rule rule;
		enum flag flag;
	} conditions[] = { { RULE_NO_DATA, FLAG_NO_COMM }, { RULE_FAULT, FLAG_FAULT } };
	const struct mean *minute = &point->series[0].last[PERIOD_MINUTE];
	struct event event = { .outlet = outlet->conf, .point = point->conf, .mean = *minute };

	event.mean.value = NAN;
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		bool bad = !minute->valid && minute->flag == conditions[i].flag;
		enum verdict verdict = bad ? VERDICT_EXCEEDED : VERDICT_OK;
		struct alarm *alarm = find_alarm(point, conditions[i].rule, "");
		unsigned need = alarm->raised ? 1 : periods_of(p->settings.no_data_minutes, minute->rule);
		event.rule = conditions[i].rule;
		step_alarm(alarm, &event, verdict, need, sink);
	}
}

static void step_outlet(const struct pipeline *p, struct outlet_state *outlet, const struct pipeline_sink *sink)
{
	close_minutes(outlet);
	enum period longest = roll_up(outlet, sink);
	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		for (size_t k = 0; k < point->conf->n_limits; k++) {
			judge_limit(p, outlet, point, k, longest, sink);
		}
		judge_condition(p, outlet, point, sink);
	}
}

/* ---- time ---- */

/* The end of the outlet's open minute; the far future for an outlet without points. */
static struct utc open_end(const struct outlet_state *outlet)
{
	if (outlet->conf->n_points == 0) {
		return (struct utc){ INT64_MAX / 2 };
	}
	const struct mean_acc *minute = &outlet->points[0].series[0].minute;
	return (struct utc){ minute->start.ms + minute->rule->ms };
}

static struct utc next_end(const struct pipeline *p)
{
	struct utc first = { INT64_MAX / 2 };

	for (size_t i = 0; i < p->n_outlets; i++) {
		struct utc end = open_end(&p->outlets[i]);
		if (end.ms < first.ms) {
			first = end;
		}
	}
	return first;
}

struct utc pipeline_due(const struct pipeline *pipeline)
{
	return (struct utc){ next_end(pipeline).ms + pipeline->settings.grace_ms };
}

struct utc pipeline_closed_until(const struct pipeline *pipeline)
{
	return pipeline->closed_until;
}

bool pipeline_step(struct pipeline *pipeline, struct utc now, const struct pipeline_sink *sink)
{
	struct utc end = next_end(pipeline);

	if (pipeline_due(pipeline).ms > now.ms) {
		return false;
	}
	for (size_t i = 0; i < pipeline->n_outlets; i++) {
		struct outlet_state *outlet = &pipeline->outlets[i];
		if (open_end(outlet).ms == end.ms) {
			step_outlet(pipeline, outlet, end.ms > pipeline->judged_until.ms ? sink : NULL);
		}
	}
	pipeline->closed_until = end;
	return true;
}
