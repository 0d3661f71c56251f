/* conf_judging.c - the section `judging`: how means are made, and when warnings and conditions are reported.
 *
 * Numbers that a regulation sets are constants in core/mean.c. The numbers here are set by no document that we have
 * read: every default is our choice and unconfirmed. */
#include <stddef.h>
#include <string.h>

#include "common/array.h"
#include "common/num.h"
#include "daemon/conf/conf_internal.h"

/* Whole numbers. */
static const struct {
	const char *key;
	size_t at;
	int64_t min;
	int64_t max;
	unsigned preset;
} counts[] = {
	{ "warning_minutes", offsetof(struct pipeline_settings, warning_minutes), 1, 60, 3 },
	{ "no_data_minutes", offsetof(struct pipeline_settings, no_data_minutes), 1, 1440, 5 },
	{ "calibration_minutes", offsetof(struct pipeline_settings, calibration_minutes), 0, 1440, 60 },
	/* 60 minutes, 3 results: our suggestion, monitoring-rules 5.3 */
	{ "constant_minutes", offsetof(struct pipeline_settings, constant_minutes), 0, 1440, 60 },
	{ "constant_results", offsetof(struct pipeline_settings, constant_results), 0, 100, 3 },
};

static const struct {
	const char *key;
	size_t at;
	double max;
	double preset;
} numbers[] = {
	{ "hysteresis", offsetof(struct pipeline_settings, hysteresis), 0.5, 0.05 },
	{ "approach", offsetof(struct pipeline_settings, approach), 1.0, 0.9 },
	/* 2.5 % of a full scale of 20 % is the zero drift a gas analyser may have: HJ 75-2017 (monitoring-rules 3.5),
	 * unconfirmed */
	{ "o2_zero_drift", offsetof(struct pipeline_settings, o2_zero_drift), 5.0, 0.5 },
	/* 2 % of the range: national inspection guide, item 4; over an hour: our choice */
	{ "narrow_percent", offsetof(struct pipeline_settings, narrow_percent), 100.0, 2.0 },
	/* 75 % of a quarter's hours: HJ 75-2017 12.1 */
	{ "capture_percent", offsetof(struct pipeline_settings, capture_percent), 100.0, 75.0 },
};

static const struct {
	const char *key;
	size_t at;
} switches[] = {
	{ "watch_zero", offsetof(struct pipeline_settings, watch_zero) },
	{ "few_data", offsetof(struct pipeline_settings, few_data) },
};

static const char *const orders[] = { "convert-first", "average-first", NULL };
static const char *const roundings[] = { "none", "half-even", NULL };

static void *field(struct pipeline_settings *judging, size_t at)
{
	return (char *)judging + at;
}

void conf_judging_defaults(struct pipeline_settings *judging)
{
	judging->grace_ms = 10 * SECOND_MS;
	judging->aux_age_ms = MINUTE_MS;
	judging->order = ORDER_CONVERT_FIRST;
	judging->rounding = ROUNDING_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		memcpy(field(judging, counts[i].at), &counts[i].preset, sizeof(unsigned));
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		memcpy(field(judging, numbers[i].at), &numbers[i].preset, sizeof(double));
	}
	judging->watch_zero = true;
	judging->few_data = true;
}

void conf_read_judging(struct conf_node root, struct pipeline_settings *judging)
{
	static const char *const keys[] = { "warning_minutes", "no_data_minutes", "calibration_minutes",
		"constant_minutes", "constant_results", "hysteresis", "approach", "o2_zero_drift", "narrow_percent",
		"capture_percent", "watch_zero", "few_data", "grace", "aux_age", "order", "rounding", NULL };
	struct conf_node node = conf_group(root, "judging", false);
	size_t order = 0, rounding = 0;

	conf_judging_defaults(judging);
	conf_allow_keys(node, keys);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		int64_t count = counts[i].preset; /* all are optional */
		(void)conf_int(node, counts[i].key, false, CONF_RANGE(counts[i].min, counts[i].max), &count);
		unsigned value = (unsigned)count;
		memcpy(field(judging, counts[i].at), &value, sizeof(value));
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		(void)conf_double(
			node, numbers[i].key, false, CONF_RANGE(0.0, numbers[i].max), field(judging, numbers[i].at));
	}
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		(void)conf_bool(node, switches[i].key, false, field(judging, switches[i].at));
	}
	(void)conf_duration(node, "grace", false, CONF_RANGE(0, MINUTE_MS - 1), &judging->grace_ms);
	(void)conf_duration(node, "aux_age", false, CONF_RANGE(SECOND_MS, HOUR_MS), &judging->aux_age_ms);
	(void)conf_choice(node, "order", false, orders, &order);
	(void)conf_choice(node, "rounding", false, roundings, &rounding);
	judging->order = (enum conversion_order)order;
	judging->rounding = (enum rounding)rounding;
}

void conf_print_judging(FILE *out, const struct pipeline_settings *judging)
{
	const char *base = (const char *)judging;
	char grace[TIME_TEXT_SIZE], age[TIME_TEXT_SIZE], number[NUM_TEXT_SIZE];

	fprintf(out, "judging = { grace = \"%s\"; aux_age = \"%s\"; order = \"%s\"; rounding = \"%s\";\n ",
		time_format_duration(judging->grace_ms, grace), time_format_duration(judging->aux_age_ms, age),
		orders[judging->order], roundings[judging->rounding]);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		unsigned value;
		memcpy(&value, base + counts[i].at, sizeof(value));
		fprintf(out, " %s = %u;", counts[i].key, value);
	}
	fputs("\n ", out);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		double value;
		memcpy(&value, base + numbers[i].at, sizeof(value));
		fprintf(out, " %s = %s;", numbers[i].key, num_format(value, number));
	}
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		fprintf(out, " %s = %s;", switches[i].key, base[switches[i].at] ? "true" : "false");
	}
	fputs(" };\n", out);
}
