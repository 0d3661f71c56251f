#include "core/month_share.h"

#include <math.h>
#include <string.h>

void month_share_open(struct month_share *share, struct utc at, int offset_min)
{
	memset(share, 0, sizeof(*share));
	share->start = time_month(at, offset_min);
	share->end = time_next_month(at, offset_min);
	share->passed = share->start;
}

void month_share_add(struct month_share *share, enum verdict verdict, struct utc hour_start, int offset_min)
{
	if (hour_start.ms >= share->end.ms) {
		month_share_open(share, hour_start, offset_min);
	}
	share->passed.ms = hour_start.ms + HOUR_MS;
	share->valid += verdict != VERDICT_NO_DATA;
	share->over += verdict == VERDICT_EXCEEDED;
}

void month_share_view(const struct month_share *share, double needed, struct month_share_view *ret_view)
{
	unsigned to_come = (unsigned)((share->end.ms - share->passed.ms) / HOUR_MS);
	double hours = share->valid + to_come;
	struct month_share_view v = { .valid = share->valid, .over = share->over, .met = NAN, .projected = NAN };

	/* 5 % of 740 hours is 37, but in binary 1 - 0.95 is a little more or less than 0.05. */
	v.allowed = (unsigned)floor((1.0 - needed) * hours + 1e-6);
	if (share->valid > 0) {
		v.met = 1.0 - (double)share->over / share->valid;
		v.projected = hours * share->over / share->valid;
	}
	if (v.allowed > 0) {
		v.used = (double)v.over / v.allowed;
	} else {
		v.used = v.over > 0 ? INFINITY : 0.0;
	}
	*ret_view = v;
}

int month_share_level(const struct month_share_view *view)
{
	if (view->over == 0) {
		return 0;
	}
	return (view->used >= 0.5) + (view->used >= 0.8) + (view->used >= 1.0) + (view->used > 1.0);
}
