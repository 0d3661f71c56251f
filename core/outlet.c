#include "core/outlet.h"

#include <string.h>

#include "core/convert.h"

double point_in_unit(const struct point *point, double given)
{
	double value = given;

	if (point->pitot_kp > 0.0) {
		value = convert_pitot(point->pitot_kp, value, point->gas_density);
	}
	if (point->field_coefficient > 0.0) {
		value = convert_velocity(point->field_coefficient, value);
	}
	if (point->slope > 0.0) {
		value = convert_calibrated(value, point->slope, point->intercept);
	}
	return point->ppm ? convert_ppm(value, point->factor->molar_mass) : value;
}

int outlet_point(const struct outlet *outlet, const char *factor)
{
	for (size_t i = 0; i < outlet->n_points; i++) {
		if (strcmp(outlet->points[i].factor->key, factor) == 0) {
			return (int)i;
		}
	}
	return -1;
}

static int period_rank(const struct limit *limit)
{
	static const int ranks[] = { [LIMIT_HOUR] = 0, [LIMIT_DAY] = 1, [LIMIT_MONTH] = 2, [LIMIT_INSTANT] = 3 };

	return ranks[limit->period];
}

bool outlet_falls_under(const struct outlet *outlet, const struct limit *limit)
{
	bool covered = limit_covers_sector(limit, outlet->sector);

	for (size_t i = 0; i < OUTLET_SECTORS && outlet->also_sectors[i][0]; i++) {
		covered |= limit_covers_sector(limit, outlet->also_sectors[i]);
	}
	return covered;
}

bool outlet_takes(const struct outlet *outlet, enum medium medium)
{
	return medium == outlet->medium || medium == MEDIUM_PROCESS;
}

const struct limit *outlet_strictest(const struct outlet *outlet, const struct point *point, struct utc at)
{
	const struct limit *strictest = NULL;

	for (size_t i = 0; i < point->n_limits; i++) {
		const struct limit *limit = point->limits[i];
		if (!limit_in_force(limit, outlet->built, at)) {
			continue;
		}
		if (!strictest || period_rank(limit) < period_rank(strictest) ||
			(period_rank(limit) == period_rank(strictest) && limit->max < strictest->max)) {
			strictest = limit;
		}
	}
	return strictest;
}
