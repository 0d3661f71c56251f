#include "core/judge.h"

#include <math.h>

#include "common/num.h"

enum verdict judge_value(const struct limit *limit, double value)
{
	if (!isfinite(value)) {
		return VERDICT_NO_DATA; /* what is not known is never OK */
	}
	/* "exceeds" (超过) in every standard read: a mean equal to the limit holds it. */
	if (value > limit->max || value < limit->min) {
		return VERDICT_EXCEEDED;
	}
	return VERDICT_OK;
}

enum verdict judge_mean(const struct limit *limit, const struct mean *mean, enum rounding rounding, int decimals)
{
	if (!mean->valid) {
		return VERDICT_NO_DATA;
	}
	return judge_value(
		limit, rounding == ROUNDING_HALF_EVEN ? num_round_half_even(mean->value, decimals) : mean->value);
}

double judge_share(const struct limit *limit, double value)
{
	if (isnan(limit->min)) {
		return value / limit->max;
	}
	if (isnan(limit->max)) {
		return limit->min / value;
	}
	double half = (limit->max - limit->min) / 2.0;

	return fabs(value - (limit->min + half)) / half;
}
