#include "daemon/tools/backtest.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "daemon/tools/backtest_internal.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1 };

#define READING_MS (5 * SECOND_MS) /* the interval of the readings in a minute of gas: HJ 76-2017 annex B */

/* Prints why the run cannot go on. Returns false. */
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

/* ---- set-up ---- */

/* For csv_open(). */
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

static bool refuse_sector(const struct backtest *b)
{
	const char *nearest = site_nearest_sector(b->site, b->options.sector);
	char hint[TEXT_HINT_SIZE];

	for (size_t i = 0; i < b->site->n_limits; i++) {
		if (outlet_falls_under(&b->outlet, &b->site->limits[i])) {
			return refuse(
				"no limit of the catalogue applies to the sector \"%s\" at these tiers and factors; "
				"emisctl limits --all lists them",
				b->options.sector);
		}
	}
	return refuse("no limit of the catalogue applies to the sector \"%s\"%s", b->options.sector,
		nearest ? text_did_you_mean(nearest, hint) : "; emisctl limits --all lists the sectors");
}

static bool set_least(struct backtest *b)
{
	for (size_t i = 0; i < b->options.n_least; i++) {
		int index = outlet_point(&b->outlet, b->options.least[i].factor);
		if (index < 0) {
			return refuse("--least: the factor \"%s\" is neither in the file nor in --set",
				b->options.least[i].factor);
		}
		b->outlet.points[index].has_least = true;
		b->outlet.points[index].least = b->options.least[i].value;
	}
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
			limit->o2_ref = NAN; /* this process has the only copy of the catalogue */
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
	return bound > 0 || refuse_sector(b);
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
	return good && set_least(b) && bind_limits(b);
}

/* ---- running ---- */

/* Closes and judges all that is due at `now`; prints the month's hours of each month that ends. */
static void step_pipeline_to(struct backtest *b, struct utc now)
{
	struct pipeline_sink sink = { backtest_take_mean, backtest_take_event, b };

	while (pipeline_due(b->pipeline).ms <= now.ms) {
		struct utc end = pipeline_due(b->pipeline);
		struct utc month = time_month((struct utc){ end.ms - 1 }, b->options.csv.offset_min);
		(void)pipeline_step(b->pipeline, now, &sink); /* true: pipeline_due() has passed */
		if (time_month(end, b->options.csv.offset_min).ms != month.ms) {
			backtest_print_budgets(b, month, true);
		}
	}
}

/* Files the values of a row once in every base period (a minute of gas) that the row covers. Each value counts as the
 * number of readings that the row covers in that base period. */
static void file_row(struct backtest *b, const struct reading *values, int64_t interval_ms)
{
	const struct mean_rule *minute = mean_rule_of(b->outlet.medium, PERIOD_MINUTE);
	int64_t per_reading = b->outlet.medium == MEDIUM_GAS ? READING_MS : minute->ms;
	int64_t part = interval_ms < minute->ms ? interval_ms : minute->ms;
	unsigned times = (unsigned)((part + per_reading - 1) / per_reading);
	struct utc start = values[0].at;

	for (int64_t past = 0; past < interval_ms; past += minute->ms) {
		step_pipeline_to(b, (struct utc){ start.ms + past });
		for (size_t i = 0; i < b->outlet.n_points; i++) {
			struct reading r = { .flag = FLAG_NORMAL };
			size_t in_file = csv_factors(b->csv);
			if (i < in_file) {
				r = values[i];
			} else {
				r.value = b->options.constants[i - in_file].value;
			}
			r.at.ms = start.ms + past;
			(void)pipeline_add_averaged(
				b->pipeline, 0, i, &r, times); /* not late: its minute was just opened */
		}
		b->filed_until = time_floor((struct utc){ start.ms + past }, minute->ms, b->options.csv.offset_min);
		b->filed_until.ms += minute->ms;
	}
}

static bool check_interval(const struct backtest *b)
{
	bool gas = b->outlet.medium == MEDIUM_GAS;
	int64_t ms = csv_interval_ms(b->csv), base = mean_rule_of(b->outlet.medium, PERIOD_MINUTE)->ms;

	if (ms <= 0 || ms > (gas ? HOUR_MS : DAY_MS) || (ms > base ? ms % base : base % ms) != 0) {
		return refuse("%s: a row stands for %g s; rows of %s must be whole parts of a minute or whole minutes "
			      "up to an hour "
			      "(water: 10 minutes and a day); --interval says another time",
			b->options.csv.path, (double)ms / SECOND_MS, gas ? "gas" : "water");
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

/* Files all rows of the file in the pipeline. False after a message on stderr. */
static bool file_rows(struct backtest *b)
{
	struct reading row[CSV_COLUMNS];
	char error[CSV_ERROR_SIZE];
	int64_t interval = csv_interval_ms(b->csv);
	int got;

	while ((got = csv_next(b->csv, row, error)) > 0) {
		if (!b->pipeline) {
			b->first = row[0].at;
			if (!start_pipeline(b, b->first)) {
				return false;
			}
		}
		for (size_t i = 0; i < csv_factors(b->csv); i++) {
			if (row[i].flag != FLAG_NO_COMM || isfinite(row[i].value)) {
				b->used++;
				break;
			}
		}
		file_row(b, row, interval);
		b->end.ms = row[0].at.ms + interval;
	}
	if (got < 0) {
		return refuse("%s; %zu rows before it were read", error, csv_rows(b->csv));
	}
	return csv_rows(b->csv) > 0 || refuse("%s: there is no row after the head", b->options.csv.path);
}

static bool judges_days(const struct backtest *b)
{
	for (size_t i = 0; i < b->outlet.n_points; i++) {
		for (size_t k = 0; k < b->outlet.points[i].n_limits; k++) {
			if (b->outlet.points[i].limits[k]->period == LIMIT_DAY) {
				return true;
			}
		}
	}
	return false;
}

/* Closes the period in which the file ends: the day if a limit judges days, else the hour. The period counts if enough
 * of it is valid. */
static void close_last_period(struct backtest *b)
{
	enum period period = judges_days(b) ? PERIOD_DAY : PERIOD_HOUR;
	struct mean_acc last;

	step_pipeline_to(b, b->filed_until);
	mean_open(&last, mean_rule_of(b->outlet.medium, period), (struct utc){ b->filed_until.ms - 1 },
		b->options.csv.offset_min);
	b->past_end = true;
	b->judged_until = last.end;
	step_pipeline_to(b, last.end);
}

/* Judges the whole file and prints the results. False after a message on stderr. */
static bool judge_file(struct backtest *b)
{
	char error[CSV_ERROR_SIZE];

	if (csv_interval_ms(b->csv) == 0 && !csv_find_interval(b->csv, error)) {
		return refuse("%s; %zu rows before it were read", error, csv_rows(b->csv));
	}
	if (!check_interval(b) || !file_rows(b)) {
		return false;
	}
	close_last_period(b);
	int offset = b->options.csv.offset_min;
	struct utc month = time_month((struct utc){ b->judged_until.ms - 1 }, offset);
	if (time_month(b->judged_until, offset).ms == month.ms) {
		backtest_print_budgets(b, month, false);
	}
	backtest_print_summary(b);
	backtest_print_file(b);
	return true;
}

static int run_backtest(struct backtest *b)
{
	struct conf_errors errors = { 0 };
	char error[CSV_ERROR_SIZE];

	b->site = site_load_catalogue("/etc/emisd", b->options.catalogue, &errors);
	conf_errors_print(&errors, "");
	bool good = b->site && set_up(b, error) && judge_file(b);
	pipeline_destroy(b->pipeline);
	csv_close(b->csv);
	site_free(b->site);
	return good && fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
}

int backtest_main(int argc, char **argv, const char *catalogue)
{
	struct backtest *b = calloc(1, sizeof(*b));

	if (!b) {
		(void)refuse("out of memory");
		return EXIT_REFUSED;
	}
	b->options.catalogue = catalogue;
	b->options.built = BUILT_UNKNOWN;
	b->options.air_added = -1;
	b->outlet.points = b->points;
	b->options.hysteresis = 0.05;
	b->options.csv.offset_min = CHINA_OFFSET_MIN;
	int status = backtest_read_options(argc, argv, &b->options);
	status = status >= 0 ? status : run_backtest(b);
	free(b);
	return status;
}
