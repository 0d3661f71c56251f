/* time.h - moments, durations and their text forms.
 * Pure: no function here reads a clock; daemon/base/clock.c does.
 *
 * Two kinds of time that do not mix (pitfall 75): struct utc labels data and periods, struct mono measures how long
 * something took. Both count milliseconds. */
#ifndef EMIS_COMMON_TIME_H
#define EMIS_COMMON_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECOND_MS ((int64_t)1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* Milliseconds since 1970-01-01T00:00:00Z. */
struct utc {
	int64_t ms;
};

/* Dates in legal documents are in the time of China, which has one time zone and no summer time. */
#define CHINA_OFFSET_MIN 480

/* Later than every other moment. */
#define TIME_NEVER ((struct utc){ INT64_MAX })

/* Milliseconds of a monotonic clock, which never jumps; only differences have a meaning. */
struct mono {
	int64_t ms;
};

/* Buffer size for "2026-03-02T08:00:00.000+08:00" with the final zero. */
#define TIME_TEXT_SIZE 40

/* A duration in the largest unit that divides it: "1min", "24h", "1500ms". buf has TIME_TEXT_SIZE. */
const char *time_format_duration(int64_t ms, char *buf);

/* The start of the period of period_ms that contains `at`. Periods are counted from midnight of the local day, which
 * is offset_min minutes ahead of UTC (China: 480, no summer time). period_ms must divide a day. */
struct utc time_floor(struct utc at, int64_t period_ms, int offset_min);

/* The start of the local calendar month (quarter) that contains `at`, and of the next one. */
struct utc time_month(struct utc at, int offset_min);
struct utc time_next_month(struct utc at, int offset_min);
struct utc time_quarter(struct utc at, int offset_min);
struct utc time_next_quarter(struct utc at, int offset_min);

/* A date and time as a wall clock shows them. */
struct time_parts {
	int year;
	int month; /* 1 to 12 */
	int day;   /* from 1 */
	int hour;
	int minute;
	int second;
};

/* The moment at which a wall clock that is offset_min minutes ahead of UTC shows the parts. False for parts that no
 * calendar or clock shows, and for years before 1970 or after 9999; *ret_at is then untouched. */
bool time_from_parts(const struct time_parts *parts, int offset_min, struct utc *ret_at);

/* The time that this wall clock shows at a moment. */
struct time_parts time_to_parts(struct utc at, int offset_min);

/* ISO 8601 with the offset, whole seconds: "2026-03-02T08:00:00+08:00". buf has TIME_TEXT_SIZE. */
const char *time_format(struct utc at, int offset_min, char *buf);

/* "20260302T080000", for ids and file names. buf has TIME_TEXT_SIZE. */
const char *time_format_compact(struct utc at, int offset_min, char *buf);

/* Reads "2026-03-02T07:50:00+08:00", "...Z", or a date alone "2026-03-02" (its midnight at offset_min). False for
 * any other text; *ret_at is then untouched. */
bool time_parse(const char *text, int offset_min, struct utc *ret_at);

/* Reads "Asia/Shanghai", "UTC" or "+08:00". False for any other name, also for zones with summer time;
 * *ret_offset_min is then untouched. */
bool time_parse_zone(const char *text, int *ret_offset_min);

/* Reads a duration with its unit: "500ms", "2s", "10min", "1h". False for any other text; *ret_ms is then untouched. */
bool time_parse_duration(const char *text, int64_t *ret_ms);

#endif
