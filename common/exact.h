/* exact.h - sums, products and quotients of decimal readings without the noise of binary arithmetic. Pure.
 *
 * A double holds 0.1 or 35.005 only nearly, and sums of such numbers drift by a few units of the last place: enough to
 * make a mean that equals its limit look greater. Here a number is a pair of doubles, some 106 bits, so that the value
 * that comes out at the end is the double nearest to the exact result (T. J. Dekker, Numerische Mathematik 18, 1971).
 *
 * Infinite and NaN numbers, and results beyond the range of a double, make NaN. Needs IEEE 754 doubles without excess
 * precision: meson.build asks for them on x86 with 32 bits. */
#ifndef EMIS_COMMON_EXACT_H
#define EMIS_COMMON_EXACT_H

struct exact {
	double value; /* the double nearest to the number */
	double rest;  /* the number less `value`, at most half a unit of its last place */
};

/* The number that the double holds, to the last bit. */
struct exact exact_of(double value);

/* The decimal number of at most nine digits after the point whose nearest double is `value`, for example
 * exactly 35.005; without one, the number that the double holds. */
struct exact exact_decimal(double value);

struct exact exact_sum(struct exact a, struct exact b);
struct exact exact_difference(struct exact a, struct exact b);
struct exact exact_product(struct exact a, struct exact b);
struct exact exact_quotient(struct exact a, struct exact b);

#endif
