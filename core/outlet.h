/* outlet.h - an outlet (排放口) as the permit names it, its points and the limits that apply to them.
 * Configuration: const after set-up. */
#ifndef EMIS_CORE_OUTLET_H
#define EMIS_CORE_OUTLET_H

#include <stddef.h>

#include "core/factor.h"
#include "core/limit.h"

#define OUTLET_POINTS 32
#define POINT_LIMITS 12
#define OUTLET_ID_SIZE 32
#define OUTLET_SECTORS 4

/* How the value of a point is computed from other points of the outlet, when no instrument gives it. */
enum computed {
	COMPUTED_NOT,
	COMPUTED_NOX,  /* from no and no2, HJ 212-2017 (21) */
	COMPUTED_FLOW, /* of gas: from velocity, temp, pressure, humidity and the area, (30) and (31) */
};

/* A point: one factor of an outlet. Zero in a number means that it is not configured. */
struct point {
	const struct factor *factor;
	enum computed computed;
	bool ppm;                 /* the instrument gives ppm; converted by the factor's molar mass */
	bool wet;                 /* measured in wet gas; converted to dry gas by the outlet's humidity point */
	bool actual;              /* measured at stack temperature and pressure; converted to standard state */
	double pitot_kp;          /* the instrument gives the dynamic pressure in Pa; velocity = kp sqrt(2 Pd / rho) */
	double gas_density;       /* kg/m3 of that formula */
	double field_coefficient; /* Kv of HJ 212-2017 (29) */
	double slope;             /* of the calibration line of a dust monitor; 0 = without */
	double intercept;
	double counter_wrap; /* the totaliser starts again from 0 at this many m3 */
	double range;        /* upper end of the measuring range, in the factor's unit */
	bool has_least;      /* the configuration gives `least` */
	double least; /* lowest possible measured value, in the factor's unit; a lower value is D and does not count */
	int64_t hold_ms;    /* gas: a result stands this long, or until the next one comes (a chromatograph) */
	int64_t cycle_ms;   /* water: time between the results of a discrete analyser */
	int64_t max_age_ms; /* an older reading counts as silence; 0 for computed points */
	const struct limit *limits[POINT_LIMITS];
	size_t n_limits;
};

struct outlet {
	char id[OUTLET_ID_SIZE]; /* DA001, DW001 */
	char name[64];
	char sector[48];
	enum medium medium;
	double barometric_pa; /* NAN unless configured; needed by points at actual state */
	double area_m2;       /* of the duct, for the flow; NAN unless configured */
	struct utc built;     /* BUILT_UNKNOWN unless configured */
	int64_t grace_ms;     /* how long to wait for late results; 0 = the grace of the settings */
	int air_added;        /* 1 = air is added to burn the waste gas, 0 = no air is added, -1 = not configured */
	char also_sectors[OUTLET_SECTORS][48]; /* more sectors whose limits apply; "" ends the list */
	struct point *points;                  /* owned by the configuration */
	size_t n_points;
};

/* Converts what the instrument gives to the factor's unit: pitot tube, field coefficient, calibration line, ppm. The
 * result grows with `given`. NAN when it cannot be computed. */
double point_in_unit(const struct point *point, double given);

/* The index of the point that measures the factor, or -1. */
int outlet_point(const struct outlet *outlet, const char *factor);

/* True when the limit covers the outlet's sector or one of its also_sectors. */
bool outlet_falls_under(const struct outlet *outlet, const struct limit *limit);

/* True when a factor of this medium can be a point of the outlet. */
bool outlet_takes(const struct outlet *outlet, enum medium medium);

/* The strictest limit of the point that is in force at `at`, or NULL. Limits for hours come before those for days,
 * then months, then instant values; of limits for the same period, the one with the lowest maximum is the strictest. */
const struct limit *outlet_strictest(const struct outlet *outlet, const struct point *point, struct utc at);

#endif
