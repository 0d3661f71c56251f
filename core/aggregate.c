/* aggregate.c - makes hours, days and months from minutes, for all series of an outlet. */
#include <math.h>
#include <string.h>

#include "core/convert.h"
#include "core/pipeline_state.h"

#define SECONDS_PER_HOUR 3600.0

static const struct mean *last_of(const struct outlet_state *outlet, int index, enum period period)
{
	return index < 0 ? NULL : &point_dry_series(&outlet->points[index])->last[period];
}

/* True when all inputs of a computation are valid; otherwise m->flag is set by the first that is not. */
static bool inputs_valid(const struct mean *const *inputs, size_t n, struct mean *m)
{
	for (size_t i = 0; i < n; i++) {
		if (!inputs[i]) {
			m->flag = FLAG_FAULT;
			return false;
		}
		if (!inputs[i]->valid) {
			m->flag = inputs[i]->flag == FLAG_NORMAL ? FLAG_FAULT : inputs[i]->flag;
			return false;
		}
	}
	return true;
}

/* Sets the value of the period; NAN and not valid when it cannot be computed. */
static void set_value(struct mean *m, bool valid, struct exact value)
{
	m->valid = valid && isfinite(value.value);
	m->value = m->valid ? value.value : NAN;
	m->rest = m->valid ? value.rest : 0.0;
	if (valid && !m->valid) {
		m->flag = FLAG_FAULT; /* valid inputs without a result, for example O2 at 21 % or above */
	}
}

/* ---- computed and converted values ---- */

/* The gas flow in m3/s, dry, standard state, from the means of the period: HJ 212-2017 (30) and (31). An hour is
 * computed from hour means and not from the flows of its minutes (X33). */
static double gas_flow_of(const struct outlet *conf, const struct mean *const *in)
{
	double actual = convert_flow_actual(conf->area_m2, in[0]->value);

	return convert_flow_standard(
		       actual, in[1]->value, conf->barometric_pa, in[2]->value * PA_PER_KPA, in[3]->value / PERCENT) /
		SECONDS_PER_HOUR;
}

static void compute_point(const struct outlet_state *outlet, struct point_state *point, enum period period)
{
	struct series *series = &point->series[0];
	struct mean m = series->last[period];

	if (point->conf->computed == COMPUTED_NOX) {
		const struct mean *in[] = { last_of(outlet, outlet->no, period), last_of(outlet, outlet->no2, period) };
		m = in[0] ? *in[0] : m;
		bool valid = inputs_valid(in, 2, &m);
		set_value(&m, valid, exact_decimal(valid ? convert_nox_mass(in[0]->value, in[1]->value) : NAN));
	} else {
		const struct mean *in[] = { last_of(outlet, outlet->velocity, period),
			last_of(outlet, outlet->temperature, period), last_of(outlet, outlet->pressure, period),
			last_of(outlet, outlet->humidity, period) };
		m = in[0] ? *in[0] : m;
		bool valid = inputs_valid(in, 4, &m);
		set_value(&m, valid, exact_decimal(valid ? gas_flow_of(outlet->conf, in) : NAN));
	}
	if (period == PERIOD_MINUTE) {
		m.min = m.max = m.value;
	}
	series_set(series, period, &m);
}

static void convert_series(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	struct series *series, enum period period)
{
	const struct mean *in[] = { &point_dry_series(point)->last[period], last_of(outlet, outlet->o2, period) };
	struct mean m = *in[0];

	if (m.n_due > 0) {
		struct exact value = exact_of(NAN);
		bool valid = inputs_valid(in, 2, &m);
		if (valid) {
			struct exact o2 = convert_oxygen_shown(mean_exact(in[1]), p->settings.o2_zero_drift);
			value = convert_to_reference_oxygen(mean_exact(in[0]), o2, series->conf.o2_ref);
		}
		set_value(&m, valid, value);
	}
	if (period == PERIOD_MINUTE) {
		m.min = m.max = m.value;
	} else {
		m.min = series->last[period].min;
		m.max = series->last[period].max;
	}
	series_set(series, period, &m);
}

/* Computes and converts the values of a closed period. When every minute was converted before averaging, the hour
 * mean of a converted series exists already. */
static void compute_values(const struct pipeline *p, struct outlet_state *outlet, enum period period)
{
	bool convert = period == PERIOD_MINUTE || p->settings.order == ORDER_AVERAGE_FIRST;

	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		enum computed computed = outlet->points[i].conf->computed;
		bool flow = computed == COMPUTED_FLOW;
		if (flow || (computed == COMPUTED_NOX && period == PERIOD_MINUTE)) {
			compute_point(outlet, &outlet->points[i], period);
		}
	}
	for (size_t i = 0; convert && i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		for (size_t k = 0; k < point->n_series; k++) {
			if (point->series[k].conf.kind == SERIES_CONVERTED) {
				convert_series(p, outlet, point, &point->series[k], period);
			}
		}
	}
}

/* ---- minutes ---- */

/* Gives a minute without readings the last result of a chromatograph, as long as the result is not older than
 * hold_ms. */
static void add_held_result(struct point_state *point)
{
	const struct mean_acc *minute = series_minute(&point->series[0]);
	struct reading held = point->latest;

	if (point->conf->hold_ms == 0 || minute->n_seen > 0 || !reading_counts(&held) ||
		minute->end.ms - held.at.ms > point->conf->hold_ms) {
		return;
	}
	held.at = minute->start;
	(void)series_add(&point->series[0], &held, minute->due); /* succeeds: the oldest minute is open */
	if (point_dry_series(point) != &point->series[0]) {
		held = point->latest_dry;
		held.at = minute->start;
		(void)series_add(point_dry_series(point), &held, minute->due);
	}
}

static void close_minutes(struct outlet_state *outlet)
{
	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		add_held_result(point);
		for (size_t k = 0; k < point->n_series; k++) {
			if (point->series[k].conf.kind != SERIES_CONVERTED) {
				series_close_minute(&point->series[k]);
			}
		}
	}
}

/* ---- amounts ---- */

double aggregate_volume(const struct outlet_state *outlet, enum period period)
{
	const struct mean *counted = last_of(outlet, outlet->counter, period);
	const struct mean *flow = last_of(outlet, outlet->flow, period);

	if (counted && counted->valid) {
		return counted->value; /* a totaliser also counts what flows between two readings */
	}
	if (!flow || !flow->valid) {
		return NAN;
	}
	if (flow->value < 0.0) {
		return flow->value; /* below zero: not a volume, see pipeline_state.h */
	}
	double seconds = (double)(flow->end.ms - flow->start.ms) / SECOND_MS;
	return outlet->conf->medium == MEDIUM_WATER ? convert_water_volume(flow->value, seconds)
						    : flow->value * seconds;
}

/* The m3 or kg of the hour that just closed; NAN when not known. */
static double amount_of_hour(const struct outlet_state *outlet, struct point_state *point)
{
	const struct mean *mean = &point_dry_series(point)->last[PERIOD_HOUR];
	double volume = aggregate_volume(outlet, PERIOD_HOUR);

	if (volume < 0.0) {
		return NAN;
	}
	if (outlet->flow >= 0 && point == &outlet->points[outlet->flow]) {
		return volume;
	}
	if (strncmp(point->conf->factor->unit, "mg/", 3) != 0 || !mean->valid) {
		return NAN;
	}
	return outlet->conf->medium == MEDIUM_WATER ? convert_water_mass(volume, mean->value)
						    : convert_mass_rate(mean->value, volume);
}

/* HJ 212-2017 (32), (34): the amount of a day is the sum of its valid hours; so is the amount of a month. */
static void count_amounts(struct outlet_state *outlet, enum period period)
{
	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		if (period == PERIOD_HOUR) {
			double amount = amount_of_hour(outlet, point);
			point->amount[PERIOD_HOUR] = amount;
			for (int open = PERIOD_DAY; open <= PERIOD_MONTH && isfinite(amount); open++) {
				point->open_amount[open] = fmax(point->open_amount[open], 0.0) + amount;
			}
		} else {
			point->amount[period] = point->open_amount[period];
			point->open_amount[period] = NAN;
		}
	}
}

/* ---- all periods ---- */

static void report_means(const struct outlet_state *outlet, enum period period, const struct pipeline_sink *sink)
{
	for (size_t i = 0; sink && i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		const struct series *dry = point_dry_series(point);
		for (size_t k = 0; k < point->n_series; k++) {
			const struct series *series = &point->series[k];
			if (series->last[period].n_due == 0) {
				continue; /* no result of a discrete analyser was due, and none came */
			}
			struct mean_record record = { .outlet = outlet->conf, .point = point->conf };
			record.kind = series->conf.kind;
			record.o2_ref = series->conf.o2_ref;
			record.mean = series->last[period];
			record.amount = series == dry && period != PERIOD_MINUTE ? point->amount[period] : NAN;
			sink->mean(sink->context, &record);
		}
	}
}

/* Adds the closed period of every series to the next longer one. True when the longer period ended, which it does
 * for all series at once. Water concentrations are weighted by the volume of the period (HJ 212-2017 D.1 (12)-(14)).
 * Within the hour the results of a discrete analyser are not weighted: each is of a sample of the whole hour. */
static bool carry_series(struct outlet_state *outlet, enum period period)
{
	bool by_volume = outlet->flow >= 0 || outlet->counter >= 0;
	double volume = by_volume ? aggregate_volume(outlet, period) : 1.0;
	bool ended = false;

	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		bool whole_hour = point->conf->cycle_ms > 0 && period == PERIOD_MINUTE;
		double weight = point->conf->factor->flow_weighted && by_volume && !whole_hour ? volume : 1.0;
		if (period == PERIOD_DAY) {
			weight = aggregate_day_weight(
				outlet, point->conf, &point->series[0].last[PERIOD_DAY], point->amount[PERIOD_DAY]);
		}
		for (size_t k = 0; k < point->n_series; k++) {
			ended = series_carry(&point->series[k], period, weight);
		}
	}
	return ended;
}

double aggregate_day_weight(
	const struct outlet_state *outlet, const struct point *point, const struct mean *day, double amount)
{
	if (!point->factor->flow_weighted || (outlet->flow < 0 && outlet->counter < 0)) {
		return 1.0;
	}
	/* The volume of the hours that counted: kg divided by mg/L gives units of 1000 m3. A day with a mean of
	 * exactly zero has no weight. */
	return day->value > 0.0 ? amount * 1000.0 / day->value : 0.0;
}

enum period aggregate_outlet(const struct pipeline *p, struct outlet_state *outlet, const struct pipeline_sink *sink)
{
	enum period period = PERIOD_MINUTE;

	close_minutes(outlet);
	compute_values(p, outlet, PERIOD_MINUTE);
	report_means(outlet, PERIOD_MINUTE, sink);
	while (period < PERIOD_MONTH && carry_series(outlet, period)) {
		period++;
		if (period == PERIOD_HOUR) {
			compute_values(p, outlet, PERIOD_HOUR);
		}
		count_amounts(outlet, period);
		report_means(outlet, period, sink);
	}
	return period;
}
