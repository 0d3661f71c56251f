#include "core/judge.h"

#include <math.h>

#include "common/num.h"

/* core/mean.c makes the double nearest to the exact mean, so most means that equal their limit are equal already.
 * Errors remain from flow weights, from dry basis and standard state, and from months that were put together again
 * from stored days: a few units of the 16th digit. Half a unit of the 12th digit is some 5,000 times as much. No
 * real difference between a mean and its limit is that small: readings of at most 7 digits make means of an hour
 * (720 readings) that differ by 1e-10 of their size or not at all. */
#define JUDGED_DIGITS 12

double judge_number(const struct limit *limit, double value, enum rounding rounding)
{
	double number = num_significant(value, JUDGED_DIGITS);

	return rounding == ROUNDING_HALF_EVEN ? num_round_half_even(number, limit->digits) : number;
}

enum verdict judge_value(const struct limit *limit, double value, enum rounding rounding)
{
	double number = judge_number(limit, value, rounding);

	if (!isfinite(number)) {
		return VERDICT_NO_DATA; /* an unknown value is never OK */
	}
	/* "exceeds" (超过) in every standard that was read: a mean equal to the limit meets it. */
	if (number > limit->max || number < limit->min) {
		return VERDICT_EXCEEDED;
	}
	return VERDICT_OK;
}

enum verdict judge_mean(const struct limit *limit, const struct mean *mean, enum rounding rounding)
{
	return mean->valid ? judge_value(limit, mean->value, rounding) : VERDICT_NO_DATA;
}

double judge_severity(const struct limit *limit, double value, enum rounding rounding)
{
	double number = judge_number(limit, value, rounding);

	if (isnan(limit->min)) {
		return number / limit->max;
	}
	if (isnan(limit->max)) {
		return limit->min / number;
	}
	double half = (limit->max - limit->min) / 2.0;

	return num_significant(fabs(number - (limit->min + half)) / half, JUDGED_DIGITS);
}
