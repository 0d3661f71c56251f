/* outlet.h - what the permit names: an outlet (排放口), its points and the limits that apply to them.
 * Configuration: const after set-up. */
#ifndef EMIS_CORE_OUTLET_H
#define EMIS_CORE_OUTLET_H

#include <stddef.h>

#include "core/factor.h"
#include "core/limit.h"

#define OUTLET_POINTS 32
#define POINT_LIMITS 8
#define OUTLET_ID_SIZE 32

/* A factor of an outlet. */
struct point {
	const struct factor *factor;
	bool ppm;    /* the instrument gives ppm; converted by the factor's molar mass */
	bool wet;    /* measured in wet gas: dried by the outlet's humidity point */
	bool actual; /* measured at stack temperature and pressure: brought to standard state */
	const struct limit *limits[POINT_LIMITS];
	size_t n_limits;
};

struct outlet {
	char id[OUTLET_ID_SIZE]; /* DA001, DW001 */
	char name[64];
	char sector[48];
	enum medium medium;
	double barometric_pa; /* NAN unless configured; needed by points at actual state */
	struct point points[OUTLET_POINTS];
	size_t n_points;
};

/* The index of the point that measures the factor, or -1. */
int outlet_point(const struct outlet *outlet, const char *factor);

/* The strictest limit of the point in force at `at`, or NULL: of those for the same period the one with
 * the lowest maximum at the lowest reference oxygen has to be met first; hours come before days. */
const struct limit *outlet_strictest(const struct point *point, struct utc at);

#endif
