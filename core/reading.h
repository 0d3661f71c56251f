/* reading.h - a reading: one value with its moment and its flag, which always stay together. */
#ifndef EMIS_CORE_READING_H
#define EMIS_CORE_READING_H

#include <math.h>
#include <stdbool.h>

#include "common/time.h"
#include "core/flag.h"

/* An unknown value is NAN. A number with a flag other than N (span gas during a calibration, a value above the
 * range) is evidence: it is kept and never averaged or judged. */
struct reading {
	struct utc at; /* the moment of the instrument's answer */
	double value;
	enum flag flag;
};

/* True when the reading enters means. */
static inline bool reading_counts(const struct reading *r)
{
	return r->flag == FLAG_NORMAL && isfinite(r->value);
}

#endif
