/* month_share.h - the share of a month's hours that meet a limit, as a budget of hours that need not.
 * Pure: no I/O, no clock, no allocation; callers serialise.
 *
 * 环大气〔2019〕35号: an outlet is ultra-low when at least 95 % of the hourly means of each month meet the limit. */
#ifndef EMIS_CORE_MONTH_SHARE_H
#define EMIS_CORE_MONTH_SHARE_H

#include "common/time.h"
#include "core/judge.h"

struct month_share {      /* fields are private to month_share.c */
	struct utc start; /* of the month */
	struct utc end;
	struct utc passed; /* hours up to here were counted or had no valid mean */
	unsigned valid;
	unsigned over;
};

/* What the budget looks like; hours. */
struct month_share_view {
	unsigned valid;   /* hours judged so far */
	unsigned over;    /* of them, beyond the limit */
	unsigned allowed; /* in the whole month, if every hour to come is valid: what does not count shrinks it */
	double met;       /* share of the judged hours that met the limit; NAN without any */
	double used;      /* over / allowed; INFINITY when none is allowed and one was used */
	double projected; /* hours beyond the limit at the end of the month if it goes on like this; NAN without any */
};

/* Opens the month that contains `at`. */
void month_share_open(struct month_share *share, struct utc at, int offset_min);

/* One judged hour; VERDICT_NO_DATA passes without counting. Opens the next month first when the hour is in it. */
void month_share_add(struct month_share *share, enum verdict verdict, struct utc hour_start, int offset_min);

/* `needed` is the share that has to be met, 0.95. */
void month_share_view(const struct month_share *share, double needed, struct month_share_view *ret_view);

/* 0 below half of the budget, then 1, 2 (80 %), 3 (all of it used), 4 (more than all: the month has failed). */
int month_share_level(const struct month_share_view *view);

#endif
