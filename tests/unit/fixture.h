/* fixture.h - a small site for the tests of the pipeline, with a record of the means and events that it produced. */
#ifndef EMIS_TESTS_UNIT_FIXTURE_H
#define EMIS_TESTS_UNIT_FIXTURE_H

#include "core/pipeline.h"

#define FIXTURE_EVENTS 4096
#define FIXTURE_RECORDS 200000

/* 2026-03-02T08:00:00+08:00 */
#define EIGHT ((int64_t)1772409600000)

struct fixture {
	struct outlet outlet;
	struct point points[OUTLET_POINTS]; /* the points of the outlet */
	struct factor factors[OUTLET_POINTS];
	struct legal_document document;
	struct limit limits[8];
	size_t n_limits;
	struct pipeline_settings settings;
	struct pipeline *pipeline;
	struct event events[FIXTURE_EVENTS];
	size_t n_events;
	struct mean_record records[FIXTURE_RECORDS];
	size_t n_records;
};

/* Creates an outlet without points. Free it with fixture_destroy(). */
struct fixture *fixture_create(enum medium medium);
void fixture_destroy(struct fixture *f);

/* Adds a point; returns its index. */
size_t fixture_point(struct fixture *f, const char *factor);

/* Adds a limit for hour means without conversion to the point; the caller may change the returned limit. */
struct limit *fixture_limit(struct fixture *f, size_t point, double max);

/* Opens the pipeline. */
void fixture_start(struct fixture *f, int64_t start_ms, int64_t judged_until_ms);

/* Steps the pipeline up to the time of the reading, and then adds the reading. */
enum pipeline_filed fixture_read(struct fixture *f, size_t point, int64_t at_ms, double value, enum flag flag);

/* Adds readings of `value` every 5 s over [from, to). */
void fixture_feed(struct fixture *f, size_t point, int64_t from_ms, int64_t to_ms, double value, enum flag flag);

/* Adds the value as the mean of every base period of [from, to). */
void fixture_feed_averaged(
	struct fixture *f, size_t point, int64_t from_ms, int64_t to_ms, double value, enum flag flag);

/* Steps the pipeline up to a time. */
void fixture_step(struct fixture *f, int64_t now_ms);

/* The last recorded mean of the period; NULL if there is none. */
const struct mean_record *fixture_last(
	const struct fixture *f, size_t point, enum period period, enum series_kind kind, double o2_ref);

/* The number of events of a rule, and the n-th of these events (from 0). */
size_t fixture_count(const struct fixture *f, enum alarm_rule rule);
const struct event *fixture_event(const struct fixture *f, enum alarm_rule rule, size_t n);

#endif
