/* point_series.c - finds a series of a point: the one at dry standard state, or the one that a limit judges. */
#include "core/pipeline_state.h"

struct series *point_dry_series(const struct point_state *point)
{
	return point->n_series > 1 && point->series[1].conf.kind == SERIES_DRY ? &point->series[1] : &point->series[0];
}

const struct series *point_series_of(const struct point_state *point, const struct limit *limit)
{
	for (size_t i = 0; i < point->n_series; i++) {
		if (series_conf_is(&point->series[i].conf, SERIES_CONVERTED, limit->o2_ref)) {
			return &point->series[i];
		}
	}
	return point_dry_series(point);
}
