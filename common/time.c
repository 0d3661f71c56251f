#include "common/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/array.h"

struct utc time_floor(struct utc at, int64_t period_ms, int offset_min)
{
	int64_t local = at.ms + offset_min * MINUTE_MS;
	int64_t past = local % period_ms;

	if (past < 0) {
		past += period_ms;
	}
	return (struct utc){ at.ms - past };
}

static void local_parts(struct utc at, int offset_min, struct tm *ret_tm)
{
	struct utc second = time_floor(at, SECOND_MS, 0);
	time_t t = (time_t)(second.ms / SECOND_MS + offset_min * 60);

	(void)gmtime_r(&t, ret_tm); /* cannot fail: 2^63 ms end before the year 2^31 */
}

const char *time_format(struct utc at, int offset_min, char *buf)
{
	struct tm tm;
	int ahead = abs(offset_min);

	local_parts(at, offset_min, &tm);
	size_t n = strftime(buf, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TIME_TEXT_SIZE - n, "%c%02d:%02d", offset_min < 0 ? '-' : '+', ahead / 60, ahead % 60);
	return buf;
}

const char *time_format_compact(struct utc at, int offset_min, char *buf)
{
	struct tm tm;

	local_parts(at, offset_min, &tm);
	strftime(buf, TIME_TEXT_SIZE, "%Y%m%dT%H%M%S", &tm);
	return buf;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar (counting years from March). */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* Months are grouped in blocks of `step` months from January on (3: quarters). The start of the month that is
 * `ahead` months after the start of the block that contains `at`. */
static struct utc month_boundary(struct utc at, int offset_min, int step, int ahead)
{
	struct tm tm;

	local_parts(at, offset_min, &tm);
	int month = tm.tm_mon / step * step + ahead;
	int64_t days = days_of(tm.tm_year + 1900 + month / 12, month % 12 + 1, 1);
	return (struct utc){ days * DAY_MS - offset_min * MINUTE_MS };
}

struct utc time_month(struct utc at, int offset_min)
{
	return month_boundary(at, offset_min, 1, 0);
}

struct utc time_next_month(struct utc at, int offset_min)
{
	return month_boundary(at, offset_min, 1, 1);
}

struct utc time_quarter(struct utc at, int offset_min)
{
	return month_boundary(at, offset_min, 3, 0);
}

struct utc time_next_quarter(struct utc at, int offset_min)
{
	return month_boundary(at, offset_min, 3, 3);
}

static bool parse_offset(const char *text, int *ret_offset_min)
{
	int hours, minutes, used = 0;
	char sign;

	if (strcmp(text, "Z") == 0) {
		*ret_offset_min = 0;
		return true;
	}
	if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || text[used] != '\0' || used != 6) {
		return false;
	}
	if ((sign != '+' && sign != '-') || hours < 0 || hours > 14 || minutes < 0 || minutes > 59) {
		return false;
	}
	*ret_offset_min = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

bool time_from_parts(const struct time_parts *parts, int offset_min, struct utc *ret_at)
{
	static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = parts->year, month = parts->month, day = parts->day;

	if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 || day > month_days[month - 1]) {
		return false;
	}
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if ((month == 2 && day == 29 && !leap) || parts->hour < 0 || parts->hour > 23 || parts->minute < 0 ||
		parts->minute > 59 || parts->second < 0 || parts->second > 59) {
		return false;
	}
	ret_at->ms = days_of(year, month, day) * DAY_MS + parts->hour * HOUR_MS +
		(parts->minute - offset_min) * MINUTE_MS + parts->second * SECOND_MS;
	return true;
}

struct time_parts time_to_parts(struct utc at, int offset_min)
{
	struct tm tm;

	local_parts(at, offset_min, &tm);
	return (struct time_parts){ .year = tm.tm_year + 1900,
		.month = tm.tm_mon + 1,
		.day = tm.tm_mday,
		.hour = tm.tm_hour,
		.minute = tm.tm_min,
		.second = tm.tm_sec };
}

bool time_parse(const char *text, int offset_min, struct utc *ret_at)
{
	struct time_parts p = { 0 };
	int used = 0;

	if (sscanf(text, "%4d-%2d-%2d%n", &p.year, &p.month, &p.day, &used) != 3 || used != 10) {
		return false;
	}
	text += used;
	if (*text != '\0') {
		used = 0;
		if (sscanf(text, "T%2d:%2d:%2d%n", &p.hour, &p.minute, &p.second, &used) != 3 || used != 9 ||
			!parse_offset(text + used, &offset_min)) {
			return false;
		}
	}
	return time_from_parts(&p, offset_min, ret_at);
}

bool time_parse_zone(const char *text, int *ret_offset_min)
{
	if (strcmp(text, "Asia/Shanghai") == 0) {
		*ret_offset_min = 480;
		return true;
	}
	if (strcmp(text, "UTC") == 0) {
		*ret_offset_min = 0;
		return true;
	}
	return text[0] != 'Z' && parse_offset(text, ret_offset_min);
}

static const struct {
	const char *name;
	int64_t ms;
} duration_units[] = { { "h", HOUR_MS }, { "min", MINUTE_MS }, { "s", SECOND_MS }, { "ms", 1 } };

const char *time_format_duration(int64_t ms, char *buf)
{
	size_t i = 0;

	while (ms % duration_units[i].ms != 0 || (ms == 0 && duration_units[i].ms != SECOND_MS)) {
		i++; /* ends at "ms", which divides every duration; a duration of zero becomes "0s" */
	}
	snprintf(buf, TIME_TEXT_SIZE, "%" PRId64 "%s", ms / duration_units[i].ms, duration_units[i].name);
	return buf;
}

bool time_parse_duration(const char *text, int64_t *ret_ms)
{
	long long number;
	int used = 0;

	if (text[0] < '0' || text[0] > '9') {
		return false;
	}
	if (sscanf(text, "%9lld%n", &number, &used) != 1) { /* cannot happen: a digit is there. GCOVR_EXCL_BR_LINE */
		return false;                               /* GCOVR_EXCL_LINE */
	}
	for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
		if (strcmp(text + used, duration_units[i].name) == 0) {
			*ret_ms = number * duration_units[i].ms;
			return true;
		}
	}
	return false;
}
