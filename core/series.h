/* series.h - one line of values of a point, and its open and closed periods.
 * A point has a series as measured; a gas point measured wet or at stack conditions has one at dry
 * standard state; and there is one for each reference oxygen that a limit asks for. */
#ifndef EMIS_CORE_SERIES_H
#define EMIS_CORE_SERIES_H

#include "core/mean.h"

enum series_kind { SERIES_MEASURED, SERIES_DRY, SERIES_CONVERTED };

/* measured + dry + three reference oxygens (the catalogue never gives one point more than two) */
#define POINT_SERIES 5

struct series {
	enum series_kind kind;
	double o2_ref; /* of SERIES_CONVERTED; NAN otherwise */
	struct mean_acc minute;
	struct mean_acc next_minute; /* takes readings while `minute` waits for its grace */
	struct mean_acc hour;
	struct mean_acc day;
	struct mean last[PERIOD_COUNT]; /* the newest closed period; .rule is NULL before the first */
};

/* "measured", "dry", "converted" */
const char *series_kind_name(enum series_kind kind);

/* Opens all periods that contain `start`. */
void series_open(struct series *series, enum medium medium, struct utc start, int offset_min);

/* Files a reading under the open minute of its stamp. False when that minute is not open. */
bool series_add(struct series *series, const struct reading *reading);

/* Ends the minute and opens the next. The closed mean is last[PERIOD_MINUTE]. */
void series_close_minute(struct series *series);

/* For SERIES_CONVERTED, whose minute is computed and not averaged. */
void series_set_minute(struct series *series, const struct mean *minute);

/* Carries the closed minute into the hour; when the hour ends with it, closes the hour and
 * carries that into the day. weights[period] is the weight of the closed minute and hour (1 for arithmetic
 * means, NAN when it is not known: then it does not count). Returns the longest period closed.  */
enum period series_roll_up(struct series *series, const double weights[PERIOD_COUNT]);

#endif
