#include "common/num.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

#define MOST_DECIMALS 9
#define LOG10_OF_2 0.30102999566398120

bool num_parse_double(const char *text, double *ret)
{
	char *end;

	if (*text == '\0' || strspn(text, "+-.0123456789eE") != strlen(text)) {
		return false;
	}
	double value = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(value)) {
		return false;
	}
	*ret = value;
	return true;
}

bool num_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char *end;

	if (*text == '\0' || strspn(text, "-0123456789") != strlen(text)) {
		return false;
	}
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno || *end != '\0' || value < min || value > max) {
		return false;
	}
	*ret = value;
	return true;
}

static const struct {
	const char *name;
	int shift;
} units[] = { { "GiB", 30 }, { "MiB", 20 }, { "KiB", 10 }, { "", 0 } };

bool num_parse_size(const char *text, int64_t *ret_bytes)
{
	char digits[16];
	size_t n = strspn(text, "0123456789");
	int64_t number;

	if (n == 0 || n >= sizeof(digits)) {
		return false;
	}
	memcpy(digits, text, n);
	digits[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + n, units[i].name) == 0 &&
			num_parse_int(digits, 0, INT64_MAX >> units[i].shift, &number)) {
			*ret_bytes = number << units[i].shift;
			return true;
		}
	}
	return false;
}

const char *num_format(double value, char *buf)
{
	int digits = 1;

	for (; digits <= 17; digits++) {
		snprintf(buf, NUM_TEXT_SIZE, "%.*e", digits - 1, value);
		if (strtod(buf, NULL) == value) {
			break;
		}
	}
	const char *power = strchr(buf, 'e'); /* NULL for infinity and NaN */
	long exponent = power ? strtol(power + 1, NULL, 10) : 99;
	if (exponent >= -5 && exponent < 15) {
		int decimals = digits - 1 - (int)exponent;
		snprintf(buf, NUM_TEXT_SIZE, "%.*f", decimals > 0 ? decimals : 0, value);
	}
	return buf;
}

const char *num_format_size(int64_t bytes, char *buf)
{
	size_t i = 0;

	while (bytes % ((int64_t)1 << units[i].shift) != 0) {
		i++; /* ends at the last unit at the latest: every size is a whole number of bytes */
	}
	snprintf(buf, NUM_TEXT_SIZE, "%" PRId64 "%s", bytes >> units[i].shift, units[i].name);
	return buf;
}

#define EXACT_POWERS 22 /* 10^22 is the largest power of ten that a double holds exactly */

static const double powers[EXACT_POWERS + 1] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
	1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

double num_significant(double value, int digits)
{
	char text[32];

	if (!isfinite(value) || value == 0.0) {
		return value;
	}
	int exponent;
	(void)frexp(value, &exponent);
	/* 2^(exponent - 1) <= |value| < 2^exponent, so `decimals` is right or one too large. */
	int decimals = digits - 1 - (int)floor((exponent - 1) * LOG10_OF_2);
	if (decimals > 0 && decimals <= EXACT_POWERS) {
		decimals -= fabs(value) * powers[decimals] >= powers[digits];
		/* The integer (below 2^53) and the power of ten are both exact, so the quotient is the nearest
		 * double. */
		return rint(value * powers[decimals]) / powers[decimals];
	}
	snprintf(text, sizeof(text), "%.*e", digits - 1, value);
	return strtod(text, NULL);
}

double num_of_float(float value)
{
	if (!isfinite(value)) {
		return (double)value;
	}
	for (int i = 0; i <= MOST_DECIMALS; i++) {
		double decimal = rint((double)value * powers[i]) / powers[i];
		if ((float)decimal == value) {
			return decimal;
		}
	}
	return (double)value; /* no number with nine digits after the point becomes this float */
}

int num_decimals(double value)
{
	int decimals = 0;

	while (decimals < MOST_DECIMALS && rint(value * powers[decimals]) / powers[decimals] != value) {
		decimals++;
	}
	return decimals;
}

double num_round_half_even(double value, int decimals)
{
	if (!isfinite(value)) {
		return value;
	}
	double unit = powers[decimals];
	double scaled = value * unit;
	double below = floor(scaled);
	double rest = scaled - below;
	/* Scaling can move a decimal tie by a few units of the last place. */
	double tolerance = 4.0 * 2.220446049250313e-16 * fmax(fabs(scaled), 1.0);

	if (fabs(rest - 0.5) <= tolerance) {
		return (fmod(below, 2.0) == 0.0 ? below : below + 1.0) / unit;
	}
	return (rest > 0.5 ? below + 1.0 : below) / unit;
}
