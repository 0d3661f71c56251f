/* condition.c - judges the conditions of a point by its own values: silence, faults, long calibrations, suspicious
 * data (monitoring-rules 5.3), too little data, the capture rate. A condition changes no value and excludes none. */
#include <math.h>

#include "core/convert.h"
#include "core/pipeline_state.h"

/* The capture rate is judged once the quarter has this many hours without the stopped ones. 7 days are our choice,
 * not the regulation's. */
#define CAPTURE_FROM_HOURS (7 * 24)
/* Percent O2. At 0.1 below the 21 % of the formula, the conversion multiplies by 50 or more (reference 16 %), and a
 * duct without a fire holds such air. No standard that was read has such a number, so the values stay judged
 * (monitoring-rules 3.3). 20.9 is our choice, not the regulation's. */
#define OXYGEN_NEAR_AIR 20.9

/* The point whose conditions are being judged. */
struct watch {
	const struct pipeline *pipeline;
	const struct outlet_state *outlet;
	struct point_state *point;
	const struct pipeline_sink *sink;
};

static struct alarm *alarm_of(const struct watch *w, enum alarm_rule rule)
{
	return &w->point->conditions[rule - RULES_BY_LIMIT];
}

/* Applies a finding about the mean to the alarm of the rule. `value` is the number for the message; NAN without one.
 * VERDICT_NO_DATA ends runs of periods and does not clear the alarm. */
static void apply_finding(
	const struct watch *w, enum alarm_rule rule, const struct mean *mean, double value, struct finding finding)
{
	struct event event = assess_event(w->outlet, w->point, rule, mean);

	event.value = value;
	finding.from = mean->start;
	assess_apply(w->pipeline, alarm_of(w, rule), &event, &finding, w->sink);
}

static enum verdict exceeded_if(bool bad)
{
	return bad ? VERDICT_EXCEEDED : VERDICT_OK;
}

/* The verdict on the value of a mean: a mean that does not count is not judged. */
static enum verdict verdict_of(const struct mean *mean, bool bad)
{
	return mean->valid ? exceeded_if(bad) : VERDICT_NO_DATA;
}

/* ---- by minute ---- */

/* Judges a minute without enough data: one rule for each reason, which the flag of the minute gives. */
static void judge_flags(const struct watch *w, const struct mean *minute)
{
	const struct pipeline_settings *s = &w->pipeline->settings;
	const struct {
		enum alarm_rule rule;
		enum flag flag;
		unsigned minutes;
	} rows[] = {
		{ RULE_NO_DATA, FLAG_NO_COMM, s->no_data_minutes },
		{ RULE_FAULT, FLAG_FAULT, s->no_data_minutes },
		{ RULE_LONG_CALIBRATION, FLAG_CALIBRATION, s->calibration_minutes },
		{ RULE_OVER_RANGE, FLAG_OVER_RANGE, s->no_data_minutes },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool bad = !minute->valid && minute->flag == rows[i].flag;
		if (rows[i].minutes > 0) {
			struct finding finding = { .verdict = exceeded_if(bad), .clear = 1 };
			finding.raise = assess_periods(rows[i].minutes, minute->rule);
			apply_finding(w, rows[i].rule, minute, NAN, finding);
		}
	}
}

/* The number of equal valid base periods that make a value constant; 0 = never. The time for which a result is held
 * is added. A water analyser shows its last result until the next one; when its cycle is not configured, it is taken
 * to give one result an hour. */
static unsigned constant_run(const struct watch *w, const struct mean *minute)
{
	const struct pipeline_settings *s = &w->pipeline->settings;

	if (w->point->conf->cycle_ms > 0) {
		return s->constant_results;
	}
	bool water = w->outlet->conf->medium == MEDIUM_WATER;
	unsigned minutes = water ? s->constant_results * (unsigned)(HOUR_MS / MINUTE_MS) : s->constant_minutes;
	unsigned held = (unsigned)(w->point->conf->hold_ms / MINUTE_MS);

	return minutes ? assess_periods(minutes + held, minute->rule) : 0;
}

static void judge_values(const struct watch *w, const struct mean *minute)
{
	const struct pipeline_settings *s = &w->pipeline->settings;
	unsigned run = constant_run(w, minute);
	unsigned periods_to_clear = assess_periods(s->warning_minutes, minute->rule);

	if (run > 1) {
		/* n equal minutes are n - 1 repetitions. The comparison is meant to be exact. */
		bool repeated = minute->valid && minute->value == w->point->last_value;
		struct finding finding = { verdict_of(minute, repeated), .raise = run - 1, .clear = 1 };
		apply_finding(w, RULE_CONSTANT, minute, minute->value, finding);
	}
	if (minute->valid) {
		w->point->last_value = minute->value;
	}
	if (s->watch_zero) {
		struct finding zero = { verdict_of(minute, minute->value == 0.0), .raise = 1,
			.clear = periods_to_clear };
		struct finding negative = { verdict_of(minute, minute->value < 0.0), .raise = 1,
			.clear = periods_to_clear };
		apply_finding(w, RULE_ZERO, minute, minute->value, zero);
		apply_finding(w, RULE_NEGATIVE, minute, minute->value, negative);
	}
}

static bool has_converted_series(const struct outlet_state *outlet)
{
	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		const struct point_state *point = &outlet->points[i];
		/* converted series stand behind the measured and the dry one */
		if (point->series[point->n_series - 1].conf.kind == SERIES_CONVERTED) {
			return true;
		}
	}
	return false;
}

/* Judges the oxygen with which other points are converted: one minute near 21 % can make the converted mean of an
 * hour any size. */
static void judge_near_air(const struct watch *w)
{
	const struct mean *minute = &point_dry_series(w->point)->last[PERIOD_MINUTE];
	unsigned periods_to_clear = assess_periods(w->pipeline->settings.warning_minutes, minute->rule);
	bool near = minute->value >= OXYGEN_NEAR_AIR;

	if (w->outlet->o2 >= 0 && w->point == &w->outlet->points[w->outlet->o2] && has_converted_series(w->outlet)) {
		struct finding finding = { verdict_of(minute, near), .raise = 1, .clear = periods_to_clear };
		apply_finding(w, RULE_NEAR_AIR, minute, minute->value, finding);
	}
}

/* ---- by hour and day ---- */

/* Variation within 2 % of the range for a long time (national inspection guide, item 4). "A long time" is an hour
 * here, as in X29. */
static void judge_narrow(const struct watch *w, const struct mean *hour)
{
	double range = w->point->conf->range, percent = w->pipeline->settings.narrow_percent;
	double span = hour->max - hour->min;

	if (range > 0.0 && percent > 0.0) {
		/* The tolerance is for binary rounding errors: 11.9 - 10.0 is 1.9000000000000004. */
		bool narrow = span <= range * percent / PERCENT + 1e-9 * range;
		struct finding finding = { verdict_of(hour, narrow), .raise = 1, .clear = 1 };
		apply_finding(w, RULE_NARROW, hour, span, finding);
	}
}

static void judge_few(const struct watch *w, enum alarm_rule rule, const struct mean *mean)
{
	/* A period that began before the first start of emisd lacks data because emisd did not run yet. */
	if (w->pipeline->settings.few_data && mean->n_due > 0 && mean->start.ms >= w->pipeline->start.ms) {
		struct finding finding = { .verdict = exceeded_if(!mean->valid), .raise = 1, .clear = 1 };
		apply_finding(w, rule, mean, NAN, finding);
	}
}

void condition_count_hour(const struct pipeline *p, struct point_state *point, const struct mean *hour)
{
	struct quarter *q = &point->quarter;

	if (hour->start.ms >= q->end.ms) {
		*q = (struct quarter){ .end = time_next_quarter(hour->start, p->settings.offset_min) };
	}
	q->passed++;
	q->valid += hour->valid;
	q->stopped += !hour->valid && 2 * hour->counts[FLAG_STOPPED] >= hour->n_due;
}

/* HJ 75-2017 12.1: valid hours / (hours - stopped hours), at least 75 % in a quarter. */
static void judge_capture(const struct watch *w, const struct mean *day)
{
	const struct quarter *q = &w->point->quarter;
	struct utc from = time_quarter(day->start, w->pipeline->settings.offset_min);
	unsigned running = q->passed - q->stopped;
	double needed = w->pipeline->settings.capture_percent / PERCENT;

	if (needed <= 0.0) {
		return;
	}
	double rate = running > 0 ? (double)q->valid / running : NAN;
	struct event event = assess_event(w->outlet, w->point, RULE_CAPTURE_RATE, day);
	struct finding finding = { .raise = 1, .clear = 1, .from = from };
	event.value = rate;
	finding.verdict = running >= CAPTURE_FROM_HOURS ? exceeded_if(rate < needed) : VERDICT_NO_DATA;
	assess_apply(w->pipeline, alarm_of(w, RULE_CAPTURE_RATE), &event, &finding, w->sink);
	if (day->end.ms >= q->end.ms) {
		assess_end(alarm_of(w, RULE_CAPTURE_RATE), &event, w->sink);
	}
}

void condition_judge(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	enum period longest, const struct pipeline_sink *sink)
{
	const struct watch w = { p, outlet, point, sink };
	const struct mean *measured = point->series[0].last;
	bool judged = point->conf->n_limits > 0;

	if (measured[PERIOD_MINUTE].n_due > 0) {
		judge_flags(&w, &measured[PERIOD_MINUTE]);
		judge_near_air(&w);
		if (judged) {
			judge_values(&w, &measured[PERIOD_MINUTE]);
		}
	}
	if (!judged || longest < PERIOD_HOUR) {
		return;
	}
	const struct mean *counted = point->limits[0].series->last;
	judge_narrow(&w, &measured[PERIOD_HOUR]);
	judge_few(&w, RULE_FEW_MINUTES, &counted[PERIOD_HOUR]);
	condition_count_hour(p, point, &counted[PERIOD_HOUR]);
	if (longest >= PERIOD_DAY) {
		judge_few(&w, RULE_FEW_HOURS, &counted[PERIOD_DAY]);
		judge_capture(&w, &counted[PERIOD_DAY]);
	}
}
