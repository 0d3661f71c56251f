#include "core/mean.h"

#include <math.h>
#include <string.h>

/* clang-format off */
static const struct mean_rule rules[][PERIOD_COUNT] = {
	[MEDIUM_GAS] = {
		/* HJ 76-2017 annex B, HJ 212-2017 (23): 12 valid readings at 5 s */
		{ PERIOD_MINUTE, MEDIUM_GAS, MINUTE_MS, 12, 12 },
		/* HJ 76-2017 annex B, HJ 212-2017 (24): 45 valid minutes */
		{ PERIOD_HOUR, MEDIUM_GAS, HOUR_MS, 60, 45 },
		/* HJ 76-2017 annex B, HJ 212-2017 (25): 20 valid hours */
		{ PERIOD_DAY, MEDIUM_GAS, DAY_MS, 24, 20 },
		/* HJ 76-2017 annex B: 25 valid days, 23 in February; the days of the month are due */
		{ PERIOD_MONTH, MEDIUM_GAS, 0, 31, 25 },
	},
	[MEDIUM_WATER] = {
		/* HJ 212-2017 D.1 (2): 10-minute data; one value per 10 minutes is unconfirmed (HJ 355-2019) */
		{ PERIOD_MINUTE, MEDIUM_WATER, 10 * MINUTE_MS, 1, 1 },
		/* 75 % of the values due: unconfirmed, HJ 356-2019 was not read for hours */
		{ PERIOD_HOUR, MEDIUM_WATER, HOUR_MS, 6, 5 },
		/* 75 % of the values due: unconfirmed (HJ 356-2019) */
		{ PERIOD_DAY, MEDIUM_WATER, DAY_MS, 24, 18 },
		/* 75 % of the days: unconfirmed (HJ 356-2019) */
		{ PERIOD_MONTH, MEDIUM_WATER, 0, 31, 24 },
	},
};
/* clang-format on */

/* HJ 212-2017, notes under C.16 to C.18: a gas period with this percentage of normal sub-values is N. */
#define NORMAL_PERCENT 75
#define MONTH_DAYS_FEBRUARY 23 /* HJ 76-2017 annex B */

const struct mean_rule *mean_rule_of(enum medium medium, enum period period)
{
	return &rules[medium][period];
}

static const char *const period_names[PERIOD_COUNT] = {
	[PERIOD_MINUTE] = "minute", [PERIOD_HOUR] = "hour", [PERIOD_DAY] = "day", [PERIOD_MONTH] = "month"
};

const char *period_name(enum period period)
{
	return period_names[period];
}

bool period_from_name(const char *name, enum period *ret_period)
{
	for (int i = 0; i < PERIOD_COUNT; i++) {
		if (strcmp(period_names[i], name) == 0) {
			*ret_period = (enum period)i;
			return true;
		}
	}
	return false;
}

unsigned mean_three_quarters(unsigned due)
{
	return due == 0 ? 1 : (3 * due + 3) / 4;
}

/* Sets how many days, and how many valid days, the month that was opened needs. */
static void expect_days(struct mean_acc *acc)
{
	unsigned days = (unsigned)((acc->end.ms - acc->start.ms) / DAY_MS);

	if (acc->rule->medium == MEDIUM_WATER) {
		mean_expect(acc, days, mean_three_quarters(days));
	} else {
		mean_expect(acc, days, days < 30 ? MONTH_DAYS_FEBRUARY : acc->rule->needed);
	}
}

void mean_open(struct mean_acc *acc, const struct mean_rule *rule, struct utc at, int offset_min)
{
	memset(acc, 0, sizeof(*acc));
	acc->rule = rule;
	acc->min = NAN;
	acc->max = NAN;
	if (rule->period == PERIOD_MONTH) {
		acc->start = time_month(at, offset_min);
		acc->end = time_next_month(at, offset_min);
		expect_days(acc);
		return;
	}
	acc->start = time_floor(at, rule->ms, offset_min);
	acc->end.ms = acc->start.ms + rule->ms;
	mean_expect(acc, rule->due, rule->needed);
}

void mean_expect(struct mean_acc *acc, unsigned due, unsigned needed)
{
	acc->due = due;
	acc->needed = needed;
}

void mean_add(struct mean_acc *acc, const struct sub_value *sub)
{
	enum flag flag = sub->weight < 0.0 ? flag_worse(sub->flag, FLAG_FAULT) : sub->flag;

	acc->n_seen += sub->times;
	acc->counts[flag] += sub->times;
	if (!sub->counts || !isfinite(sub->value.value) || !isfinite(sub->weight) || sub->weight < 0.0) {
		return;
	}
	acc->n_valid += sub->times;
	if (sub->weight == 1.0 && sub->times == 1) { /* the usual case needs no product */
		acc->sum = exact_sum(acc->sum, sub->value);
		acc->weight.value += 1.0;
	} else {
		struct exact weight = exact_product(exact_decimal(sub->weight), exact_of(sub->times));
		acc->sum = exact_sum(acc->sum, exact_product(sub->value, weight));
		acc->weight = exact_sum(acc->weight, weight);
	}
	acc->min = fmin(acc->min, sub->value.value);
	acc->max = fmax(acc->max, sub->value.value);
}

static struct exact exact_so_far(const struct mean_acc *acc)
{
	if (!(acc->weight.value > 0.0)) {
		return exact_of(NAN);
	}
	return acc->total ? acc->sum : exact_quotient(acc->sum, acc->weight);
}

double mean_so_far(const struct mean_acc *acc)
{
	return exact_so_far(acc).value;
}

struct exact mean_exact(const struct mean *mean)
{
	/* A mean from the store and a computed one have no rest; exact_decimal() finds the rest of a decimal value. */
	return mean->rest == 0.0 ? exact_decimal(mean->value) : (struct exact){ mean->value, mean->rest };
}

/* The most frequent abnormal flag; of equally frequent ones the most severe (enum flag is in order of severity). */
static enum flag most_frequent_flag(const unsigned *counts)
{
	enum flag prevailing = FLAG_FAULT;
	unsigned most = 0;

	for (int i = FLAG_NORMAL + 1; i < FLAG_COUNT; i++) {
		if (counts[i] > 0 && counts[i] >= most) {
			most = counts[i];
			prevailing = (enum flag)i;
		}
	}
	return prevailing;
}

/* HJ 212-2017, notes under C.16 to C.18. Water: one abnormal sub-value makes the period abnormal. Gas: 75 % normal
 * sub-values make the period N; otherwise it is D. A gas minute that is not N keeps its most frequent abnormal
 * letter: without it, the counts of the hour could not tell a calibration from a fault (X18). */
static enum flag flag_of(const struct mean *mean)
{
	unsigned total = 0;

	for (int i = 0; i < FLAG_COUNT; i++) {
		total += mean->counts[i];
	}
	if (mean->rule->medium == MEDIUM_WATER) {
		return mean->counts[FLAG_NORMAL] == total ? FLAG_NORMAL : most_frequent_flag(mean->counts);
	}
	if (mean->counts[FLAG_NORMAL] * 100 >= total * NORMAL_PERCENT) {
		return FLAG_NORMAL;
	}
	return mean->rule->period == PERIOD_MINUTE ? most_frequent_flag(mean->counts) : FLAG_FAULT;
}

void mean_close(const struct mean_acc *acc, struct mean *ret_mean)
{
	const struct mean_rule *rule = acc->rule;
	struct mean m = { .rule = rule, .start = acc->start, .end = acc->end, .value = NAN };

	m.min = acc->min;
	m.max = acc->max;
	m.n_valid = acc->n_valid;
	m.n_due = acc->n_seen > acc->due ? acc->n_seen : acc->due;
	memcpy(m.counts, acc->counts, sizeof(m.counts));
	m.counts[FLAG_NO_COMM] += m.n_due - acc->n_seen;
	m.flag = flag_of(&m);
	m.valid = acc->n_valid >= acc->needed;
	if (rule->medium == MEDIUM_GAS && rule->period == PERIOD_MINUTE) {
		/* An instrument polled faster than every 5 s can give 12 good readings in a small part of a minute. */
		m.valid = m.valid && m.flag == FLAG_NORMAL;
		if (!m.valid && m.flag == FLAG_NORMAL) {
			m.flag = most_frequent_flag(m.counts);
		}
	}
	struct exact value = exact_so_far(acc);
	if (m.valid && !isfinite(value.value)) {
		/* All weights are zero: water that did not flow has no concentration (HJ 356-2019, unconfirmed). */
		m.valid = false;
		m.flag = flag_worse(m.flag, FLAG_STOPPED);
	}
	m.value = m.valid ? value.value : NAN;
	m.rest = m.valid ? value.rest : 0.0;
	*ret_mean = m;
}
