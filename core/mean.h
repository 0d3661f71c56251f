/* mean.h - the mean of one series over one period, with its validity and its flag.
 * Pure: no I/O, no clock, no allocation; callers serialise.
 *
 * Validity and flag are two things (monitoring-rules 1.9): at day level 18 normal hours of 24 give the
 * flag N while a valid day mean needs 20. Both travel. */
#ifndef EMIS_CORE_MEAN_H
#define EMIS_CORE_MEAN_H

#include "common/exact.h"
#include "core/factor.h"
#include "core/reading.h"

enum period { PERIOD_MINUTE, PERIOD_HOUR, PERIOD_DAY, PERIOD_MONTH, PERIOD_COUNT };

/* How a period of a medium is made from the values below it. */
struct mean_rule {
	enum period period;
	enum medium medium;
	int64_t ms;      /* length; 0 for the month, whose length its calendar tells */
	unsigned due;    /* sub-values that a complete period holds */
	unsigned needed; /* valid sub-values without which the mean does not count */
};

/* The rules of a medium (gas or water); `period` "minute" is 10 minutes long for water (HJ 212-2017 D.1 (2)). */
const struct mean_rule *mean_rule_of(enum medium medium, enum period period);

const char *period_name(enum period period);
/* False when the name is none. */
bool period_from_name(const char *name, enum period *ret_period);

/* A closed (or still open, when peeked at) period. */
struct mean {
	const struct mean_rule *rule;
	struct utc start;
	struct utc end; /* exclusive */
	double value;   /* NAN unless valid */
	double rest;    /* what the exact mean has beyond `value`, see common/exact.h; 0 where that is not known */
	double min;     /* of the sub-values that counted; NAN without any */
	double max;
	bool valid;
	enum flag flag;
	unsigned n_valid;
	unsigned n_due;              /* sub-values seen or due, the larger; 0 = nothing was due and nothing came */
	unsigned counts[FLAG_COUNT]; /* sub-values by flag; a missing one counts as B */
};

struct mean_acc { /* fields are private to mean.c, but for start, end and rule */
	const struct mean_rule *rule;
	struct utc start;
	struct utc end;
	unsigned due;
	unsigned needed;
	bool total; /* the value is the sum, not the mean: volumes */
	struct exact sum;
	struct exact weight;
	double min;
	double max;
	unsigned n_valid;
	unsigned n_seen;
	unsigned counts[FLAG_COUNT];
};

/* Opens the period of the rule that contains `at`, by the wall clock that is offset_min ahead of UTC. */
void mean_open(struct mean_acc *acc, const struct mean_rule *rule, struct utc at, int offset_min);

/* Other numbers than the rule's: of instruments that make a result now and then. due may be 0. */
void mean_expect(struct mean_acc *acc, unsigned due, unsigned needed);

/* 75 % of the values due, at least one: HJ 356-2019, unconfirmed; GB 18918-2002 has no such number. */
unsigned mean_three_quarters(unsigned due);

/* A reading, or the mean of the period below. */
struct sub_value {
	struct exact value; /* one that is not finite never counts */
	enum flag flag;
	bool counts;    /* enters the mean */
	double weight;  /* 1 for the arithmetic mean. NAN, or below zero: the sub-value does not count */
	unsigned times; /* stands for so many readings: 1 for all but values that come already averaged */
};

/* Adds a sub-value. A weight below zero (water that flows backwards) is no weight: the sub-value is counted as D. */
void mean_add(struct mean_acc *acc, const struct sub_value *sub);

/* The period as it would be if it ended now, missing sub-values counted as B. */
void mean_close(const struct mean_acc *acc, struct mean *ret_mean);

/* The mean (or total) of what counted so far, whether or not enough of it is there; NAN without any. */
double mean_so_far(const struct mean_acc *acc);

/* The exact value of a closed mean. */
struct exact mean_exact(const struct mean *mean);

#endif
