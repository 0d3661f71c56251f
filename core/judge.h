/* judge.h - judges a mean against a limit. An unknown value is handled first and is never OK.
 *
 * The verdict, the ratio to the limit and the printed value all use the same number, judge_number(). */
#ifndef EMIS_CORE_JUDGE_H
#define EMIS_CORE_JUDGE_H

#include "core/limit.h"
#include "core/mean.h"

enum verdict {
	VERDICT_NO_DATA, /* the mean does not count, or a condition of the limit is not known */
	VERDICT_OK,
	VERDICT_EXCEEDED, /* strictly above max or strictly below min */
};

/* How a mean is compared: the two methods of GB/T 8170-2008, 4.3. No standard that was read says which one applies
 * (unconfirmed). */
enum rounding {
	ROUNDING_NONE,      /* 4.3.2, the full value (全数值比较法) */
	ROUNDING_HALF_EVEN, /* 4.3.3, rounded half to even to the digits of the limit (修约值比较法) */
};

/* The number that is judged: the value without binary rounding errors, so that a mean that equals its limit in
 * decimal arithmetic equals it here, and rounded if the site asks for it. NAN for NAN. */
double judge_number(const struct limit *limit, double value, enum rounding rounding);

/* Judges a closed mean of the series at limit->o2_ref, in the limit's unit. */
enum verdict judge_mean(const struct limit *limit, const struct mean *mean, enum rounding rounding);

/* Judges a value by the bounds of the limit alone, whatever period it stands for. VERDICT_NO_DATA for NAN. */
enum verdict judge_value(const struct limit *limit, double value, enum rounding rounding);

/* The severity: the ratio of the value to the limit. 1 = at the limit, above 1 = exceeded. For a range, the distance
 * from its middle in halves of its width. NAN when the value is not known. */
double judge_severity(const struct limit *limit, double value, enum rounding rounding);

#endif
