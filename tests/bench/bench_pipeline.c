/* bench_pipeline.c - the time of the pipeline per reading, for a day of an outlet with eight points and six limits,
 * and its ratio to a bare loop in the same run that only sums the same values by minute. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/pipeline.h"

#define POINTS 8
#define POLL_MS 2000
#define ROUNDS 5

static const char *const keys[POINTS] = { "so2", "nox", "o2", "pm", "temp", "pressure", "humidity", "velocity" };
static const double values[POINTS] = { 20.0, 30.0, 16.0, 5.0, 120.0, -0.5, 8.0, 12.0 };

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void ignore_mean(void *context, const struct mean_record *record)
{
	*(double *)context += record->mean.value;
}

static void ignore_event(void *context, const struct event *event)
{
	*(double *)context += event->worst;
}

static void set_up(struct outlet *outlet, struct factor *factors, struct limit *limits)
{
	static const struct legal_document document = { .number = "bench" };

	outlet->barometric_pa = 100000.0;
	outlet->built = BUILT_UNKNOWN;
	outlet->n_points = POINTS;
	for (size_t i = 0; i < POINTS; i++) {
		struct point *point = &outlet->points[i];
		snprintf(factors[i].key, sizeof(factors[i].key), "%s", keys[i]);
		factors[i].molar_mass = NAN;
		point->factor = &factors[i];
		point->wet = point->actual = i == 3;
		for (size_t k = 0; k < 2 && (i < 2 || i == 3); k++) {
			struct limit *limit = &limits[2 * i + k];
			*limit = (struct limit){ .document = &document, .min = NAN, .max = 1000.0, .o2_ref = 16.0 };
			limit->period = LIMIT_HOUR;
			limit->share_of_month = NAN;
			limit->until = limit->built_before = TIME_NEVER;
			point->limits[point->n_limits++] = limit;
		}
	}
}

static double run_pipeline(const struct outlet *outlet, double *sink)
{
	struct pipeline_settings settings = {
		.offset_min = 480, .aux_age_ms = MINUTE_MS, .warning_minutes = 3, .no_data_minutes = 5
	};
	struct pipeline_sink out = { ignore_mean, ignore_event, sink };
	struct utc start = { 0 }, never = { INT64_MIN };
	struct pipeline *pipeline = pipeline_create(outlet, 1, &settings, start, never);
	double began = cpu_seconds();

	for (int64_t ms = 0; pipeline && ms < DAY_MS; ms += POLL_MS) {
		while (pipeline_step(pipeline, (struct utc){ ms }, &out)) {
		}
		for (size_t i = 0; i < POINTS; i++) {
			struct reading r = { { ms }, values[i], FLAG_NORMAL };
			pipeline_add(pipeline, 0, i, &r);
		}
	}
	pipeline_destroy(pipeline);
	return cpu_seconds() - began;
}

static double run_floor(double *sink)
{
	volatile double sums[POINTS] = { 0 };
	double began = cpu_seconds();

	for (int64_t ms = 0; ms < DAY_MS; ms += POLL_MS) {
		for (size_t i = 0; i < POINTS; i++) {
			sums[i] += isfinite(values[i]) ? values[i] : 0.0;
		}
		for (size_t i = 0; i < POINTS && ms % MINUTE_MS == 0; i++) {
			*sink += sums[i];
			sums[i] = 0.0;
		}
	}
	return cpu_seconds() - began;
}

int main(void)
{
	static struct factor factors[POINTS];
	static struct limit limits[2 * POINTS];
	static struct outlet outlet;
	static struct point points[POINTS];
	const double readings = (double)POINTS * DAY_MS / POLL_MS;
	double sink = 0.0, best = INFINITY, floor_best = INFINITY;

	outlet.points = points;
	set_up(&outlet, factors, limits);
	for (int i = 0; i < ROUNDS; i++) {
		best = fmin(best, run_pipeline(&outlet, &sink));
		floor_best = fmin(floor_best, run_floor(&sink));
	}
	printf("a day of %d points every %d s, %.0f readings, best of %d\n", POINTS, POLL_MS / 1000, readings, ROUNDS);
	printf("%-28s %8.1f ns a reading\n", "floor: check and sum", 1e9 * floor_best / readings);
	printf("%-28s %8.1f ns a reading\n", "pipeline", 1e9 * best / readings);
	printf("ratio %.1f\n", best / floor_best);
	return 0;
}
