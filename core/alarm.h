/* alarm.h - the life of an alarm: raised, worsened or continued, cleared.
 *
 * The classes are kept apart (design.md, "Judging"). An exceedance is a valid period mean beyond its limit, the legal
 * fact. A warning is about values within an open period. A budget alarm is about the hours of a month that need not
 * meet a limit. A condition is about the measurement itself. Every alarm by a limit whose number nobody has read or
 * confirmed is "unconfirmed", and proves nothing.
 *
 * An alarm's id is made from its subject and its first period, so judging the same period again gives the same
 * alarm. */
#ifndef EMIS_CORE_ALARM_H
#define EMIS_CORE_ALARM_H

#include "core/judge.h"
#include "core/month_share.h"
#include "core/outlet.h"

enum alarm_class { ALARM_EXCEEDANCE, ALARM_WARNING, ALARM_BUDGET, ALARM_CONDITION, ALARM_UNCONFIRMED };

enum alarm_rule {
	/* Rules about a limit. */
	RULE_PERIOD_MEAN,    /* exceedance: a valid hour, day or month mean beyond the limit */
	RULE_MINUTES_BEYOND, /* warning: consecutive minute means beyond the limit */
	RULE_APPROACH,       /* warning: the mean so far has reached a set fraction of the limit */
	RULE_PROJECTED,      /* warning: if the trend continues, the period ends beyond the limit */
	RULE_CERTAIN,        /* warning: whatever follows, the period is beyond the limit if it counts */
	RULE_MONTH_SHARE,    /* budget: half, 80 % or all of the hours that need not meet the limit are used */

	/* Rules about a point: conditions. */
	RULE_NO_DATA,          /* no valid minute, because the instrument does not answer */
	RULE_FAULT,            /* no valid minute, because of the instrument's own fault state */
	RULE_LONG_CALIBRATION, /* no valid minute for a long time, because of calibration */
	RULE_OVER_RANGE,       /* no valid minute, because the value is above the measuring range */
	RULE_CONSTANT,         /* suspicious: the same value for a long time */
	RULE_NARROW,           /* suspicious: the values of an hour vary within 2 % of the measuring range */
	RULE_ZERO,             /* suspicious: exactly zero */
	RULE_NEGATIVE,         /* suspicious: below zero */
	RULE_FEW_MINUTES,      /* an hour without enough valid data to count */
	RULE_FEW_HOURS,        /* a day without enough valid data to count */
	RULE_CAPTURE_RATE,     /* too few of the quarter's hours are valid */
	RULE_NEAR_AIR,         /* oxygen so near that of air that conversion to the reference oxygen makes no sense */
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
	struct utc since;        /* start of the period it was raised for; part of its id */
	double worst;            /* the value farthest beyond the limit; NAN for most conditions */
	double severity;         /* severity of the worst value */
	unsigned periods_over;   /* consecutive periods beyond the limit, up to now */
	unsigned periods_within; /* consecutive periods within the limit, up to now */
	struct utc first_over;   /* start of the first of the `periods_over` periods */
};

/* The effect of one judged period on an alarm; pointers live as long as the configuration. */
struct event {
	enum alarm_change change;
	enum alarm_rule rule;
	const struct outlet *outlet;
	const struct point *point;
	const struct limit *limit; /* NULL for conditions */
	struct utc at;             /* time of the event: the end of the minute that was closed last */
	struct utc since;
	double worst;
	/* The number that was judged: a mean, a projection, the used part of the budget, the capture rate; or NAN. */
	double value;
	struct month_share_view share; /* of RULE_MONTH_SHARE */
	struct mean mean;              /* the period that was judged, as far as it is known */
};

#define ALARM_ID_SIZE 256 /* the longest parts give 210 bytes */

/* The class of an alarm; limit is NULL for conditions. */
enum alarm_class alarm_class_of(enum alarm_rule rule, const struct limit *limit);
const char *alarm_class_name(enum alarm_class alarm_class);
const char *alarm_rule_name(enum alarm_rule rule);
/* False when no rule has this name. */
bool alarm_rule_from_name(const char *name, enum alarm_rule *ret_rule);
const char *alarm_change_name(enum alarm_change change);

/* Writes the id of an alarm, cut to size:
 * "anyang-steel-01/DA001/so2/period-mean/steel.sinter.ultra-low.so2/20260302T000000Z". The parts are site, outlet,
 * factor, rule, limit key ("-" for conditions) and start of the first period in UTC. */
void alarm_id(char *buf, size_t size, const char *site, const struct event *event);

/* Counts a judged period: `periods_over` grows with VERDICT_EXCEEDED, `periods_within` with VERDICT_OK.
 * VERDICT_NO_DATA ends both runs, so an unknown period neither raises nor clears the alarm. */
void alarm_count(struct alarm *alarm, enum verdict verdict, struct utc period_start);

/* Changes the state after alarm_count(): raised once `periods_over` reaches needed, cleared once `periods_within`
 * does. `severity` says how bad the value is; the alarm worsens when it is higher than before. */
enum alarm_change alarm_step(struct alarm *alarm, double value, double severity, unsigned needed);

/* Ends the alarm because its period or month is over. ALARM_CLEARED if it was raised, else ALARM_UNCHANGED. */
enum alarm_change alarm_end(struct alarm *alarm);

#endif
