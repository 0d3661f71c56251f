#include "core/outlook.h"

#include <math.h>
#include <string.h>

void outlook_open(struct outlook *outlook, unsigned due, unsigned passed)
{
	memset(outlook, 0, sizeof(*outlook));
	outlook->passed = passed;
	outlook->due = due;
}

void outlook_add(struct outlook *outlook, double value, bool counts)
{
	double t = outlook->passed++;

	if (!counts || !isfinite(value)) {
		return;
	}
	outlook->n++;
	outlook->sum += value;
	outlook->sum_t += t;
	outlook->sum_tt += t * t;
	outlook->sum_tv += t * value;
}

bool outlook_speaks(const struct outlook *outlook)
{
	return 4 * outlook->n >= outlook->due;
}

double outlook_projected(const struct outlook *outlook)
{
	double n = outlook->n;
	double spread = n * outlook->sum_tt - outlook->sum_t * outlook->sum_t;
	double sum = outlook->sum;

	if (outlook->n < 2 || outlook->passed > outlook->due) {
		return NAN;
	}
	double slope = (n * outlook->sum_tv - outlook->sum_t * outlook->sum) / spread;
	double at_zero = (outlook->sum - slope * outlook->sum_t) / n;
	for (unsigned t = outlook->passed; t < outlook->due; t++) {
		sum += fmax(0.0, at_zero + slope * t);
	}
	return sum / (n + (outlook->due - outlook->passed));
}

/* Proof that no completion is lower. Let S be the sum of the n valid values so far and r the number of values still
 * to come. Of these, m <= r will be valid, with a sum T >= 0, since a concentration is not negative. The mean will be
 * (S + T) / (n + m). For S >= 0 it falls with growing m and rises with T, so (S + T) / (n + m) >= S / (n + m) >=
 * S / (n + r), which is reached by T = 0, m = r. For S < 0 it would rise with m; then S / n bounds it. */
double outlook_lowest(const struct outlook *outlook)
{
	unsigned left = outlook->due > outlook->passed ? outlook->due - outlook->passed : 0;

	if (outlook->n == 0) {
		return NAN;
	}
	return outlook->sum >= 0.0 ? outlook->sum / (outlook->n + left) : outlook->sum / outlook->n;
}
