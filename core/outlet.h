/* outlet.h - what the permit names: an outlet (排放口), its points and the limits that apply to them.
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

/* What no instrument gives and other points of the outlet do. */
enum computed {
	COMPUTED_NOT,
	COMPUTED_NOX,  /* from no and no2, HJ 212-2017 (21) */
	COMPUTED_FLOW, /* of gas: from velocity, temp, pressure, humidity and the area, (30) and (31) */
};

/* A factor of an outlet. Zero means "without" in all numbers. */
struct point {
	const struct factor *factor;
	enum computed computed;
	bool ppm;                 /* the instrument gives ppm; converted by the factor's molar mass */
	bool wet;                 /* measured in wet gas: dried by the outlet's humidity point */
	bool actual;              /* measured at stack temperature and pressure: brought to standard state */
	double pitot_kp;          /* the instrument gives the dynamic pressure in Pa; velocity = kp sqrt(2 Pd / rho) */
	double gas_density;       /* kg/m3 of that formula */
	double field_coefficient; /* Kv of HJ 212-2017 (29) */
	double slope;             /* of the calibration line of a dust monitor; 0 without */
	double intercept;
	double counter_wrap; /* a totaliser starts again at this many m3 */
	double range;        /* upper end of the measuring range, in the factor's unit */
	bool has_least;      /* the configuration states how low a measured value can be: */
	double least;        /* a lower one is D, and enters nothing; in the factor's unit */
	int64_t hold_ms;     /* gas: a result stands this long until the next one comes (a chromatograph) */
	int64_t cycle_ms;    /* water: time between the results of a discrete analyser */
	int64_t max_age_ms;  /* a reading that is older counts as silence; 0 for computed points */
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
	int64_t grace_ms;     /* late results are waited for this long; 0 = as long as the settings say */
	int air_added;        /* 1 = air is added to burn the waste gas, 0 = it is not, -1 = not said */
	char also_sectors[OUTLET_SECTORS][48]; /* whose limits apply beside those of `sector`; "" ends */
	struct point *points;                  /* the configuration's */
	size_t n_points;
};

/* What the instrument gives, in the factor's unit: pitot tube, field coefficient, calibration line, ppm. Grows with
 * `given`. NAN when it cannot be computed. */
double point_in_unit(const struct point *point, double given);

/* The index of the point that measures the factor, or -1. */
int outlet_point(const struct outlet *outlet, const char *factor);

/* True when the limit covers the outlet's sector or one of those it names beside. */
bool outlet_falls_under(const struct outlet *outlet, const struct limit *limit);

/* True when a factor of this medium can be a point of the outlet. */
bool outlet_takes(const struct outlet *outlet, enum medium medium);

/* The strictest limit of the point in force at `at`, or NULL: of those for the same period the one with
 * the lowest maximum at the lowest reference oxygen has to be met first; hours come before days. */
const struct limit *outlet_strictest(const struct outlet *outlet, const struct point *point, struct utc at);

#endif
