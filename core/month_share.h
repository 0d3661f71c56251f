/* month_share.h - the share of a month's hours that meet a limit, and the budget: the hours that need not meet it.
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
	struct utc passed; /* all hours up to here were counted or had no valid mean */
	unsigned valid;    /* hours with a valid mean */
	unsigned over;     /* valid hours beyond the limit */
};

/* The share and the budget of a month so far; in hours. */
struct month_share_view {
	unsigned valid; /* hours judged so far */
	unsigned over;  /* judged hours beyond the limit */
	/* The budget of the whole month if every hour to come is valid; hours without a valid mean make it smaller. */
	unsigned allowed;
	double met;       /* share of the judged hours that met the limit; NAN without any judged hour */
	double used;      /* over / allowed; INFINITY when 0 hours are allowed and one was used */
	double projected; /* hours beyond the limit at the end of the month, at the rate so far; NAN as for met */
};

/* Opens the month that contains `at`. */
void month_share_open(struct month_share *share, struct utc at, int offset_min);

/* Counts one judged hour; an hour with VERDICT_NO_DATA passes and is not counted. Opens the next month first when
 * the hour lies in it. */
void month_share_add(struct month_share *share, enum verdict verdict, struct utc hour_start, int offset_min);

/* Sets *ret_view; `needed` is the share that has to be met, 0.95. */
void month_share_view(const struct month_share *share, double needed, struct month_share_view *ret_view);

/* The used part of the budget in steps: 0 = below half, 1 = half, 2 = 80 %, 3 = all of it, 4 = more than all: the
 * month has failed. */
int month_share_level(const struct month_share_view *view);

#endif
