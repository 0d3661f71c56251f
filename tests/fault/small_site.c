#include "tests/fault/small_site.h"

#include <stdlib.h>
#include <string.h>

#include "core/alarm.h"

#define START 1772461800000LL /* 2026-03-02T22:30:00+08:00: midnight comes soon */

void small_site_init(struct small_site *small, const char *folder)
{
	static const char *const keys[SMALL_POINTS] = { "so2", "nox", "o2" };

	memset(small, 0, sizeof(*small));
	snprintf(small->site.id, sizeof(small->site.id), "small");
	snprintf(small->site.store.path, sizeof(small->site.store.path), "%s", folder);
	small->site.store.quota_bytes = (int64_t)1 << 40;
	small->site.judging.offset_min = CHINA_OFFSET_MIN;
	small->site.outlets = &small->outlet;
	small->site.n_outlets = 1;
	snprintf(small->document.number, sizeof(small->document.number), "TEST-1");
	small->limit = (struct limit){ .document = &small->document,
		.key = "small.so2",
		.factor = "so2",
		.unit = "mg/m3",
		.tier = "own",
		.clause = "1",
		.verified = true,
		.min = NAN,
		.max = 35.0,
		.o2_ref = NAN,
		.period = LIMIT_HOUR };
	snprintf(small->outlet.id, sizeof(small->outlet.id), "DA001");
	small->outlet.medium = MEDIUM_GAS;
	small->outlet.points = small->points;
	small->outlet.n_points = SMALL_POINTS;
	for (size_t i = 0; i < SMALL_POINTS; i++) {
		snprintf(small->factors[i].key, sizeof(small->factors[i].key), "%s", keys[i]);
		small->points[i].factor = &small->factors[i];
	}
	small_set_clock(small, 0);
}

void small_set_clock(struct small_site *small, int64_t reading)
{
	clock_init_simulated(&small->clock, 1.0, (struct utc){ START + reading * SMALL_SPACING_MS }, NAN);
}

struct raw_reading small_reading(int64_t number)
{
	return (struct raw_reading){ .point = (size_t)(number % SMALL_POINTS),
		.reading = { { START + number * SMALL_SPACING_MS }, (double)number / 8.0, FLAG_NORMAL } };
}

int64_t small_reading_number(const struct raw_reading *reading)
{
	int64_t number = (reading->reading.at.ms - START) / SMALL_SPACING_MS;
	struct raw_reading expected = small_reading(number);

	return reading->reading.at.ms == expected.reading.at.ms && reading->reading.value == expected.reading.value &&
			reading->point == expected.point && reading->reading.flag == FLAG_NORMAL && !reading->late
		? number
		: 0;
}

struct store_event small_event(struct small_site *small, int64_t seq)
{
	struct utc now = clock_utc(&small->clock);
	struct store_event e = { .seq = seq,
		.event = { .change = ALARM_RAISED,
			.rule = RULE_PERIOD_MEAN,
			.outlet = &small->outlet,
			.point = &small->points[0],
			.limit = &small->limit,
			.at = now,
			.since = { now.ms - HOUR_MS + seq },
			.worst = 50.0,
			.value = 50.0 } };

	e.event.mean.start = e.event.since;
	alarm_id(e.alarm_id, sizeof(e.alarm_id), small->site.id, &e.event);
	/* An id has only seconds; the number makes it unique. */
	snprintf(e.alarm_id + strlen(e.alarm_id), sizeof(e.alarm_id) - strlen(e.alarm_id), "-%lld", (long long)seq);
	snprintf(e.topic, sizeof(e.topic), "emis/1/small/DA001/alarm");
	if (asprintf(&e.payload, "{\"seq\": %lld, \"alarm_id\": \"%s\"}", (long long)seq, e.alarm_id) < 0) {
		abort();
	}
	return e;
}
