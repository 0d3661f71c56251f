/* projection.h - projects the mean of an open period from its valid sub-values so far.
 * Pure: no I/O, no clock, no allocation; callers serialise.
 *
 * Only for arithmetic means: a mean weighted by a flow that is still to come has no bound. */
#ifndef EMIS_CORE_PROJECTION_H
#define EMIS_CORE_PROJECTION_H

#include <stdbool.h>

#include "core/mean.h"

struct projection {      /* fields are private to projection.c */
	unsigned due;    /* sub-values of the whole period */
	unsigned passed; /* sub-values of the period so far, valid or not */
	unsigned n;      /* valid sub-values so far */
	double sum;      /* sum of the valid values */
	double sum_t;    /* sum of the places of the valid values in the period, 0 = the first */
	double sum_tt;
	double sum_tv;
};

/* Opens a period of `due` sub-values, of which `passed` ended before the first that will be added. */
void projection_open(struct projection *projection, unsigned due, unsigned passed);

/* Adds the next sub-value; one that does not count only increases `passed`. */
void projection_add(struct projection *projection, double value, bool counts);

/* False until valid sub-values make up a quarter of the period. 25 % is our choice, not the regulation's. */
bool projection_is_ready(const struct projection *projection);

/* The mean of the period, if its values to come follow the straight line through the values so far (least squares),
 * but never below zero. NAN with fewer than two valid values. */
double projection_value(const struct projection *projection);

/* Lower bound of the mean of the open period `acc`, if the period counts and no later valid value is below `least`.
 * NAN without a valid value so far. */
double projection_lowest(const struct projection *projection, const struct mean_acc *acc, double least);

#endif
