/* reading.h - one value with its moment and its flag; the three never travel apart. */
#ifndef EMIS_CORE_READING_H
#define EMIS_CORE_READING_H

#include <math.h>
#include <stdbool.h>

#include "common/time.h"
#include "core/flag.h"

/* A value that is not known is NAN. A number beside a flag other than N (span gas during a
 * calibration, a value above the range) is evidence: it is kept and never averaged or judged. */
struct reading {
	struct utc at; /* the moment of the instrument's answer */
	double value;
	enum flag flag;
};

/* Only these enter means. */
static inline bool reading_counts(const struct reading *r)
{
	return r->flag == FLAG_NORMAL && isfinite(r->value);
}

#endif
