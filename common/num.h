/* num.h - numbers read from and written to text. Pure. */
#ifndef EMIS_COMMON_NUM_H
#define EMIS_COMMON_NUM_H

#include <stdbool.h>
#include <stdint.h>

/* Reads a number. False when the whole text is not one finite number; *ret is then untouched. */
bool num_parse_double(const char *text, double *ret);

/* Reads an integer. False when the whole text is not one decimal integer in [min, max]; *ret is then untouched. */
bool num_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret);

#define NUM_TEXT_SIZE 32

/* The shortest decimal form that reads back as the same double: "0.05", "35", "1e+20". buf has NUM_TEXT_SIZE. */
const char *num_format(double value, char *buf);

/* A size in the largest unit that divides it: "2GiB", "1500KiB", "77". buf has NUM_TEXT_SIZE. */
const char *num_format_size(int64_t bytes, char *buf);

/* Reads a size with its unit: "512MiB", "2GiB", "100KiB" or plain bytes. False for any other text; *ret_bytes is
 * then untouched. */
bool num_parse_size(const char *text, int64_t *ret_bytes);

/* The decimal number of `digits` significant digits (1..15) nearest to the value: 34.999999999999997 at 12 digits
 * is 35. Zero, NaN and infinity come back unchanged. */
double num_significant(double value, int digits);

/* The shortest decimal number that the float stands for: 0.05f is 0.05, not 0.05000000074505806. NaN and infinity come
 * back unchanged. */
double num_of_float(float value);

/* The number of digits after the point in the shortest decimal form of the value, at most 9: 0 for 35.0, 2 for 0.05. */
int num_decimals(double value);

/* Rounds half to even at `decimals` digits, as GB/T 8170 does. The decimal value that the double stands for is
 * rounded, so 0.135 becomes 0.14 although its binary form lies below. decimals 0..9. NaN and infinity come back
 * unchanged. */
double num_round_half_even(double value, int decimals);

#endif
