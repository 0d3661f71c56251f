/* time.h - moments and durations, and how they are written.
 * Pure: nothing here asks a clock; daemon/base/clock.c does.
 *
 * Two kinds of time that do not mix (pitfall 75): struct utc labels data and periods, struct mono
 * measures how long something took. Both count milliseconds. */
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

/* Legal dates are China's, and China has one time and no summer time. */
#define CHINA_OFFSET_MIN 480

/* A moment that does not come. */
#define TIME_NEVER ((struct utc){ INT64_MAX })

/* Milliseconds of a clock that never jumps; only differences mean something. */
struct mono {
	int64_t ms;
};

/* Room for "2026-03-02T08:00:00.000+08:00" and its end. */
#define TIME_TEXT_SIZE 40

/* A duration in the largest unit that it is a whole number of: "1min", "24h", "1500ms". buf has TIME_TEXT_SIZE. */
const char *time_format_duration(int64_t ms, char *buf);

/* The start of the period of period_ms that contains `at`, counted in the local day that is
 * offset_min minutes ahead of UTC (China: 480, no summer time). period_ms must divide a day. */
struct utc time_floor(struct utc at, int64_t period_ms, int offset_min);

/* The start of the calendar month (quarter) of the local day that contains `at`, and of the one after. */
struct utc time_month(struct utc at, int offset_min);
struct utc time_next_month(struct utc at, int offset_min);
struct utc time_quarter(struct utc at, int offset_min);
struct utc time_next_quarter(struct utc at, int offset_min);

/* A moment of a wall clock. */
struct time_parts {
	int year;
	int month; /* 1 to 12 */
	int day;   /* from 1 */
	int hour;
	int minute;
	int second;
};

/* The moment on a wall clock that is offset_min ahead of UTC. False for what no calendar or clock shows, and for years
 * before 1970. */
bool time_from_parts(const struct time_parts *parts, int offset_min, struct utc *ret_at);

/* The time that this wall clock shows at a moment. */
struct time_parts time_to_parts(struct utc at, int offset_min);

/* ISO 8601 with the offset, whole seconds: "2026-03-02T08:00:00+08:00". buf has TIME_TEXT_SIZE. */
const char *time_format(struct utc at, int offset_min, char *buf);

/* "20260302T080000", for ids and file names. buf has TIME_TEXT_SIZE. */
const char *time_format_compact(struct utc at, int offset_min, char *buf);

/* Reads "2026-03-02T07:50:00+08:00", "...Z", or a date alone "2026-03-02" (its midnight at
 * offset_min). False when the text is anything else; *ret_at is then untouched. */
bool time_parse(const char *text, int offset_min, struct utc *ret_at);

/* Reads "Asia/Shanghai", "UTC" or "+08:00". False for zones with summer time or unknown names. */
bool time_parse_zone(const char *text, int *ret_offset_min);

/* Reads a duration with its unit: "500ms", "2s", "10min", "1h". False otherwise. */
bool time_parse_duration(const char *text, int64_t *ret_ms);

#endif
