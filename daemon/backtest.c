#include "daemon/backtest.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/backtest_options.h"
#include "daemon/site.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1 };

#define READING_MS (5 * SECOND_MS) /* what a minute of gas is made of: HJ 76-2017 annex B */

/* What a limit came to. */
struct tally {
	unsigned judged; /* periods */
	unsigned over;
	unsigned alarms;
};

struct backtest {
	struct backtest_options options;
	struct site *site;
	struct outlet outlet;
	struct point points[OUTLET_POINTS]; /* of the outlet */
	struct pipeline *pipeline;
	struct csv *csv;
	struct tally tallies[OUTLET_POINTS][POINT_LIMITS];
	unsigned warnings;
	unsigned conditions;
	bool failed; /* a sentence was printed */
};

static bool __attribute__((format(printf, 1, 2))) refuse(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("emisctl backtest: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return false;
}

/* ---- output ---- */

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *moment(const struct backtest *b, struct utc at)
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
			"mean", "period", period_name(m->rule->period), "start", moment(b, m->start), "factor",
			record->point->factor->key, "basis", series_kind_name(record->kind), "o2_ref",
			number(record->o2_ref), "value", number(m->value), "min", number(m->min), "max", number(m->max),
			"valid", m->valid, "flag", flag, "n_valid", (int)m->n_valid, "n_due", (int)m->n_due, "amount",
			number(record->amount)));
		return;
	}
	printf("%.16s  %-6s %-10s %-9s %12.*f %s %u/%u\n", time_format(m->start, b->options.csv.offset_min, start),
		period_name(m->rule->period), record->point->factor->key, series_kind_name(record->kind),
		record->point->factor->decimals, m->value, flag, m->n_valid, m->n_due);
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

static void print_event(void *context, const struct event *event)
{
	struct backtest *b = context;
	const struct limit *limit = event->limit;
	char at[TIME_TEXT_SIZE];

	count_event(b, event);
	if (b->options.json) {
		print_object(json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:o, s:s?, s:s?}", "type",
			"event", "at", moment(b, event->at), "start", moment(b, event->mean.start), "class",
			alarm_class_name(alarm_class_of(event->rule, limit)), "rule", alarm_rule_name(event->rule),
			"event", alarm_change_name(event->change), "factor", event->point->factor->key, "limit",
			limit ? limit->key : NULL, "value", number(event->value), "max",
			number(limit ? limit->max : NAN), "min", number(limit ? limit->min : NAN), "document",
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

/* Means are counted, whether or not they are printed: how many hours a limit judged. */
static void take_mean(void *context, const struct mean_record *record)
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
			number(limit->min), "max", number(limit->max), "o2_ref", number(limit->o2_ref), "period",
			limit_period_name(limit->period), "judged", (int)t->judged, "over", (int)t->over, "alarms",
			(int)t->alarms, "met", number(met), "document", limit->document->number, "clause",
			limit->clause, "confidence", limit->confidence, "citable", limit_citable(limit)));
		return;
	}
	printf("%-34s %8g %-6s %7u %6u %7u  %7.2f %%  %s %s%s\n", limit->key,
		isnan(limit->max) ? limit->min : limit->max, limit->unit, t->judged, t->over, t->alarms, 100.0 * met,
		limit->document->number, limit->clause, limit_citable(limit) ? "" : " (unconfirmed)");
}

static void print_summary(const struct backtest *b)
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

/* Printed when the month is over, and for the month that the file ends in. */
static void print_budgets(const struct backtest *b, struct utc month, bool whole)
{
	struct share_view v;
	char text[TIME_TEXT_SIZE];

	time_format(month, b->options.csv.offset_min, text);
	for (size_t p = 0; p < b->outlet.n_points; p++) {
		for (size_t i = 0; i < b->outlet.points[p].n_limits; i++) {
			const struct limit *limit = b->outlet.points[p].limits[i];
			if (!pipeline_share(b->pipeline, 0, p, i, &v) || v.valid == 0) {
				continue;
			}
			if (b->options.json) {
				print_object(json_pack("{s:s, s:s%, s:b, s:s, s:i, s:i, s:i, s:o, s:b}", "type",
					"budget", "month", text, (size_t)7, "whole", whole, "key", limit->key, "judged",
					(int)v.valid, "over", (int)v.over, "allowed", (int)v.allowed, "met",
					number(v.met), "kept", v.met >= limit->share_of_month));
			} else {
				printf("%.7s  %-34s %u of %u hours beyond the limit: %.2f %% met, %g %% are asked "
				       "for%s\n",
					text, limit->key, v.over, v.valid, 100.0 * v.met, 100.0 * limit->share_of_month,
					whole ? "" : " (month not over)");
			}
		}
	}
}

/* ---- set-up ---- */

static bool is_factor(void *context, const char *key)
{
	const struct backtest *b = context;

	return site_factor(b->site, key) != NULL;
}

static bool add_point(struct backtest *b, const char *key)
{
	const struct factor *factor = site_factor(b->site, key);

	if (!factor) {
		return refuse("there is no factor \"%s\" in factors.conf", key);
	}
	if (outlet_point(&b->outlet, key) >= 0) {
		return refuse("the factor \"%s\" is in the file and in --set", key);
	}
	if (b->outlet.n_points == OUTLET_POINTS) {
		return refuse("more factors than an outlet can have; \"%s\" is one too many", key);
	}
	if (b->outlet.n_points == 0) {
		b->outlet.medium = factor->medium;
	}
	if (!outlet_takes(&b->outlet, factor->medium)) {
		return refuse("\"%s\" is of another medium than the factors before it", key);
	}
	b->outlet.points[b->outlet.n_points++].factor = factor;
	return true;
}

static bool bind_limits(struct backtest *b)
{
	size_t bound = 0;
	char why[160];

	for (size_t i = 0; i < b->site->n_limits; i++) {
		struct limit *limit = &b->site->limits[i];
		int index = outlet_point(&b->outlet, limit->factor);
		bool wanted = false;
		for (size_t t = 0; t < 5 && b->options.tiers[t][0]; t++) {
			wanted |= strcmp(b->options.tiers[t], limit->tier) == 0;
		}
		if (!wanted || index < 0 || !outlet_falls_under(&b->outlet, limit)) {
			continue;
		}
		if (site_refusal(&b->outlet, limit, why, sizeof(why))) {
			fprintf(stderr, "note: the limit %s %s\n", limit->key, why);
			continue;
		}
		if (limit->o2_ref_if_air_added && b->outlet.air_added != 1) {
			if (b->outlet.air_added < 0) {
				return refuse("the limit %s needs --air-added yes or no", limit->key);
			}
			limit->o2_ref = NAN; /* the catalogue here is ours alone */
		}
		if (!isnan(limit->o2_ref) && outlet_point(&b->outlet, "o2") < 0) {
			return refuse("the limit %s refers to an oxygen content; the file needs a column o2, or --set "
				      "o2=VALUE",
				limit->key);
		}
		struct point *point = &b->outlet.points[index];
		if (point->n_limits == POINT_LIMITS) {
			return refuse("more limits than can be judged apply; %s is one too many", limit->key);
		}
		point->limits[point->n_limits++] = limit;
		bound++;
	}
	return bound > 0 ||
		refuse("no limit of the catalogue applies to the sector \"%s\" at these tiers and factors",
			b->options.sector);
}

static bool set_up(struct backtest *b, char *error)
{
	struct outlet *outlet = &b->outlet;

	outlet->barometric_pa = outlet->area_m2 = NAN;
	outlet->built = b->options.built;
	outlet->air_added = b->options.air_added;
	snprintf(outlet->id, sizeof(outlet->id), "backtest");
	snprintf(outlet->sector, sizeof(outlet->sector), "%s", b->options.sector);
	if (b->options.also_sector) {
		snprintf(outlet->also_sectors[0], sizeof(outlet->also_sectors[0]), "%s", b->options.also_sector);
	}
	b->csv = csv_open(&b->options.csv, is_factor, b, error);
	if (!b->csv) {
		return refuse("%s", error);
	}
	bool good = true;
	for (size_t i = 0; good && i < csv_factors(b->csv); i++) {
		good = add_point(b, csv_factor(b->csv, i));
	}
	for (size_t i = 0; good && i < b->options.n_constants; i++) {
		good = add_point(b, b->options.constants[i].factor);
	}
	return good && bind_limits(b);
}

/* ---- running ---- */

static void step_to(struct backtest *b, struct utc now)
{
	struct pipeline_sink sink = { take_mean, print_event, b };

	while (pipeline_due(b->pipeline).ms <= now.ms) {
		struct utc end = pipeline_due(b->pipeline);
		struct utc month = time_month((struct utc){ end.ms - 1 }, b->options.csv.offset_min);
		(void)pipeline_step(b->pipeline, now, &sink); /* something is due */
		if (time_month(end, b->options.csv.offset_min).ms != month.ms) {
			print_budgets(b, month, true);
		}
	}
}

/* Files a row: under every base period that it stands for, or as that many readings of one. */
static void file_row(struct backtest *b, const struct reading *values, int64_t interval_ms)
{
	const struct mean_rule *minute = mean_rule_of(b->outlet.medium, PERIOD_MINUTE);
	int64_t per_reading = b->outlet.medium == MEDIUM_GAS ? READING_MS : minute->ms;
	int64_t part = interval_ms < minute->ms ? interval_ms : minute->ms;
	unsigned times = (unsigned)((part + per_reading - 1) / per_reading);
	struct utc start = values[0].at;

	for (int64_t past = 0; past < interval_ms; past += minute->ms) {
		step_to(b, (struct utc){ start.ms + past });
		for (size_t i = 0; i < b->outlet.n_points; i++) {
			struct reading r = { .flag = FLAG_NORMAL };
			size_t in_file = csv_factors(b->csv);
			if (i < in_file) {
				r = values[i];
			} else {
				r.value = b->options.constants[i - in_file].value;
			}
			r.at.ms = start.ms + past;
			(void)pipeline_add_averaged(b->pipeline, 0, i, &r, times); /* its minute was just opened */
		}
	}
}

static bool check_interval(const struct backtest *b, int64_t ms)
{
	bool gas = b->outlet.medium == MEDIUM_GAS;
	int64_t base = mean_rule_of(b->outlet.medium, PERIOD_MINUTE)->ms;

	if (ms <= 0 || ms > (gas ? HOUR_MS : DAY_MS) || (ms > base ? ms % base : base % ms) != 0) {
		return refuse("rows of %s must be whole parts of a minute or whole minutes up to an hour (water: 10 "
			      "minutes and a "
			      "day); --interval tells it when the first two rows do not",
			gas ? "gas" : "water");
	}
	return true;
}

static bool start_pipeline(struct backtest *b, struct utc start)
{
	struct pipeline_settings settings = b->site->judging;

	settings.offset_min = b->options.csv.offset_min;
	settings.grace_ms = 0;
	settings.order = b->options.order;
	settings.rounding = b->options.rounding;
	settings.hysteresis = b->options.hysteresis;
	b->pipeline = pipeline_create(&b->outlet, 1, &settings, start, (struct utc){ INT64_MIN });
	return b->pipeline || refuse("out of memory");
}

/* The first row waits for the second, which tells how long a row stands. */
static bool run(struct backtest *b, char *error)
{
	struct reading first[CSV_COLUMNS], row[CSV_COLUMNS];
	int got = csv_next(b->csv, first, error);

	if (got == 0) {
		return refuse("%s: there is no row after the head", b->options.csv.path);
	}
	if (got > 0) {
		got = csv_next(b->csv, row, error);
	}
	int64_t interval = csv_interval_ms(b->csv);
	if (got < 0) {
		return refuse("%s", error);
	}
	if (!check_interval(b, interval) || !start_pipeline(b, first[0].at)) {
		return false;
	}
	file_row(b, first, interval);
	struct utc end = first[0].at;
	for (; got > 0; got = csv_next(b->csv, row, error)) {
		file_row(b, row, interval);
		end = row[0].at;
	}
	if (got < 0) {
		return refuse("%s", error);
	}
	step_to(b, (struct utc){ end.ms + interval });
	struct utc month = time_month(end, b->options.csv.offset_min);
	if (time_month((struct utc){ end.ms + interval }, b->options.csv.offset_min).ms == month.ms) {
		print_budgets(b, month, false);
	}
	print_summary(b);
	return true;
}

static int backtest(struct backtest *b)
{
	struct conf_errors errors = { 0 };
	char error[CSV_ERROR_SIZE];

	b->site = site_load_catalogue("/etc/emisd", b->options.share, &errors);
	conf_errors_print(&errors, "");
	bool good = b->site && set_up(b, error) && run(b, error);
	pipeline_destroy(b->pipeline);
	csv_close(b->csv);
	site_free(b->site);
	return good && fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
}

int backtest_main(int argc, char **argv, const char *share)
{
	struct backtest *b = calloc(1, sizeof(*b));

	if (!b) {
		(void)refuse("out of memory");
		return EXIT_REFUSED;
	}
	b->options.share = share;
	b->options.built = BUILT_UNKNOWN;
	b->options.air_added = -1;
	b->outlet.points = b->points;
	b->options.hysteresis = 0.05;
	b->options.csv.offset_min = CHINA_OFFSET_MIN;
	int status = backtest_read_options(argc, argv, &b->options);
	status = status >= 0 ? status : backtest(b);
	free(b);
	return status;
}
