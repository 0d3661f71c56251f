/* alarm.h - the life of an alarm: raised, worsened or continued, cleared.
 *
 * Three classes that are never mixed up (design.md, "Judging"): an exceedance is a valid period mean
 * beyond its limit, the legal fact; a warning is about values within the period; a condition is about
 * the measuring itself. An alarm's id is made from what it is about, so judging the same period again
 * gives the same alarm. */
#ifndef EMIS_CORE_ALARM_H
#define EMIS_CORE_ALARM_H

#include "core/judge.h"
#include "core/outlet.h"

enum alarm_class { ALARM_EXCEEDANCE, ALARM_WARNING, ALARM_CONDITION };

enum alarm_rule {
	RULE_PERIOD_MEAN,    /* exceedance: a valid hour or day mean beyond the limit */
	RULE_MINUTES_BEYOND, /* warning: consecutive minute means beyond the limit */
	RULE_NO_DATA,        /* condition: no valid minute, because nothing answers */
	RULE_FAULT,          /* condition: no valid minute, because of the instrument's own fault state */
	RULE_COUNT
};

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
	double worst;          /* the value farthest beyond the limit; NAN for conditions */
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
	struct utc since;
	double worst;
	struct mean mean; /* the period that was judged; its value is NAN for conditions */
};

#define ALARM_ID_SIZE 200

enum alarm_class alarm_class_of(enum alarm_rule rule);
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
 * `value` is the judged value, `limit` NULL for conditions. */
enum alarm_change alarm_step(struct alarm *alarm, const struct limit *limit, double value, unsigned need);

#endif
