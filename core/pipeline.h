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

struct pipeline_settings {
	int offset_min;           /* of the site's wall clock against UTC: periods follow it */
	int64_t grace_ms;         /* a period closes this long after its end; 0 <= grace < one minute */
	int64_t aux_age_ms;       /* temperature, pressure, humidity older than this are unknown */
	unsigned warning_minutes; /* consecutive minutes beyond the limit that make a warning */
	unsigned no_data_minutes; /* minutes without data that make a condition */
};

/* One closed period of one series. */
struct mean_record {
	const struct outlet *outlet;
	const struct point *point;
	enum series_kind kind;
	double o2_ref; /* NAN unless kind is SERIES_CONVERTED */
	struct mean mean;
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

/* A raised alarm of an earlier run goes on. False when no such point or limit is configured now. */
bool pipeline_restore_alarm(struct pipeline *pipeline, const char *outlet, const char *factor, enum alarm_rule rule,
	const char *limit_key, struct utc since, double worst);

/* Files a reading as the instrument gave it. Call pipeline_step() up to the present first. */
enum pipeline_filed pipeline_add(struct pipeline *pipeline, size_t outlet, size_t point, const struct reading *reading);

/* Closes the earliest minute whose grace has passed at `now`, reports what closes with it and judges it.
 * False, with nothing done, when none is due. Call until false. */
bool pipeline_step(struct pipeline *pipeline, struct utc now, const struct pipeline_sink *sink);

/* The moment at which pipeline_step() next has something to do. */
struct utc pipeline_due(const struct pipeline *pipeline);

/* Everything that ended up to here has been closed. */
struct utc pipeline_closed_until(const struct pipeline *pipeline);

/* What a point looks like now; see core/view.c. */
struct point_view {
	struct reading raw;        /* newest, as measured; flag B when older than max_age */
	double converted;          /* newest, of the series that `limit` judges; NAN when not known or not converted */
	double o2_ref;             /* of `converted`; NAN when there is no conversion */
	double hour_mean;          /* so far, of that series; NAN without a valid minute */
	unsigned valid_minutes;    /* valid base periods of this hour so far */
	unsigned due_minutes;      /* base periods of a whole hour */
	const struct limit *limit; /* the strictest in force; NULL without */
	double share; /* of the limit: of the hour so far; for daily limits of the day so far, once it has an hour */
	struct mean last_hour; /* the newest closed hour of that series; .rule is NULL before the first */
};

/* Readings older than max_age_ms count as silence. */
void pipeline_view(const struct pipeline *pipeline, size_t outlet, size_t point, struct utc now, int64_t max_age_ms,
	struct point_view *ret_view);

#endif
