/* series.h - a series: values of a point in one state, with its open and closed periods.
 * A point has a series as measured; a gas point measured wet or at stack conditions has a second one at dry standard
 * state; each reference oxygen that a limit asks for adds one. */
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
	int64_t cycle_ms; /* between results of an analyser that gives one only now and then; 0 for the others */
	bool total;       /* sums instead of means: for volumes */
	size_t n_open;    /* minutes that are open at a time; 0 when the minutes are computed */
};

struct series {
	struct series_conf conf;
	struct mean_acc *open; /* ring of conf.n_open minutes */
	size_t first;          /* index of the oldest open minute */
	struct mean_acc hour;
	struct mean_acc day;
	struct mean_acc month;
	struct mean last[PERIOD_COUNT]; /* the newest closed period; .rule is NULL before the first */
};

/* "measured", "dry", "converted" */
const char *series_kind_name(enum series_kind kind);
/* False when no kind has this name. */
bool series_kind_from_name(const char *name, enum series_kind *ret_kind);

/* True when the series is of this kind, at this reference oxygen (%; NAN without one). */
bool series_conf_is(const struct series_conf *conf, enum series_kind kind, double o2_ref);

/* Opens all periods that contain `start`. Allocates the ring, which series_finish() frees; false when out of memory. */
bool series_init(struct series *series, const struct series_conf *conf, struct utc start);
void series_finish(struct series *series);

/* Adds a reading, which stands for `times` readings, to the open minute of its stamp. False when that minute is not
 * open. */
bool series_add(struct series *series, const struct reading *reading, unsigned times);

/* The oldest open minute, borrowed. Not for series whose minutes are computed. */
const struct mean_acc *series_minute(const struct series *series);

/* Closes the oldest open minute and opens a new one. The closed mean is last[PERIOD_MINUTE]. */
void series_close_minute(struct series *series);

/* Sets a closed period that was computed, and not averaged from shorter ones. */
void series_set(struct series *series, enum period period, const struct mean *mean);

/* Adds the newest closed period to the next longer one: an hour, a day or a month. `weight` is its weight there: 1
 * for arithmetic means; when it is NAN (not known) or below zero, the period does not count. A period in which no
 * sub-value was due or seen is not added. True when the longer period ended with it and was closed. */
bool series_carry(struct series *series, enum period period, double weight);

#endif
