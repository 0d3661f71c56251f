#include "core/judge.h"

#include <math.h>

#include "common/num.h"

/* A mean comes out of core/mean.c as the double nearest to the exact one, so that most equal means are equal already.
 * What is left, of flow weights, of dry basis and standard state, and of months that were put together again from
 * stored days, is a few units of the 16th digit. Half a unit of the 12th is some 5,000 times as much. It is no mean's
 * difference from its limit either: readings of at most 7 digits make means of an hour (720 of them) that differ by
 * 1e-10 of their size or not at all. */
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
		return VERDICT_NO_DATA; /* what is not known is never OK */
	}
	/* "exceeds" (超过) in every standard read: a mean equal to the limit holds it. */
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
