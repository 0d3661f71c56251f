#include "daemon/tools/csv_time.h"

#include <string.h>

/* Reads `least` to `most` digits; false without so many. */
static bool number(const char **text, int least, int most, int *ret)
{
	int n = 0, value = 0;

	for (; n < most && **text >= '0' && **text <= '9'; n++, (*text)++) {
		value = value * 10 + (**text - '0');
	}
	*ret = value;
	return n >= least;
}

static bool skip(const char **text, char c)
{
	bool there = **text == c;

	*text += there;
	return there;
}

/* Year, month and day; compact says that no sign stands between them. */
static bool read_date(const char **text, struct time_parts *p, bool *ret_compact)
{
	if (!number(text, 4, 4, &p->year)) {
		return false;
	}
	char sign = **text;
	*ret_compact = sign != '-' && sign != '/';
	if (*ret_compact) {
		return number(text, 2, 2, &p->month) && number(text, 2, 2, &p->day);
	}
	return skip(text, sign) && number(text, 1, 2, &p->month) && skip(text, sign) && number(text, 1, 2, &p->day);
}

static bool read_fraction(const char **text, int *ret_ms)
{
	int unit = 100;

	if (**text < '0' || **text > '9') {
		return false;
	}
	for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10) {
		*ret_ms += (**text - '0') * unit;
	}
	return true;
}

/* Hour, minute and, unless they are left out, second and fraction. */
static bool read_clock(const char **text, bool compact, struct time_parts *p, int *ret_ms)
{
	if (compact) {
		if (!number(text, 2, 2, &p->hour) || !number(text, 2, 2, &p->minute)) {
			return false;
		}
		bool seconds = **text >= '0' && **text <= '9';
		return !seconds ||
			(number(text, 2, 2, &p->second) && (!skip(text, '.') || read_fraction(text, ret_ms)));
	}
	if (!number(text, 1, 2, &p->hour) || !skip(text, ':') || !number(text, 2, 2, &p->minute)) {
		return false;
	}
	return !skip(text, ':') ||
		(number(text, 2, 2, &p->second) && (!skip(text, '.') || read_fraction(text, ret_ms)));
}

static bool read_zone(const char *text, int *offset_min)
{
	int hours, minutes = 0;

	if (*text == '\0') {
		return true;
	}
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
		*offset_min = 0;
		return true;
	}
	int sign = *text == '-' ? -1 : 1;
	if ((!skip(&text, '+') && !skip(&text, '-')) || !number(&text, 2, 2, &hours)) {
		return false;
	}
	(void)skip(&text, ':');
	if (*text && !number(&text, 2, 2, &minutes)) {
		return false;
	}
	*offset_min = sign * (hours * 60 + minutes);
	return *text == '\0' && hours <= 14 && minutes < 60;
}

bool csv_time_parse(const char *text, int offset_min, struct utc *ret_at)
{
	struct time_parts parts = { 0 };
	bool compact;
	int ms = 0;

	if (!read_date(&text, &parts, &compact)) {
		return false;
	}
	bool digits_follow = compact && *text >= '0' && *text <= '9';
	if (skip(&text, 'T') || skip(&text, ' ') || digits_follow) {
		while (skip(&text, ' ')) { /* some programs align hours of one digit */
		}
		bool colons = !digits_follow && text[0] && (text[1] == ':' || text[2] == ':');
		if (!read_clock(&text, !colons, &parts, &ms)) {
			return false;
		}
		(void)skip(&text, ' ');
	}
	if (!read_zone(text, &offset_min) || !time_from_parts(&parts, offset_min, ret_at)) {
		return false;
	}
	ret_at->ms += ms;
	return true;
}
