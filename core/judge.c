#include "core/judge.h"

#include <math.h>

enum verdict judge_mean(const struct limit *limit, const struct mean *mean)
{
	if (!mean->valid || !isfinite(mean->value)) {
		return VERDICT_NO_DATA; /* what is not known is never OK */
	}
	/* "exceeds" (超过) in every standard read: a mean equal to the limit holds it. */
	if (mean->value > limit->max || mean->value < limit->min) {
		return VERDICT_EXCEEDED;
	}
	return VERDICT_OK;
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
