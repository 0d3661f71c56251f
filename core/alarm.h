/* alarm.h - the life of an alarm: raised, worsened or continued, cleared.
 *
 * Classes that are never mixed up (design.md, "Judging"): an exceedance is a valid period mean beyond its
 * limit, the legal fact; a warning is about values within the period; a budget is the share of a month's
 * hours that meet a limit; a condition is about the measuring itself. Whatever is judged by a limit whose
 * number nobody has read or confirmed is "unconfirmed", and proves nothing. An alarm's id is made from what
 * it is about, so judging the same period again gives the same alarm. */
#ifndef EMIS_CORE_ALARM_H
#define EMIS_CORE_ALARM_H

#include "core/judge.h"
#include "core/month_share.h"
#include "core/outlet.h"

enum alarm_class { ALARM_EXCEEDANCE, ALARM_WARNING, ALARM_BUDGET, ALARM_CONDITION, ALARM_UNCONFIRMED };

enum alarm_rule {
	/* By limit. */
	RULE_PERIOD_MEAN,    /* exceedance: a valid hour, day or month mean beyond the limit */
	RULE_MINUTES_BEYOND, /* warning: consecutive minute means beyond the limit */
	RULE_APPROACH,       /* warning: the mean so far has used most of the limit */
	RULE_PROJECTED,      /* warning: going on as it does, the period will end beyond the limit */
	RULE_CERTAIN,        /* warning: if the period counts, it is beyond the limit, whatever comes */
	RULE_MONTH_SHARE,    /* budget: half, 80 % or all of the hours that need not meet the limit are used */

	/* By point; conditions. */
	RULE_NO_DATA,          /* no valid minute, because nothing answers */
	RULE_FAULT,            /* no valid minute, because of the instrument's own fault state */
	RULE_LONG_CALIBRATION, /* no valid minute for long, because of calibration */
	RULE_OVER_RANGE,       /* no valid minute, because the value is above the measuring range */
	RULE_CONSTANT,         /* suspicious: the same value for long */
	RULE_NARROW,           /* suspicious: an hour within 2 % of the measuring range */
	RULE_ZERO,             /* suspicious: exactly zero */
	RULE_NEGATIVE,         /* suspicious: below zero */
	RULE_FEW_MINUTES,      /* an hour without enough valid data to count */
	RULE_FEW_HOURS,        /* a day without enough valid data to count */
	RULE_CAPTURE_RATE,     /* too small a part of the quarter's hours is valid */
	RULE_NEAR_AIR,         /* oxygen so near that of air that the reference oxygen makes no sense */
	RULE_COUNT
};

#define RULES_BY_LIMIT (RULE_MONTH_SHARE + 1)
#define RULES_BY_POINT (RULE_COUNT - RULES_BY_LIMIT)

enum alarm_change {
	ALARM_UNCHANGED,
	ALARM_RAISED,
	ALARM_CONTINUED, /* one more period beyond the limit, not worse than before */
	ALARM_WORSENED,
	ALARM_CLEARED
};

struct alarm {
	bool raised;
	struct utc since;      /* start of the period it was raised for; part of its id */
	double worst;          /* the value farthest beyond the limit; NAN for most conditions */
	double severity;       /* of the worst */
	unsigned over;         /* consecutive periods beyond the limit, up to now */
	unsigned calm;         /* consecutive known periods within it */
	struct utc over_start; /* start of the first of the `over` periods */
};

/* What one judged period did to an alarm; pointers live as long as the configuration. */
struct event {
	enum alarm_change change;
	enum alarm_rule rule;
	const struct outlet *outlet;
	const struct point *point;
	const struct limit *limit; /* NULL for conditions */
	struct utc at;             /* when it was found: the end of the minute that was closed last */
	struct utc since;
	double worst;
	double value; /* what was judged: a mean, a projection, a share of the budget or of the quarter; NAN without */
	struct month_share_view share; /* of RULE_MONTH_SHARE */
	struct mean mean;              /* the period that was judged, as far as it is known */
};

#define ALARM_ID_SIZE 256 /* the longest parts give 210 bytes */

/* limit is NULL for conditions. */
enum alarm_class alarm_class_of(enum alarm_rule rule, const struct limit *limit);
const char *alarm_class_name(enum alarm_class alarm_class);
const char *alarm_rule_name(enum alarm_rule rule);
/* False when the name is none. */
bool alarm_rule_from_name(const char *name, enum alarm_rule *ret_rule);
const char *alarm_change_name(enum alarm_change change);

/* "anyang-steel-01/DA001/so2/period-mean/steel.sinter.ultra-low.so2/20260302T000000Z": site, outlet,
 * factor, rule, limit key ("-" for conditions), start of the first period in UTC. */
void alarm_id(char *buf, size_t size, const char *site, const struct event *event);

/* Counts a judged period: `over` grows with VERDICT_EXCEEDED, `calm` with VERDICT_OK; what is
 * not known ends both runs and so neither raises nor clears. */
void alarm_count(struct alarm *alarm, enum verdict verdict, struct utc period_start);

/* Changes the state after alarm_count(): raised once `over` reaches need, cleared once `calm` does.
 * `severity` says how bad the value is: more of it than before is worse. */
enum alarm_change alarm_step(struct alarm *alarm, double value, double severity, unsigned need);

/* What it was about has ended: cleared if it was raised. */
enum alarm_change alarm_end(struct alarm *alarm);

#endif
