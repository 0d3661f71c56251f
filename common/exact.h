/* exact.h - sums, products and quotients of decimal readings without binary rounding errors. Pure.
 *
 * A double holds 0.1 or 35.005 only approximately, and a sum of such numbers drifts by a few units of the last place.
 * This drift can make a mean that equals its limit look greater. Here a number is a pair of doubles with some 106 bits,
 * so that the final value is the double nearest to the exact result (T. J. Dekker, Numerische Mathematik 18, 1971).
 *
 * An infinite or NaN operand, and a result beyond the range of a double, give NaN. The code needs IEEE 754 doubles
 * without excess precision; meson.build asks the compiler for them on x86 with 32 bits. */
#ifndef EMIS_COMMON_EXACT_H
#define EMIS_COMMON_EXACT_H

struct exact {
	double value; /* the double nearest to the number */
	double rest;  /* the number minus `value`; at most half a unit of the last place of `value` */
};

/* The number that the double holds, with all its binary digits. */
struct exact exact_of(double value);

/* The decimal number with at most nine digits after the point whose nearest double is `value`, for example exactly
 * 35.005. When there is no such number: exact_of(value). */
struct exact exact_decimal(double value);

struct exact exact_sum(struct exact a, struct exact b);
struct exact exact_difference(struct exact a, struct exact b);
struct exact exact_product(struct exact a, struct exact b);
struct exact exact_quotient(struct exact a, struct exact b);

#endif
