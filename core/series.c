#include "core/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAME_REFERENCE 1e-9 /* % O2 */

static const char *const names[] = {
	[SERIES_MEASURED] = "measured", [SERIES_DRY] = "dry", [SERIES_CONVERTED] = "converted"
};

const char *series_kind_name(enum series_kind kind)
{
	return names[kind];
}

bool series_kind_from_name(const char *name, enum series_kind *ret_kind)
{
	for (int i = SERIES_MEASURED; i <= SERIES_CONVERTED; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret_kind = (enum series_kind)i;
			return true;
		}
	}
	return false;
}

/* Sets how many results, `cycle_ms` apart, are due in a period. In a period shorter than the cycle no result is due,
 * and one makes it count. */
static void expect_results(struct mean_acc *acc, int64_t cycle_ms)
{
	int64_t below = acc->rule->period == PERIOD_DAY && cycle_ms < HOUR_MS ? HOUR_MS : cycle_ms;
	unsigned due = (unsigned)((acc->end.ms - acc->start.ms) / below);

	mean_expect(acc, due, mean_three_quarters(due));
}

static void open_period(const struct series *series, struct mean_acc *acc, enum period period, struct utc at)
{
	mean_open(acc, mean_rule_of(series->conf.medium, period), at, series->conf.offset_min);
	acc->total = series->conf.total;
	if (series->conf.cycle_ms > 0 && period != PERIOD_MONTH) {
		expect_results(acc, series->conf.cycle_ms);
	}
}

bool series_conf_is(const struct series_conf *conf, enum series_kind kind, double o2_ref)
{
	return conf->kind == kind &&
		((isnan(conf->o2_ref) && isnan(o2_ref)) || fabs(conf->o2_ref - o2_ref) < SAME_REFERENCE);
}

bool series_init(struct series *series, const struct series_conf *conf, struct utc start)
{
	memset(series, 0, sizeof(*series));
	series->conf = *conf;
	if (conf->n_open > 0) {
		series->open = calloc(conf->n_open, sizeof(*series->open));
		if (!series->open) {
			return false;
		}
	}
	struct utc at = start;
	for (size_t i = 0; i < conf->n_open; i++) {
		open_period(series, &series->open[i], PERIOD_MINUTE, at);
		at = series->open[i].end;
	}
	open_period(series, &series->hour, PERIOD_HOUR, start);
	open_period(series, &series->day, PERIOD_DAY, start);
	open_period(series, &series->month, PERIOD_MONTH, start);
	return true;
}

void series_finish(struct series *series)
{
	free(series->open);
	series->open = NULL;
}

const struct mean_acc *series_minute(const struct series *series)
{
	return &series->open[series->first];
}

bool series_add(struct series *series, const struct reading *reading, unsigned times)
{
	const struct mean_acc *oldest = series_minute(series);
	int64_t past = reading->at.ms - oldest->start.ms;

	if (past < 0 || past >= oldest->rule->ms * (int64_t)series->conf.n_open) {
		return false;
	}
	size_t index = (series->first + (size_t)(past / oldest->rule->ms)) % series->conf.n_open;
	const struct sub_value sub = { exact_decimal(reading->value), reading->flag, reading_counts(reading), 1.0,
		times };
	mean_add(&series->open[index], &sub);
	return true;
}

void series_close_minute(struct series *series)
{
	struct mean_acc *oldest = &series->open[series->first];
	size_t newest = (series->first + series->conf.n_open - 1) % series->conf.n_open;
	struct utc next = series->open[newest].end;

	mean_close(oldest, &series->last[PERIOD_MINUTE]);
	open_period(series, oldest, PERIOD_MINUTE, next);
	series->first = (series->first + 1) % series->conf.n_open;
}

void series_set(struct series *series, enum period period, const struct mean *mean)
{
	series->last[period] = *mean;
}

static struct mean_acc *acc_above(struct series *series, enum period period)
{
	switch (period) { /* cannot happen: a number that the enum does not have. GCOVR_EXCL_BR_LINE */
	case PERIOD_MINUTE:
		return &series->hour;
	case PERIOD_HOUR:
		return &series->day;
	case PERIOD_DAY:
	case PERIOD_MONTH:
	case PERIOD_COUNT:
		break;
	}
	return &series->month;
}

bool series_carry(struct series *series, enum period period, double weight)
{
	const struct mean *closed = &series->last[period];
	struct mean_acc *above = acc_above(series, period);

	if (closed->n_due > 0) {
		const struct sub_value sub = { mean_exact(closed), closed->flag, closed->valid, weight, 1 };
		mean_add(above, &sub);
	}
	if (above->end.ms != closed->end.ms) {
		return false;
	}
	mean_close(above, &series->last[period + 1]);
	open_period(series, above, period + 1, closed->end);
	return true;
}
