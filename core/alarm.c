#include "core/alarm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/time.h"

static const struct {
	const char *name;
	enum alarm_class alarm_class;
} rules[RULE_COUNT] = {
	[RULE_PERIOD_MEAN] = { "period-mean", ALARM_EXCEEDANCE },
	[RULE_MINUTES_BEYOND] = { "minutes-beyond", ALARM_WARNING },
	[RULE_APPROACH] = { "approach", ALARM_WARNING },
	[RULE_PROJECTED] = { "projected", ALARM_WARNING },
	[RULE_CERTAIN] = { "certain", ALARM_WARNING },
	[RULE_MONTH_SHARE] = { "month-share", ALARM_BUDGET },
	[RULE_NO_DATA] = { "no-data", ALARM_CONDITION },
	[RULE_FAULT] = { "fault", ALARM_CONDITION },
	[RULE_LONG_CALIBRATION] = { "long-calibration", ALARM_CONDITION },
	[RULE_OVER_RANGE] = { "over-range", ALARM_CONDITION },
	[RULE_CONSTANT] = { "constant", ALARM_CONDITION },
	[RULE_NARROW] = { "narrow", ALARM_CONDITION },
	[RULE_ZERO] = { "zero", ALARM_CONDITION },
	[RULE_NEGATIVE] = { "negative", ALARM_CONDITION },
	[RULE_FEW_MINUTES] = { "few-minutes", ALARM_CONDITION },
	[RULE_FEW_HOURS] = { "few-hours", ALARM_CONDITION },
	[RULE_CAPTURE_RATE] = { "capture-rate", ALARM_CONDITION },
	[RULE_NEAR_AIR] = { "oxygen-near-air", ALARM_CONDITION },
};

enum alarm_class alarm_class_of(enum alarm_rule rule, const struct limit *limit)
{
	return limit && !limit_citable(limit) ? ALARM_UNCONFIRMED : rules[rule].alarm_class;
}

const char *alarm_class_name(enum alarm_class alarm_class)
{
	static const char *const names[] = {
		[ALARM_EXCEEDANCE] = "exceedance",
		[ALARM_WARNING] = "warning",
		[ALARM_BUDGET] = "budget",
		[ALARM_CONDITION] = "condition",
		[ALARM_UNCONFIRMED] = "unconfirmed",
	};

	return names[alarm_class];
}

const char *alarm_rule_name(enum alarm_rule rule)
{
	return rules[rule].name;
}

bool alarm_rule_from_name(const char *name, enum alarm_rule *ret_rule)
{
	for (int i = 0; i < RULE_COUNT; i++) {
		if (strcmp(rules[i].name, name) == 0) {
			*ret_rule = (enum alarm_rule)i;
			return true;
		}
	}
	return false;
}

const char *alarm_change_name(enum alarm_change change)
{
	static const char *const names[] = {
		[ALARM_UNCHANGED] = "unchanged",
		[ALARM_RAISED] = "raised",
		[ALARM_CONTINUED] = "continued",
		[ALARM_WORSENED] = "worsened",
		[ALARM_CLEARED] = "cleared",
	};

	return names[change];
}

void alarm_id(char *buf, size_t size, const char *site, const struct event *event)
{
	char start[TIME_TEXT_SIZE];

	snprintf(buf, size, "%s/%s/%s/%s/%s/%sZ", site, event->outlet->id, event->point->factor->key,
		alarm_rule_name(event->rule), event->limit ? event->limit->key : "-",
		time_format_compact(event->since, 0, start));
}

void alarm_count(struct alarm *alarm, enum verdict verdict, struct utc period_start)
{
	switch (verdict) { /* cannot happen: a number that the enum does not have. GCOVR_EXCL_BR_LINE */
	case VERDICT_EXCEEDED:
		if (alarm->periods_over++ == 0) {
			alarm->first_over = period_start;
		}
		alarm->periods_within = 0;
		return;
	case VERDICT_OK:
		alarm->periods_over = 0;
		alarm->periods_within++;
		return;
	case VERDICT_NO_DATA:
		alarm->periods_over = 0;
		alarm->periods_within = 0;
		return;
	}
}

enum alarm_change alarm_end(struct alarm *alarm)
{
	bool was_raised = alarm->raised;

	alarm->raised = false;
	alarm->periods_over = 0;
	alarm->periods_within = 0;
	return was_raised ? ALARM_CLEARED : ALARM_UNCHANGED;
}

enum alarm_change alarm_step(struct alarm *alarm, double value, double severity, unsigned needed)
{
	if (!alarm->raised) {
		if (alarm->periods_over < needed) {
			return ALARM_UNCHANGED;
		}
		alarm->raised = true;
		alarm->since = alarm->first_over;
		alarm->worst = value;
		alarm->severity = severity;
		return ALARM_RAISED;
	}
	if (alarm->periods_within >= needed) {
		alarm->raised = false;
		return ALARM_CLEARED;
	}
	if (alarm->periods_over == 0) {
		return ALARM_UNCHANGED;
	}
	if (severity > alarm->severity) {
		alarm->worst = value;
		alarm->severity = severity;
		return ALARM_WORSENED;
	}
	return ALARM_CONTINUED;
}
