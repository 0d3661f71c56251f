/* projection.h - where an open period is heading, from the valid values below it so far.
 * Pure: no I/O, no clock, no allocation; callers serialise.
 *
 * Only for arithmetic means: what weighs by a flow that is still to come cannot be bounded. */
#ifndef EMIS_CORE_PROJECTION_H
#define EMIS_CORE_PROJECTION_H

#include <stdbool.h>

#include "core/mean.h"

struct projection {      /* fields are private to projection.c */
	unsigned due;    /* sub-values of the whole period */
	unsigned passed; /* of them, how many have been, valid or not */
	unsigned n;      /* valid ones */
	double sum;      /* of their values */
	double sum_t;    /* of their places in the period, 0 = the first */
	double sum_tt;
	double sum_tv;
};

/* `passed` of the sub-values were over before the first that will be added. */
void projection_open(struct projection *projection, unsigned due, unsigned passed);

/* The next sub-value; one that does not count only passes. */
void projection_add(struct projection *projection, double value, bool counts);

/* A quarter of the period is known: before that, nothing is said. The number is ours. */
bool projection_is_ready(const struct projection *projection);

/* The mean of the period if the straight line through its values so far (least squares) goes on, never below zero;
 * NAN without two valid values. */
double projection_value(const struct projection *projection);

/* A lower bound of the mean of the open period `acc`: if the period counts, its mean is not below it, whatever comes,
 * as long as no valid value to come is below `least`. NAN without a valid value so far. */
double projection_lowest(const struct projection *projection, const struct mean_acc *acc, double least);

#endif
