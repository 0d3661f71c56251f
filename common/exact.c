#include "common/exact.h"

#include <math.h>
#include <stddef.h>

#include "common/array.h"

#define EXACT_INTEGER 9007199254740992.0 /* 2^53: a double holds every integer up to here */

/* a + b as a pair (Dekker); |a| >= |b| is required. */
static struct exact fast_two_sum(double a, double b)
{
	double sum = a + b;

	return (struct exact){ sum, b - (sum - a) };
}

/* a + b as a pair, for any a and b (D. E. Knuth, The Art of Computer Programming 2, 4.2.2). */
static struct exact two_sum(double a, double b)
{
	double sum = a + b, of_b = sum - a;

	return (struct exact){ sum, (a - (sum - of_b)) + (b - of_b) };
}

struct exact exact_of(double value)
{
	return (struct exact){ value, 0.0 };
}

struct exact exact_decimal(double value)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };

	for (size_t i = 0; i < ARRAY_SIZE(powers); i++) {
		double digits = rint(value * powers[i]);
		if (!(fabs(digits) < EXACT_INTEGER)) {
			break;
		}
		if (digits / powers[i] == value) {
			/* digits - value * power fits in a double, so fma computes it without rounding. */
			return (struct exact){ value, fma(-value, powers[i], digits) / powers[i] };
		}
	}
	return exact_of(value);
}

struct exact exact_sum(struct exact a, struct exact b)
{
	struct exact high = two_sum(a.value, b.value), low = two_sum(a.rest, b.rest);

	high = fast_two_sum(high.value, high.rest + low.value);
	return fast_two_sum(high.value, high.rest + low.rest);
}

struct exact exact_difference(struct exact a, struct exact b)
{
	return exact_sum(a, (struct exact){ -b.value, -b.rest });
}

struct exact exact_product(struct exact a, struct exact b)
{
	double product = a.value * b.value;
	double rest = fma(a.value, b.value, -product);

	return fast_two_sum(product, rest + (a.value * b.rest + a.rest * b.value));
}

/* Long division in two steps: the first quotient gives 53 bits, its remainder gives the next 53. */
struct exact exact_quotient(struct exact a, struct exact b)
{
	double first = a.value / b.value;
	struct exact left = exact_difference(a, exact_product(b, exact_of(first)));

	return fast_two_sum(first, left.value / b.value);
}
