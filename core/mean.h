/* mean.h - the mean of one series over one period, with its validity and its flag.
 * Pure: no I/O, no clock, no allocation; callers serialise.
 *
 * Validity and flag are two things (monitoring-rules 1.9): at day level 18 normal hours of 24 give the flag N, while
 * a valid day mean needs 20. A mean carries both. */
#ifndef EMIS_CORE_MEAN_H
#define EMIS_CORE_MEAN_H

#include "common/exact.h"
#include "core/factor.h"
#include "core/reading.h"

enum period { PERIOD_MINUTE, PERIOD_HOUR, PERIOD_DAY, PERIOD_MONTH, PERIOD_COUNT };

/* How a period of a medium is made from its sub-values: readings, or means of the next shorter period. */
struct mean_rule {
	enum period period;
	enum medium medium;
	int64_t ms;      /* length; 0 for a month, whose length the calendar gives */
	unsigned due;    /* sub-values of a complete period */
	unsigned needed; /* valid sub-values that a valid mean needs */
};

/* The rules of a medium (gas or water); `period` "minute" is 10 minutes long for water (HJ 212-2017 D.1 (2)). */
const struct mean_rule *mean_rule_of(enum medium medium, enum period period);

const char *period_name(enum period period);
/* False when no period has this name. */
bool period_from_name(const char *name, enum period *ret_period);

/* The mean of a closed period, or of an open one as it would be if it ended now. */
struct mean {
	const struct mean_rule *rule;
	struct utc start;
	struct utc end; /* exclusive */
	double value;   /* NAN unless valid */
	double rest;    /* the exact mean minus `value`, see common/exact.h; 0 where it is not known */
	double min;     /* of the sub-values that counted; NAN without any */
	double max;
	bool valid;
	enum flag flag;
	unsigned n_valid;
	unsigned n_due;              /* sub-values seen or due, the larger; 0 = none was due and none came */
	unsigned counts[FLAG_COUNT]; /* sub-values by flag; a missing one counts as B */
};

struct mean_acc { /* the files of core/ may read it; only mean.c changes it, except `total` */
	const struct mean_rule *rule;
	struct utc start;
	struct utc end;
	unsigned due;
	unsigned needed;
	bool total; /* the value is the sum, not the mean: for volumes */
	struct exact sum;
	struct exact weight;
	double min;
	double max;
	unsigned n_valid;
	unsigned n_seen;
	unsigned counts[FLAG_COUNT];
};

/* Opens the period of the rule that contains `at`, by a wall clock that is offset_min minutes ahead of UTC. */
void mean_open(struct mean_acc *acc, const struct mean_rule *rule, struct utc at, int offset_min);

/* Replaces the rule's numbers of sub-values, for instruments that give a result only now and then. due may be 0. */
void mean_expect(struct mean_acc *acc, unsigned due, unsigned needed);

/* 75 % of the values due, but at least one: HJ 356-2019, unconfirmed; GB 18918-2002 has no such number. */
unsigned mean_three_quarters(unsigned due);

/* A sub-value: a reading, or the mean of the next shorter period. */
struct sub_value {
	struct exact value; /* a value that is not finite never counts */
	enum flag flag;
	bool counts;    /* it enters the mean */
	double weight;  /* 1 for the arithmetic mean; with NAN or a weight below zero the sub-value does not count */
	unsigned times; /* the number of readings it stands for: 1, or more when it was averaged before */
};

/* Adds a sub-value. One with a weight below zero (water that flows backwards) does not count and gets the flag D. */
void mean_add(struct mean_acc *acc, const struct sub_value *sub);

/* Sets *ret_mean to the period as it would be if it ended now; missing sub-values count as B. Does not change acc. */
void mean_close(const struct mean_acc *acc, struct mean *ret_mean);

/* The mean (or total) of the sub-values that counted so far, even when they are too few for a valid mean; NAN when
 * none counted. */
double mean_so_far(const struct mean_acc *acc);

/* The value of a closed mean as an exact number. */
struct exact mean_exact(const struct mean *mean);

#endif
