#include "tests/unit/fixture.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_mean(void *context, const struct mean_record *record)
{
	struct fixture *f = context;

	assert(f->n_records < FIXTURE_RECORDS);
	f->records[f->n_records++] = *record;
}

static void take_event(void *context, const struct event *event)
{
	struct fixture *f = context;

	assert(f->n_events < FIXTURE_EVENTS);
	f->events[f->n_events++] = *event;
}

struct fixture *fixture_create(enum medium medium)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert(f);
	snprintf(f->outlet.id, sizeof(f->outlet.id), "DA001");
	f->outlet.medium = medium;
	f->outlet.points = f->points;
	f->outlet.barometric_pa = 100000.0;
	f->outlet.area_m2 = NAN;
	f->outlet.built = BUILT_UNKNOWN;
	f->outlet.air_added = -1;
	snprintf(f->document.number, sizeof(f->document.number), "test");
	f->settings = (struct pipeline_settings){ .offset_min = 480,
		.grace_ms = 10 * SECOND_MS,
		.aux_age_ms = MINUTE_MS,
		.warning_minutes = 3,
		.no_data_minutes = 5 };
	return f;
}

void fixture_destroy(struct fixture *f)
{
	pipeline_destroy(f->pipeline);
	free(f);
}

size_t fixture_point(struct fixture *f, const char *factor)
{
	size_t index = f->outlet.n_points++;
	struct factor *known = &f->factors[index];

	snprintf(known->key, sizeof(known->key), "%s", factor);
	snprintf(known->unit, sizeof(known->unit), "mg/m3");
	known->medium = f->outlet.medium;
	known->molar_mass = NAN;
	f->outlet.points[index].factor = known;
	return index;
}

struct limit *fixture_limit(struct fixture *f, size_t point, double max)
{
	struct limit *limit = &f->limits[f->n_limits];

	*limit = (struct limit){ .document = &f->document, .verified = true, .min = NAN, .max = max, .o2_ref = NAN };
	snprintf(limit->key, sizeof(limit->key), "limit%zu", f->n_limits++);
	limit->share_of_month = limit->when_above = limit->when_at_most = NAN;
	limit->period = LIMIT_HOUR;
	limit->until = limit->built_before = TIME_NEVER;
	limit->excess_air = limit->gas_volume_per_tonne = NAN;
	f->outlet.points[point].limits[f->outlet.points[point].n_limits++] = limit;
	return limit;
}

void fixture_start(struct fixture *f, int64_t start_ms, int64_t judged_until_ms)
{
	f->pipeline =
		pipeline_create(&f->outlet, 1, &f->settings, (struct utc){ start_ms }, (struct utc){ judged_until_ms });
	assert(f->pipeline);
}

void fixture_step(struct fixture *f, int64_t now_ms)
{
	struct pipeline_sink sink = { take_mean, take_event, f };

	while (pipeline_step(f->pipeline, (struct utc){ now_ms }, &sink)) {
	}
}

enum pipeline_filed fixture_read(struct fixture *f, size_t point, int64_t at_ms, double value, enum flag flag)
{
	struct reading reading = { { at_ms }, value, flag };

	fixture_step(f, at_ms);
	return pipeline_add(f->pipeline, 0, point, &reading);
}

void fixture_feed(struct fixture *f, size_t point, int64_t from_ms, int64_t to_ms, double value, enum flag flag)
{
	for (int64_t at = from_ms; at < to_ms; at += 5 * SECOND_MS) {
		fixture_read(f, point, at, value, flag);
	}
}

void fixture_feed_averaged(
	struct fixture *f, size_t point, int64_t from_ms, int64_t to_ms, double value, enum flag flag)
{
	const struct mean_rule *minute = mean_rule_of(f->outlet.medium, PERIOD_MINUTE);

	for (int64_t at = from_ms; at < to_ms; at += minute->ms) {
		struct reading reading = { { at }, value, flag };
		fixture_step(f, at);
		(void)pipeline_add_averaged(f->pipeline, 0, point, &reading, minute->due);
	}
}

const struct mean_record *fixture_last(
	const struct fixture *f, size_t point, enum period period, enum series_kind kind, double o2_ref)
{
	for (size_t i = f->n_records; i > 0; i--) {
		const struct mean_record *r = &f->records[i - 1];
		bool same = (isnan(o2_ref) && isnan(r->o2_ref)) || r->o2_ref == o2_ref;
		if (r->point == &f->outlet.points[point] && r->mean.rule->period == period && r->kind == kind && same) {
			return r;
		}
	}
	return NULL;
}

size_t fixture_count(const struct fixture *f, enum alarm_rule rule)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_events; i++) {
		n += f->events[i].rule == rule;
	}
	return n;
}

const struct event *fixture_event(const struct fixture *f, enum alarm_rule rule, size_t n)
{
	for (size_t i = 0; i < f->n_events; i++) {
		if (f->events[i].rule == rule && n-- == 0) {
			return &f->events[i];
		}
	}
	return NULL;
}
