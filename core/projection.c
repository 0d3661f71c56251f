#include "core/projection.h"

#include <math.h>
#include <string.h>

void projection_open(struct projection *projection, unsigned due, unsigned passed)
{
	memset(projection, 0, sizeof(*projection));
	projection->passed = passed;
	projection->due = due;
}

void projection_add(struct projection *projection, double value, bool counts)
{
	double t = projection->passed++;

	if (!counts || !isfinite(value)) {
		return;
	}
	projection->n++;
	projection->sum += value;
	projection->sum_t += t;
	projection->sum_tt += t * t;
	projection->sum_tv += t * value;
}

bool projection_is_ready(const struct projection *projection)
{
	return 4 * projection->n >= projection->due;
}

double projection_value(const struct projection *projection)
{
	double n = projection->n;
	double spread = n * projection->sum_tt - projection->sum_t * projection->sum_t;
	double sum = projection->sum;

	if (projection->n < 2 || projection->passed > projection->due) {
		return NAN;
	}
	double slope = (n * projection->sum_tv - projection->sum_t * sum) / spread;
	double at_zero = (sum - slope * projection->sum_t) / n;
	for (unsigned t = projection->passed; t < projection->due; t++) {
		sum += fmax(0.0, at_zero + slope * t);
	}
	return sum / (n + (projection->due - projection->passed));
}

/* Proof. Let S be the sum of the n valid values so far and r the number of values to come. Of these, m <= r will be
 * valid, with a sum T >= m * least. The mean will be (S + T) / (n + m) >= (S + m * least) / (n + m). The right side is
 * a mean of S / n and `least`, in which the weight of `least` grows with m. From m = 0 to m = r it therefore only rises
 * or only falls, and is never below the lower of S / n (m = 0) and (S + r * least) / (n + r) (m = r).
 *
 * Sums and quotients here and in mean.c are exact to 2^-100; the mean that will be judged is rounded to a double
 * once, by 2^-53 of its size. The margin of 1e-12 is 9,000 times as much. */
double projection_lowest(const struct projection *projection, const struct mean_acc *acc, double least)
{
	unsigned left = projection->due > projection->passed ? projection->due - projection->passed : 0;
	double largest = fmax(fmax(fabs(acc->min), fabs(acc->max)), fabs(least));

	if (acc->n_valid == 0) {
		return NAN;
	}
	struct exact to_come = exact_product(exact_decimal(least), exact_of(left));
	struct exact all = exact_quotient(exact_sum(acc->sum, to_come), exact_of(acc->n_valid + left));
	struct exact so_far = exact_quotient(acc->sum, exact_of(acc->n_valid));
	return fmin(all.value, so_far.value) - 1e-12 * largest;
}
