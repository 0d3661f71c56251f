/* pipeline.h - the whole path of a value, for all outlets of a site:
 * reading -> dry standard reading -> minute -> converted minute -> hour -> day -> verdict -> alarm -> event.
 *
 * Pure: readings and the time come as arguments, means and events go to a sink. The same code
 * runs live, when open periods are rebuilt from the store after a start, and in tests. Allocates in
 * pipeline_create() only. */
#ifndef EMIS_CORE_PIPELINE_H
#define EMIS_CORE_PIPELINE_H

#include "core/alarm.h"
#include "core/outlet.h"
#include "core/series.h"

/* In which order the hour is averaged and brought to the reference oxygen: no text read fixes it (X19). */
enum conversion_order {
	ORDER_CONVERT_FIRST, /* every minute, then average: HJ 212-2017 Table 4 "ZsAvg", HJ 76-2017 annex B */
	ORDER_AVERAGE_FIRST, /* the hour's concentration by the hour's oxygen */
};

/* Zero switches off what it is a number of. Defaults, and which of them are confirmed: daemon/conf/conf_judging.c. */
struct pipeline_settings {
	int offset_min;           /* of the site's wall clock against UTC: periods follow it */
	int64_t grace_ms;         /* a period closes this long after its end, unless the outlet says otherwise */
	int64_t aux_age_ms;       /* temperature, pressure, humidity older than this are unknown */
	unsigned warning_minutes; /* consecutive minutes beyond the limit that make, or end, a warning */
	unsigned no_data_minutes; /* minutes without data that make a condition */

	enum conversion_order order;
	enum rounding rounding;
	double o2_zero_drift;         /* percent O2: down to so far below 0 a reading is 0, a lower one is D */
	double hysteresis;            /* an alarm clears at this fraction below its limit */
	double approach;              /* the fraction of a limit from which the open period warns */
	unsigned calibration_minutes; /* of calibration that make a condition */
	unsigned constant_minutes;    /* valid minutes of gas with one value that are suspicious; 0 = none */
	unsigned constant_results;    /* results of water with one value that are; 0 = none */
	double narrow_percent;        /* of the range: an hour that moves less is suspicious */
	bool watch_zero;              /* zero and negative values are suspicious */
	bool few_data;                /* an hour or day that does not count is a condition */
	double capture_percent;       /* of a quarter's hours that must be valid */
};

/* One closed period of one series. */
struct mean_record {
	const struct outlet *outlet;
	const struct point *point;
	enum series_kind kind;
	double o2_ref; /* NAN unless kind is SERIES_CONVERTED */
	struct mean mean;
	/* m3 of a flow; kg of a concentration, by the measured dry value and never the converted one (HJ 212-2017 (33),
	 * (34), D.1 (8)). NAN for minutes, for converted series and where it is not known. */
	double amount;
};

/* A word of the operator beside the data: readings of [from, until) get the flag, so that they no longer count. Their
 * values stay as they are. */
struct mark {
	size_t outlet;
	int point; /* -1 = all of the outlet */
	struct utc from;
	struct utc until;
	enum flag flag;
};

struct pipeline_sink {
	void (*mean)(void *context, const struct mean_record *record);
	void (*event)(void *context, const struct event *event);
	void *context;
};

enum pipeline_filed {
	PIPELINE_FILED,
	PIPELINE_LATE, /* its minute is closed: the reading is evidence, but no part of any mean */
	PIPELINE_EARLY /* stamped ahead of the clock; as above */
};

struct pipeline;

/* `outlets` are borrowed for the pipeline's life. Opens the periods that contain `start`. Periods that
 * end at or before `judged_until` were judged by an earlier run: their means are made again, and
 * neither reported nor judged. NULL when out of memory. */
struct pipeline *pipeline_create(const struct outlet *outlets, size_t n_outlets,
	const struct pipeline_settings *settings, struct utc start, struct utc judged_until);
void pipeline_destroy(struct pipeline *pipeline);

/* An alarm that an earlier run raised. Borrowed. */
struct past_alarm {
	const char *outlet;
	const char *factor;
	enum alarm_rule rule;
	const char *limit_key; /* of rules by limit; else "" */
	struct utc since;
	double worst;
};

/* A raised alarm of an earlier run goes on. False when no such point or limit is configured now. */
bool pipeline_restore_alarm(struct pipeline *pipeline, const struct past_alarm *past);

/* A mean of an hour or a day that an earlier run closed. Borrowed. */
struct past_mean {
	const char *outlet;
	const char *factor;
	enum series_kind kind;
	double o2_ref; /* NAN unless kind is SERIES_CONVERTED */
	const struct mean *mean;
	double amount; /* as in struct mean_record */
};

/* Counts a mean of before the pipeline's start: the open month, the month's share and the quarter need it. Call in
 * order of time, before the first reading. False when no such point is configured now. */
bool pipeline_restore_mean(struct pipeline *pipeline, const struct past_mean *past);

/* Adds a mark for readings that come from now on; closed periods stay as they are. False when there are too many. */
bool pipeline_add_mark(struct pipeline *pipeline, const struct mark *mark);

/* True when one more mark can be added; marks that can flag no reading any more are dropped first. */
bool pipeline_has_room_for_mark(struct pipeline *pipeline);

/* Files a reading as the instrument gave it. Call pipeline_step() up to the present first. */
enum pipeline_filed pipeline_add(struct pipeline *pipeline, size_t outlet, size_t point, const struct reading *reading);

/* True when the newest reading that was filed for the point bears this stamp. */
bool pipeline_has_filed(const struct pipeline *pipeline, size_t outlet, size_t point, struct utc at);

/* The same as pipeline_add() for a value that was averaged before: the value stands for `times` readings. */
enum pipeline_filed pipeline_add_averaged(
	struct pipeline *pipeline, size_t outlet, size_t point, const struct reading *reading, unsigned times);

/* The share of this month of the point's limit; false when the limit has none. */
bool pipeline_month_share(
	const struct pipeline *pipeline, size_t outlet, size_t point, size_t limit, struct month_share_view *ret_view);

/* Closes the earliest minute whose grace has passed at `now`, reports what closes with it and judges it.
 * False, with nothing done, when none is due. Call until false. */
bool pipeline_step(struct pipeline *pipeline, struct utc now, const struct pipeline_sink *sink);

/* The moment at which pipeline_step() next has something to do. */
struct utc pipeline_due(const struct pipeline *pipeline);

/* Everything that was due when periods up to here were closed has been told. An outlet with a longer grace than the
 * settings' has closed less by the difference. */
struct utc pipeline_closed_until(const struct pipeline *pipeline);

/* What a point looks like now; see core/view.c. */
struct point_view {
	struct reading raw;        /* newest, as measured; flag B when older than the point's max_age_ms */
	double converted;          /* newest, of the series that `limit` judges; NAN when not known or not converted */
	double o2_ref;             /* of `converted`; NAN when there is no conversion */
	double hour_mean;          /* so far, of that series; NAN without a valid minute */
	unsigned valid_minutes;    /* valid base periods of this hour so far */
	unsigned due_minutes;      /* base periods of a whole hour */
	const struct limit *limit; /* the strictest in force; NULL without */
	/* The hour so far as a ratio to the limit; for daily limits the day so far, once it has a valid hour. NAN
	 * when not known. */
	double limit_ratio;
	struct mean last_hour; /* the newest closed hour of that series; .rule is NULL before the first */
};

void pipeline_view(
	const struct pipeline *pipeline, size_t outlet, size_t point, struct utc now, struct point_view *ret_view);

#endif
