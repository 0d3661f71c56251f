/* pipeline_restore.c - restores what earlier runs stored: raised alarms, and means of closed hours and days. */
#include <math.h>
#include <string.h>

#include "core/pipeline_state.h"

static struct limit_state *find_limit(struct point_state *point, const char *limit_key)
{
	for (size_t i = 0; i < point->conf->n_limits; i++) {
		if (strcmp(point->conf->limits[i]->key, limit_key) == 0) {
			return &point->limits[i];
		}
	}
	return NULL;
}

/* The severity of the worst value of a stored alarm; alarm_step() compares later values with it. */
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

static bool restore_alarm(const struct pipeline *p, struct point_state *point, const struct past_alarm *past)
{
	struct alarm restored = { .raised = true, .since = past->since, .worst = past->worst };

	if (past->rule >= RULES_BY_LIMIT) {
		point->conditions[past->rule - RULES_BY_LIMIT] = restored;
		return true;
	}
	struct limit_state *limit = find_limit(point, past->limit_key);
	if (!limit) {
		return false;
	}
	restored.severity = severity_of(&p->settings, past->rule, limit->limit, past->worst);
	limit->alarms[past->rule] = restored;
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

bool pipeline_restore_alarm(struct pipeline *pipeline, const struct past_alarm *past)
{
	struct outlet_state *outlet;
	struct point_state *point = find_point(pipeline, past->outlet, past->factor, &outlet);

	return point && restore_alarm(pipeline, point, past);
}

/* Adds a closed day to the month that is open at the pipeline's start. */
static void restore_day(const struct outlet_state *outlet, struct point_state *point, struct series *series,
	const struct past_mean *past)
{
	const struct mean *day = past->mean;

	if (day->start.ms < series->month.start.ms || day->end.ms > series->day.start.ms) {
		return;
	}
	double weight = aggregate_day_weight(outlet, point->conf, day, past->amount);
	const struct sub_value sub = { mean_exact(day), day->flag, day->valid, weight, 1 };
	mean_add(&series->month, &sub);
	if (isfinite(past->amount)) {
		point->open_amount[PERIOD_MONTH] = fmax(point->open_amount[PERIOD_MONTH], 0.0) + past->amount;
	}
}

bool pipeline_restore_mean(struct pipeline *pipeline, const struct past_mean *past)
{
	struct outlet_state *outlet;
	struct point_state *point = find_point(pipeline, past->outlet, past->factor, &outlet);

	for (size_t i = 0; point && i < point->n_series; i++) {
		struct series *series = &point->series[i];
		if (!series_conf_is(&series->conf, past->kind, past->o2_ref)) {
			continue;
		}
		if (past->mean->rule->period == PERIOD_HOUR) {
			assess_past_hour(pipeline, outlet, point, series, past->mean);
			if (point->conf->n_limits > 0 && point->limits[0].series == series) {
				condition_count_hour(pipeline, point, past->mean);
			}
		} else {
			restore_day(outlet, point, series, past);
		}
		return true;
	}
	return false;
}
