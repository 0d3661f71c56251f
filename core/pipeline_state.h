/* pipeline_state.h - what the pipeline remembers; for pipeline.c and view.c only. */
#ifndef EMIS_CORE_PIPELINE_STATE_H
#define EMIS_CORE_PIPELINE_STATE_H

#include "core/pipeline.h"

struct point_state {
	const struct point *conf;
	struct reading latest;     /* as measured, in the factor's unit */
	struct reading latest_dry; /* the same at dry standard state */
	struct series *series;     /* at most POINT_SERIES, most points need one or two */
	size_t n_series;
	struct alarm beyond[POINT_LIMITS];  /* RULE_PERIOD_MEAN, by limit */
	struct alarm minutes[POINT_LIMITS]; /* RULE_MINUTES_BEYOND, by limit */
	struct alarm no_data;
	struct alarm fault;
};

struct outlet_state {
	const struct outlet *conf;
	struct point_state *points;
	int o2; /* indices of the points that others need, or -1 */
	int temperature;
	int pressure;
	int humidity;
	int flow;
};

struct pipeline {
	struct pipeline_settings settings;
	struct utc judged_until;
	struct utc closed_until;
	struct outlet_state *outlets;
	size_t n_outlets;
};

/* The series that a limit judges. */
const struct series *pipeline_series_of(const struct point_state *point, const struct limit *limit);

/* The series at dry standard state: the measured one when the instrument measures so. */
struct series *pipeline_dry_series(struct point_state *point);

#endif
