/* backtest_print.c - prints the results of emisctl backtest: means, events, limits, hours of each month, the file. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "daemon/tools/backtest_internal.h"

static json_t *json_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_moment(const struct backtest *b, struct utc at)
{
	char text[TIME_TEXT_SIZE];

	return json_string(time_format(at, b->options.csv.offset_min, text));
}

static void print_object(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12)) : NULL;

	puts(text ? text : "{\"type\":\"error\",\"what\":\"out of memory\"}");
	free(text);
	json_decref(object);
}

static void print_mean(void *context, const struct mean_record *record)
{
	struct backtest *b = context;
	const struct mean *m = &record->mean;
	char flag[2] = { flag_letter(m->flag), '\0' }, start[TIME_TEXT_SIZE];

	if (!b->options.has_means || m->rule->period < b->options.means) {
		return;
	}
	if (b->options.json) {
		print_object(json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:s, s:i, s:i, s:o}", "type",
			"mean", "period", period_name(m->rule->period), "start", json_moment(b, m->start), "factor",
			record->point->factor->key, "basis", series_kind_name(record->kind), "o2_ref",
			json_number(record->o2_ref), "value", json_number(m->value), "min", json_number(m->min), "max",
			json_number(m->max), "valid", m->valid, "flag", flag, "n_valid", (int)m->n_valid, "n_due",
			(int)m->n_due, "amount", json_number(record->amount)));
		return;
	}
	char value[64] = "-"; /* shown when the mean does not count */
	if (isfinite(m->value)) {
		snprintf(value, sizeof(value), "%.*f", record->point->factor->decimals, m->value);
	}
	printf("%.16s  %-6s %-10s %-9s %12s %s %u/%u\n", time_format(m->start, b->options.csv.offset_min, start),
		period_name(m->rule->period), record->point->factor->key, series_kind_name(record->kind), value, flag,
		m->n_valid, m->n_due);
}

static void count_event(struct backtest *b, const struct event *event)
{
	size_t point = (size_t)(event->point - b->outlet.points);

	if (!event->limit) {
		b->conditions += event->change == ALARM_RAISED;
		return;
	}
	if (event->rule != RULE_PERIOD_MEAN) {
		b->warnings += event->change == ALARM_RAISED;
		return;
	}
	for (size_t i = 0; i < event->point->n_limits; i++) {
		if (event->point->limits[i] == event->limit) {
			b->tallies[point][i].over += event->change != ALARM_CLEARED;
			b->tallies[point][i].alarms += event->change == ALARM_RAISED;
		}
	}
}

void backtest_take_event(void *context, const struct event *event)
{
	struct backtest *b = context;
	const struct limit *limit = event->limit;
	char at[TIME_TEXT_SIZE];
	bool judged = event->rule == RULE_PERIOD_MEAN || event->rule == RULE_MONTH_SHARE;

	if (b->past_end && !judged && event->change != ALARM_CLEARED) {
		return; /* caused only by the missing data after the end of the file */
	}
	count_event(b, event);
	if (b->options.json) {
		print_object(json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:o, s:s?, s:s?}", "type",
			"event", "at", json_moment(b, event->at), "start", json_moment(b, event->mean.start), "class",
			alarm_class_name(alarm_class_of(event->rule, limit)), "rule", alarm_rule_name(event->rule),
			"event", alarm_change_name(event->change), "factor", event->point->factor->key, "limit",
			limit ? limit->key : NULL, "value", json_number(event->value), "max",
			json_number(limit ? limit->max : NAN), "min", json_number(limit ? limit->min : NAN), "document",
			limit ? limit->document->number : NULL, "clause", limit ? limit->clause : NULL));
		return;
	}
	printf("%.16s  %-11s %-9s %-8s %-15s", time_format(event->mean.start, b->options.csv.offset_min, at),
		alarm_class_name(alarm_class_of(event->rule, limit)), alarm_change_name(event->change),
		event->point->factor->key, alarm_rule_name(event->rule));
	if (isfinite(event->value)) {
		printf(" %.*f", event->point->factor->decimals, event->value);
	}
	if (limit) {
		printf("  %s%g, %s %s", isnan(limit->max) ? "at least " : "limit ",
			isnan(limit->max) ? limit->min : limit->max, limit->document->number, limit->clause);
	}
	putchar('\n');
}

/* Counts how many periods each limit judged, and prints the mean if its period is asked for. */
void backtest_take_mean(void *context, const struct mean_record *record)
{
	struct backtest *b = context;
	const struct point *point = record->point;
	size_t index = (size_t)(point - b->outlet.points);

	for (size_t i = 0; i < point->n_limits; i++) {
		const struct limit *limit = point->limits[i];
		bool same = isnan(limit->o2_ref) ? record->kind != SERIES_CONVERTED : record->o2_ref == limit->o2_ref;
		bool period = strcmp(limit_period_name(limit->period), period_name(record->mean.rule->period)) == 0;
		if (same && period && record->mean.valid &&
			limit_in_force(limit, b->outlet.built, record->mean.start)) {
			b->tallies[index][i].judged++;
		}
	}
	print_mean(b, record);
}

static void print_limit(const struct backtest *b, const struct point *point, size_t index)
{
	const struct limit *limit = point->limits[index];
	const struct tally *t = &b->tallies[point - b->outlet.points][index];
	double met = t->judged ? 1.0 - (double)t->over / t->judged : NAN;

	if (b->options.json) {
		print_object(json_pack(
			"{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:i, s:i, s:i, s:o, s:s, s:s, s:s, s:b}", "type",
			"limit", "key", limit->key, "factor", limit->factor, "tier", limit->tier, "min",
			json_number(limit->min), "max", json_number(limit->max), "o2_ref", json_number(limit->o2_ref),
			"period", limit_period_name(limit->period), "judged", (int)t->judged, "over", (int)t->over,
			"alarms", (int)t->alarms, "met", json_number(met), "document", limit->document->number,
			"clause", limit->clause, "confidence", limit->confidence, "citable", limit_citable(limit)));
		return;
	}
	char percent[16] = "-";
	if (t->judged > 0) {
		snprintf(percent, sizeof(percent), "%.2f %%", 100.0 * met);
	}
	printf("%-34s %8g %-6s %7u %6u %7u  %9s  %s %s%s\n", limit->key, isnan(limit->max) ? limit->min : limit->max,
		limit->unit, t->judged, t->over, t->alarms, percent, limit->document->number, limit->clause,
		limit_citable(limit) ? "" : " (unconfirmed)");
}

void backtest_print_summary(const struct backtest *b)
{
	if (!b->options.json) {
		printf("\n%-34s %8s %-6s %7s %6s %7s  %9s  %s\n", "limit", "value", "unit", "judged", "over", "alarms",
			"met", "document");
	}
	for (size_t p = 0; p < b->outlet.n_points; p++) {
		for (size_t i = 0; i < b->outlet.points[p].n_limits; i++) {
			print_limit(b, &b->outlet.points[p], i);
		}
	}
	if (!b->options.json) {
		printf("%u warnings and budget steps, %u conditions\n", b->warnings, b->conditions);
	}
}

/* ---- the month's share ---- */

void backtest_print_budgets(const struct backtest *b, struct utc month, bool whole)
{
	struct month_share_view v;
	char text[TIME_TEXT_SIZE];

	time_format(month, b->options.csv.offset_min, text);
	for (size_t p = 0; p < b->outlet.n_points; p++) {
		for (size_t i = 0; i < b->outlet.points[p].n_limits; i++) {
			const struct limit *limit = b->outlet.points[p].limits[i];
			if (!pipeline_month_share(b->pipeline, 0, p, i, &v) || v.valid == 0) {
				continue;
			}
			if (b->options.json) {
				print_object(json_pack("{s:s, s:s%, s:b, s:s, s:i, s:i, s:i, s:o, s:b}", "type",
					"budget", "month", text, (size_t)7, "whole", whole, "key", limit->key, "judged",
					(int)v.valid, "over", (int)v.over, "allowed", (int)v.allowed, "met",
					json_number(v.met), "kept",
					num_significant(v.met, 12) >= limit->share_of_month));
			} else {
				printf("%.7s  %-34s %u of %u hours beyond the limit: %.2f %% met, %g %% are asked "
				       "for%s\n",
					text, limit->key, v.over, v.valid, 100.0 * v.met, 100.0 * limit->share_of_month,
					whole ? "" : " (month not over)");
			}
		}
	}
}

/* ---- the file ---- */

/* The start of the period that contains `at`. */
static struct utc start_of_period(const struct backtest *b, enum period period, struct utc at)
{
	struct mean_acc acc;

	mean_open(&acc, mean_rule_of(b->outlet.medium, period), at, b->options.csv.offset_min);
	return acc.start;
}

/* Prints how much was read, and the period that is still open at the end of the file. */
void backtest_print_file(const struct backtest *b)
{
	char unused[256], first[TIME_TEXT_SIZE], end[TIME_TEXT_SIZE], open[TIME_TEXT_SIZE];
	int offset = b->options.csv.offset_min;
	enum period left_open = PERIOD_HOUR; /* the shortest period that is not closed at judged_until */

	csv_unused(b->csv, unused, sizeof(unused));
	while (left_open < PERIOD_MONTH && start_of_period(b, left_open, b->judged_until).ms == b->judged_until.ms) {
		left_open++;
	}
	bool is_open =
		left_open < PERIOD_MONTH || start_of_period(b, left_open, b->judged_until).ms != b->judged_until.ms;
	const char *period = is_open ? period_name(left_open) : NULL;
	struct utc since = start_of_period(b, left_open, b->judged_until);
	time_format(b->first, offset, first);
	time_format(b->end, offset, end);
	time_format(since, offset, open);
	if (b->options.json) {
		print_object(json_pack("{s:s, s:I, s:I, s:i, s:s, s:s, s:f, s:s, s:b, s:s?, s:s?}", "type", "file",
			"rows", (json_int_t)csv_rows(b->csv), "used", (json_int_t)b->used, "refused", 0, "first", first,
			"end", end, "interval_s", (double)csv_interval_ms(b->csv) / SECOND_MS, "unused_columns", unused,
			"last_cut_short", b->judged_until.ms > b->filed_until.ms, "open_period", period, "open_since",
			is_open ? open : NULL));
		return;
	}
	printf("%zu rows read, %zu used, 0 refused: %.16s to %.16s, a row stands for %g s\n", csv_rows(b->csv), b->used,
		first, end, (double)csv_interval_ms(b->csv) / SECOND_MS);
	if (unused[0]) {
		printf("columns not used: %s\n", unused);
	}
	if (b->judged_until.ms > b->filed_until.ms) {
		printf("the file ends within a period: it was judged by what is there, the rest counts as missing\n");
	}
	if (is_open) {
		printf("the %s that begins %.16s is not over and not judged\n", period, open);
	}
}
