/* pipeline.h - the whole path of a value, for all outlets of a site:
 * reading -> dry standard reading -> minute -> converted minute -> hour -> day -> verdict -> alarm -> event.
 *
 * Pure: readings and the time come as arguments; means and events go to a sink. The same code runs live, when open
 * periods are rebuilt from the store after a start, and in tests. Allocates in pipeline_create() only. */
#ifndef EMIS_CORE_PIPELINE_H
#define EMIS_CORE_PIPELINE_H

#include "core/alarm.h"
#include "core/outlet.h"
#include "core/series.h"

/* Whether an hour is averaged before or after the conversion to the reference oxygen; no text that was read says
 * which (X19). */
enum conversion_order {
	ORDER_CONVERT_FIRST, /* convert every minute, then average: HJ 212-2017 Table 4 "ZsAvg", HJ 76-2017 annex B */
	ORDER_AVERAGE_FIRST, /* convert the hour's concentration by the hour's oxygen */
};

/* Zero in a number switches its rule off. daemon/conf/conf_judging.c has the defaults and says which are confirmed. */
struct pipeline_settings {
	int offset_min;     /* of the site's wall clock against UTC, in minutes: periods follow this clock */
	int64_t grace_ms;   /* a period closes this long after its end, unless the outlet says otherwise */
	int64_t aux_age_ms; /* temperature, pressure and humidity older than this are unknown */
	/* Consecutive minutes beyond the limit that raise a warning, or within it that end one. */
	unsigned warning_minutes;
	unsigned no_data_minutes; /* minutes without data that raise a condition */

	enum conversion_order order;
	enum rounding rounding;
	double o2_zero_drift;         /* percent O2: a reading so far below 0 still means 0, a lower one is D */
	double hysteresis;            /* an alarm clears at this fraction below its limit */
	double approach;              /* the fraction of a limit at which the mean of the open period warns */
	unsigned calibration_minutes; /* minutes of calibration that raise a condition */
	unsigned constant_minutes;    /* equal valid minutes of gas that are suspicious; 0 = off */
	unsigned constant_results;    /* equal results of water that are suspicious; 0 = off */
	double narrow_percent;        /* percent of the range: an hour whose values vary no more is suspicious */
	bool watch_zero;              /* zero and negative values are suspicious */
	bool few_data;                /* an hour or day without enough valid data raises a condition */
	double capture_percent;       /* percent of a quarter's hours that must be valid */
};

/* One closed period of one series. */
struct mean_record {
	const struct outlet *outlet;
	const struct point *point;
	enum series_kind kind;
	double o2_ref; /* NAN unless kind is SERIES_CONVERTED */
	struct mean mean;
	/* m3 of a flow; kg of a concentration, from the measured dry value and never the converted one (HJ 212-2017
	 * (33), (34), D.1 (8)). NAN for minutes, for converted series and where the amount is not known. */
	double amount;
};

/* An operator's note about data: readings of [from, until) get the flag, so that they no longer count. Their values
 * stay as they are. */
struct mark {
	size_t outlet;
	int point; /* -1 = all of the outlet */
	struct utc from;
	struct utc until;
	enum flag flag;
};

/* Receives what pipeline_step() closes and judges; the arguments are borrowed for the call. */
struct pipeline_sink {
	void (*mean)(void *context, const struct mean_record *record);
	void (*event)(void *context, const struct event *event);
	void *context;
};

enum pipeline_filed {
	PIPELINE_FILED,
	PIPELINE_LATE, /* the minute of the reading is closed: the reading is evidence, but enters no mean */
	PIPELINE_EARLY /* the reading is stamped ahead of the open minutes: as for a late one */
};

struct pipeline;

/* `outlets` are borrowed for the life of the pipeline. Opens the periods that contain `start`. Periods that end at
 * or before `judged_until` were judged by an earlier run: their means are computed again, and neither reported nor
 * judged. NULL when out of memory. */
struct pipeline *pipeline_create(const struct outlet *outlets, size_t n_outlets,
	const struct pipeline_settings *settings, struct utc start, struct utc judged_until);
void pipeline_destroy(struct pipeline *pipeline);

/* An alarm that an earlier run raised; its strings are borrowed. */
struct past_alarm {
	const char *outlet;
	const char *factor;
	enum alarm_rule rule;
	const char *limit_key; /* of rules about a limit; else "" */
	struct utc since;
	double worst;
};

/* Restores an alarm that an earlier run raised. False when no such point or limit is configured now. */
bool pipeline_restore_alarm(struct pipeline *pipeline, const struct past_alarm *past);

/* The mean of an hour or a day that an earlier run closed; its pointers are borrowed. */
struct past_mean {
	const char *outlet;
	const char *factor;
	enum series_kind kind;
	double o2_ref; /* NAN unless kind is SERIES_CONVERTED */
	const struct mean *mean;
	double amount; /* as in struct mean_record */
};

/* Counts a mean from before the start of the pipeline in the open month, the month's share and the quarter. Call in
 * order of time, before the first reading. False when no such point or series is configured now. */
bool pipeline_restore_mean(struct pipeline *pipeline, const struct past_mean *past);

/* Adds a mark for readings that come from now on; closed periods stay as they are. False when there are too many
 * marks. */
bool pipeline_add_mark(struct pipeline *pipeline, const struct mark *mark);

/* True when one more mark can be added. Drops marks that can flag no more readings first. */
bool pipeline_has_room_for_mark(struct pipeline *pipeline);

/* Files a reading as the instrument gave it. Call pipeline_step() up to the present first. */
enum pipeline_filed pipeline_add(struct pipeline *pipeline, size_t outlet, size_t point, const struct reading *reading);

/* True when the newest reading that was filed for the point bears this stamp. */
bool pipeline_has_filed(const struct pipeline *pipeline, size_t outlet, size_t point, struct utc at);

/* As pipeline_add(), for a value that was averaged before: it stands for `times` readings. */
enum pipeline_filed pipeline_add_averaged(
	struct pipeline *pipeline, size_t outlet, size_t point, const struct reading *reading, unsigned times);

/* The share and the budget of this month for a limit of the point; false when the limit has no share_of_month. */
bool pipeline_month_share(
	const struct pipeline *pipeline, size_t outlet, size_t point, size_t limit, struct month_share_view *ret_view);

/* Closes the earliest minute whose grace has passed at `now`, and reports and judges the periods that end with it.
 * False, without any effect, when no minute is due. Call until false. */
bool pipeline_step(struct pipeline *pipeline, struct utc now, const struct pipeline_sink *sink);

/* The moment from which pipeline_step() has a minute to close. */
struct utc pipeline_due(const struct pipeline *pipeline);

/* All periods that end at or before this moment are closed, reported and judged. An outlet whose grace is longer
 * than that of the settings lags by the difference. */
struct utc pipeline_closed_until(const struct pipeline *pipeline);

/* The present state of a point; see core/view.c. */
struct point_view {
	struct reading raw;        /* newest, as measured; flag B when older than the point's max_age_ms */
	double converted;          /* newest, of the series that `limit` judges; NAN when not known or not converted */
	double o2_ref;             /* reference oxygen of `converted`; NAN without conversion */
	double hour_mean;          /* hour so far, of that series; NAN without a valid minute */
	unsigned valid_minutes;    /* valid base periods of this hour so far */
	unsigned due_minutes;      /* base periods of a whole hour */
	const struct limit *limit; /* the strictest limit in force; NULL when there is none */
	/* The ratio of the hour so far to the limit; for daily limits that of the day so far, once the day has a
	 * valid hour. NAN when not known. */
	double limit_ratio;
	struct mean last_hour; /* the newest closed hour of that series; .rule is NULL before the first */
};

void pipeline_view(
	const struct pipeline *pipeline, size_t outlet, size_t point, struct utc now, struct point_view *ret_view);

#endif
