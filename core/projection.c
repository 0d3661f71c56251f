#include "core/projection.h"

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
	double slope = (n * outlook->sum_tv - outlook->sum_t * sum) / spread;
	double at_zero = (sum - slope * outlook->sum_t) / n;
	for (unsigned t = outlook->passed; t < outlook->due; t++) {
		sum += fmax(0.0, at_zero + slope * t);
	}
	return sum / (n + (outlook->due - outlook->passed));
}

/* Proof. Let S be the sum of the n valid values so far and r the number of values to come. Of these, m <= r will be
 * valid, with a sum T >= m * least. The mean will be (S + T) / (n + m) >= (S + m * least) / (n + m). As m grows from 0
 * to r, that is a mean of S / n and `least` in which `least` weighs more and more, so it moves one way: it is never
 * below the lower of S / n (m = 0) and (S + r * least) / (n + r) (m = r).
 *
 * Sums and quotients here and in mean.c are exact to 2^-100; the mean that will be judged is rounded to a double once,
 * by 2^-53 of its size. The margin is 9,000 times as much. */
double outlook_lowest(const struct outlook *outlook, const struct mean_acc *acc, double least)
{
	unsigned left = outlook->due > outlook->passed ? outlook->due - outlook->passed : 0;
	double largest = fmax(fmax(fabs(acc->min), fabs(acc->max)), fabs(least));

	if (acc->n_valid == 0) {
		return NAN;
	}
	struct exact to_come = exact_product(exact_decimal(least), exact_of(left));
	struct exact all = exact_quotient(exact_sum(acc->sum, to_come), exact_of(acc->n_valid + left));
	struct exact so_far = exact_quotient(acc->sum, exact_of(acc->n_valid));
	return fmin(all.value, so_far.value) - 1e-12 * largest;
}
