#include "common/num.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

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

bool num_parse_size(const char *text, int64_t *ret_bytes)
{
	static const struct {
		const char *name;
		int shift;
	} units[] = { { "GiB", 30 }, { "MiB", 20 }, { "KiB", 10 }, { "", 0 } };
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

double num_round_half_even(double value, int decimals)
{
	if (!isfinite(value)) {
		return value;
	}
	double unit = pow(10.0, decimals);
	double scaled = value * unit;
	double below = floor(scaled);
	double rest = scaled - below;
	/* A tie is a tie in decimal: allow the few units in the last place that scaling costs. */
	double tolerance = 4.0 * 2.220446049250313e-16 * fmax(fabs(scaled), 1.0);

	if (fabs(rest - 0.5) <= tolerance) {
		return (fmod(below, 2.0) == 0.0 ? below : below + 1.0) / unit;
	}
	return (rest > 0.5 ? below + 1.0 : below) / unit;
}
