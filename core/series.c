#include "core/series.h"

const char *series_kind_name(enum series_kind kind)
{
	static const char *const names[] = {
		[SERIES_MEASURED] = "measured", [SERIES_DRY] = "dry", [SERIES_CONVERTED] = "converted"
	};

	return names[kind];
}

void series_open(struct series *series, enum medium medium, struct utc start, int offset_min)
{
	const struct mean_rule *minute = mean_rule_of(medium, PERIOD_MINUTE);
	struct utc first = time_floor(start, minute->ms, offset_min);

	mean_open(&series->minute, minute, first);
	mean_open(&series->next_minute, minute, (struct utc){ first.ms + minute->ms });
	mean_open(&series->hour, mean_rule_of(medium, PERIOD_HOUR), time_floor(start, HOUR_MS, offset_min));
	mean_open(&series->day, mean_rule_of(medium, PERIOD_DAY), time_floor(start, DAY_MS, offset_min));
}

static bool contains(const struct mean_acc *acc, struct utc at)
{
	return at.ms >= acc->start.ms && at.ms < acc->start.ms + acc->rule->ms;
}

bool series_add(struct series *series, const struct reading *reading)
{
	struct mean_acc *acc = contains(&series->minute, reading->at) ? &series->minute : &series->next_minute;

	if (!contains(acc, reading->at)) {
		return false;
	}
	mean_add(acc, reading->value, reading->flag, reading_counts(reading), 1.0);
	return true;
}

void series_close_minute(struct series *series)
{
	const struct mean_rule *rule = series->minute.rule;

	mean_close(&series->minute, &series->last[PERIOD_MINUTE]);
	series->minute = series->next_minute;
	mean_open(&series->next_minute, rule, (struct utc){ series->minute.start.ms + rule->ms });
}

void series_set_minute(struct series *series, const struct mean *minute)
{
	series->last[PERIOD_MINUTE] = *minute;
}

/* Closes `acc` into last[period] and opens the following period when `end` is its end. */
static bool close_at(struct series *series, struct mean_acc *acc, enum period period, struct utc end)
{
	if (acc->start.ms + acc->rule->ms != end.ms) {
		return false;
	}
	mean_close(acc, &series->last[period]);
	mean_open(acc, acc->rule, end);
	return true;
}

enum period series_roll_up(struct series *series, const double weights[PERIOD_COUNT])
{
	const struct mean *minute = &series->last[PERIOD_MINUTE];
	const struct mean *hour = &series->last[PERIOD_HOUR];
	struct utc end = mean_end(minute);

	mean_add(&series->hour, minute->value, minute->flag, minute->valid, weights[PERIOD_MINUTE]);
	if (!close_at(series, &series->hour, PERIOD_HOUR, end)) {
		return PERIOD_MINUTE;
	}
	mean_add(&series->day, hour->value, hour->flag, hour->valid, weights[PERIOD_HOUR]);
	return close_at(series, &series->day, PERIOD_DAY, end) ? PERIOD_DAY : PERIOD_HOUR;
}
