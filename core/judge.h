/* judge.h - a mean against a limit. The unknown comes first and is never OK. */
#ifndef EMIS_CORE_JUDGE_H
#define EMIS_CORE_JUDGE_H

#include "core/limit.h"
#include "core/mean.h"

enum verdict {
	VERDICT_NO_DATA, /* the mean does not count, or a condition of the limit is not known */
	VERDICT_OK,
	VERDICT_EXCEEDED, /* strictly above max or strictly below min */
};

/* How a mean is compared. GB/T 8170 knows both; no standard read here says which (unconfirmed). */
enum rounding {
	ROUNDING_NONE,      /* the full value (全数值比较法) */
	ROUNDING_HALF_EVEN, /* rounded half to even to the decimals of the factor (修约值比较法) */
};

/* Judges a closed mean. It must be a mean of the series at limit->o2_ref, in the limit's unit. */
enum verdict judge_mean(const struct limit *limit, const struct mean *mean, enum rounding rounding, int decimals);

/* A value against the bounds alone, whatever it is a mean of. */
enum verdict judge_value(const struct limit *limit, double value);

/* How much of the limit is used: 1 = at the limit, above 1 = exceeded. For a range, the distance
 * from its middle in halves of its width. NAN when the value is not known. */
double judge_share(const struct limit *limit, double value);

#endif
