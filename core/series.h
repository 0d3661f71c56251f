/* series.h - one line of values of a point, and its open and closed periods.
 * A point has a series as measured; a gas point measured wet or at stack conditions has one at dry
 * standard state; and there is one for each reference oxygen that a limit asks for. */
#ifndef EMIS_CORE_SERIES_H
#define EMIS_CORE_SERIES_H

#include "core/mean.h"

enum series_kind { SERIES_MEASURED, SERIES_DRY, SERIES_CONVERTED };

/* measured + dry + four reference oxygens (the catalogue never gives one point more than three) */
#define POINT_SERIES 6

struct series_conf {
	enum series_kind kind;
	double o2_ref; /* of SERIES_CONVERTED; NAN otherwise */
	enum medium medium;
	int offset_min;   /* of the wall clock that periods follow */
	int64_t cycle_ms; /* of an analyser that makes a result now and then; 0 for the others */
	bool total;       /* sums instead of means: volumes */
	size_t n_open;    /* minutes that take readings at a time; 0 when minutes come computed */
};

struct series {
	struct series_conf conf;
	struct mean_acc *open; /* ring of conf.n_open minutes */
	size_t first;          /* the oldest of them */
	struct mean_acc hour;
	struct mean_acc day;
	struct mean_acc month;
	struct mean last[PERIOD_COUNT]; /* the newest closed period; .rule is NULL before the first */
};

/* "measured", "dry", "converted" */
const char *series_kind_name(enum series_kind kind);
/* False when the name is none. */
bool series_kind_from_name(const char *name, enum series_kind *ret_kind);

/* The series is of this kind, at this reference oxygen (%; NAN without one). */
bool series_conf_is(const struct series_conf *conf, enum series_kind kind, double o2_ref);

/* Opens all periods that contain `start`. Allocates the ring; false when out of memory. */
bool series_init(struct series *series, const struct series_conf *conf, struct utc start);
void series_finish(struct series *series);

/* Files a reading that stands for `times` readings under the open minute of its stamp. False when that
 * minute is not open. */
bool series_add(struct series *series, const struct reading *reading, unsigned times);

/* The oldest open minute. Not for series whose minutes come computed. */
const struct mean_acc *series_minute(const struct series *series);

/* Ends that minute and opens one more. The closed mean is last[PERIOD_MINUTE]. */
void series_close_minute(struct series *series);

/* A closed period that was computed, and not averaged from the one below. */
void series_set(struct series *series, enum period period, const struct mean *mean);

/* Carries the closed period into the one above, which is an hour, a day or a month. `weight` is its
 * weight there (1 for arithmetic means; NAN when it is not known, or below zero: then it does not count). True when
 * the period above ended with it and was closed. Nothing that was neither due nor seen is carried. */
bool series_carry(struct series *series, enum period period, double weight);

#endif
