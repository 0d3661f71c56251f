/* pipeline_state.h - the state of the pipeline; only for the files of core/ that are steps of the path. */
#ifndef EMIS_CORE_PIPELINE_STATE_H
#define EMIS_CORE_PIPELINE_STATE_H

#include "core/month_share.h"
#include "core/pipeline.h"
#include "core/projection.h"

#define PIPELINE_MARKS 64

/* A limit of a point, with its alarms and counters. */
struct limit_state {
	const struct limit *limit;
	const struct series *series; /* the series that the limit judges */
	struct alarm alarms[RULES_BY_LIMIT];
	struct projection projection; /* of the limit's open period */
	struct month_share share;     /* used when the limit has a share_of_month */
};

/* Counts the hours of a quarter, for the capture rate (HJ 75-2017 12.1). */
struct quarter {
	struct utc end;
	unsigned passed;
	unsigned stopped;
	unsigned valid;
};

struct point_state {
	const struct point *conf;
	struct reading latest;     /* as measured, in the factor's unit */
	struct reading latest_dry; /* `latest` at dry standard state */
	double counter;            /* of a totaliser: its last good reading; NAN before the first */
	struct series *series;     /* at most POINT_SERIES, most points need one or two */
	size_t n_series;
	struct limit_state *limits; /* conf->n_limits of them */
	struct alarm conditions[RULES_BY_POINT];
	double last_value; /* the value of the last valid minute; NAN without */
	struct quarter quarter;
	double amount[PERIOD_COUNT];      /* m3 or kg of the newest closed hour, day and month; NAN when not known */
	double open_amount[PERIOD_COUNT]; /* of the open day and month; NAN before their first known hour */
};

struct outlet_state {
	const struct outlet *conf;
	struct point_state *points;
	int o2; /* indices of the points that other points are computed from; -1 = none */
	int temperature;
	int pressure;
	int humidity;
	int velocity;
	int flow;    /* of water in L/s or of gas in m3/s */
	int counter; /* the totaliser of the water */
	int no;
	int no2;
};

struct pipeline {
	struct pipeline_settings settings;
	struct utc start;
	struct utc judged_until;
	struct utc closed_until;
	struct outlet_state *outlets;
	size_t n_outlets;
	struct mark marks[PIPELINE_MARKS];
	size_t n_marks;
};

/* The series that a limit judges (point_series.c). */
const struct series *point_series_of(const struct point_state *point, const struct limit *limit);

/* The series at dry standard state: the measured series when the instrument measures in that state. */
struct series *point_dry_series(const struct point_state *point);

/* The flag of a reading after the operator's marks: a reading with a mark stays evidence and counts in no mean
 * (mark.c). */
enum flag flag_after_marks(const struct pipeline *p, size_t outlet, size_t point, const struct reading *reading);

/* ---- a reading on its way (reading.c) ---- */

/* Converts the value to the factor's unit. Sets flag D when the result is not a number or is impossible. */
void reading_to_unit(const struct pipeline *p, const struct point *conf, struct reading *reading);

/* Turns a totaliser's reading into the volume since the reading before; the volume of a silent time belongs to the
 * reading that ends it. False when the volume is not known: at the first reading, and when the counter was set back. */
bool reading_count_volume(struct point_state *state, struct reading *reading);

/* Converts a reading to dry standard state. HJ 212-2017 (18) and (19) apply to each reading, before any mean
 * (monitoring-rules 3.1). */
struct reading reading_to_dry_standard(const struct pipeline *p, const struct outlet_state *outlet,
	const struct point *conf, const struct reading *measured);

/* ---- periods ---- */

/* minute -> hour -> day -> month (aggregate.c): closes the oldest open minute of the outlet and the periods that end
 * with it. Means go to the sink unless it is NULL. Returns the longest period that ended. */
enum period aggregate_outlet(const struct pipeline *p, struct outlet_state *outlet, const struct pipeline_sink *sink);

/* The m3 that flowed in the newest closed period. NAN when the volume is not known. Below zero when the flow is
 * below zero: the volume is then not known either. */
double aggregate_volume(const struct outlet_state *outlet, enum period period);

/* The weight of a day in its month: the water of its counted hours, computed from their mass `amount`; 1 when the
 * factor is not weighed by flow. A restart knows nothing more than these arguments, so the weight is the same before
 * and after it. */
double aggregate_day_weight(
	const struct outlet_state *outlet, const struct point *point, const struct mean *day, double amount);

/* verdict -> alarm -> event (assess.c), for the periods that just ended, up to `longest`. */
void assess_point(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	enum period longest, const struct pipeline_sink *sink);

/* Opens the month's share and the projection of a limit; its series must be open. */
void assess_set_up(struct limit_state *state, struct utc start, int offset_min);

/* Counts an hour that an earlier run judged in the month's share of the limits on its series (assess.c). */
void assess_past_hour(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	const struct series *series, const struct mean *hour);

/* Judges the conditions of a point by its own values (condition.c). */
void condition_judge(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	enum period longest, const struct pipeline_sink *sink);

/* Counts an hour for the capture rate of its quarter (condition.c). */
void condition_count_hour(const struct pipeline *p, struct point_state *point, const struct mean *hour);

/* A finding: the result of judging one period for one alarm. */
struct finding {
	enum verdict verdict;
	double severity; /* ratio to the limit: between 1 - hysteresis and 1 the alarm is neither raised nor cleared */
	unsigned raise;  /* periods in a row that raise the alarm */
	unsigned clear;  /* periods in a row that clear it */
	struct utc from; /* start of the period; the id of an alarm holds that of its first finding */
};

/* Counts a finding, changes the alarm, and emits the event unless it repeats a known state (assess.c). The caller
 * sets rule, limit, value and mean of `event`. Without a sink only the runs of periods are counted. */
void assess_apply(const struct pipeline *p, struct alarm *alarm, struct event *event, const struct finding *finding,
	const struct pipeline_sink *sink);

/* Makes an event of the rule about the mean, at the end of the newest minute; limit and value are not set
 * (assess.c). */
struct event assess_event(const struct outlet_state *outlet, const struct point_state *point, enum alarm_rule rule,
	const struct mean *mean);

/* Ends the alarm because its period or month is over; emits the event if the alarm was raised (assess.c). */
void assess_end(struct alarm *alarm, struct event *event, const struct pipeline_sink *sink);

/* The number of base periods (the "minute" of gas or water, `rule`) in `minutes` minutes, rounded up; at least one. */
unsigned assess_periods(unsigned minutes, const struct mean_rule *rule);

#endif
