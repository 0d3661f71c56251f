#include "daemon/tools/csv_time.h"

#include <string.h>

/* Reads `least` to `most` digits. False when there are fewer. */
static bool read_number(const char **text, int least, int most, int *ret)
{
	int n = 0, value = 0;

	for (; n < most && **text >= '0' && **text <= '9'; n++, (*text)++) {
		value = value * 10 + (**text - '0');
	}
	*ret = value;
	return n >= least;
}

/* Skips the character. False when another one stands there. */
static bool skip_char(const char **text, char c)
{
	bool found = **text == c;

	*text += found;
	return found;
}

/* Reads year, month and day. *ret_compact is true when no separator stands between them. */
static bool read_date(const char **text, struct time_parts *p, bool *ret_compact)
{
	if (!read_number(text, 4, 4, &p->year)) {
		return false;
	}
	char separator = **text;
	*ret_compact = separator != '-' && separator != '/';
	if (*ret_compact) {
		return read_number(text, 2, 2, &p->month) && read_number(text, 2, 2, &p->day);
	}
	return skip_char(text, separator) && read_number(text, 1, 2, &p->month) && skip_char(text, separator) &&
		read_number(text, 1, 2, &p->day);
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

/* Reads hour and minute, and second and fraction if they are there. */
static bool read_clock(const char **text, bool compact, struct time_parts *p, int *ret_ms)
{
	if (compact) {
		if (!read_number(text, 2, 2, &p->hour) || !read_number(text, 2, 2, &p->minute)) {
			return false;
		}
		bool seconds = **text >= '0' && **text <= '9';
		return !seconds ||
			(read_number(text, 2, 2, &p->second) && (!skip_char(text, '.') || read_fraction(text, ret_ms)));
	}
	if (!read_number(text, 1, 2, &p->hour) || !skip_char(text, ':') || !read_number(text, 2, 2, &p->minute)) {
		return false;
	}
	return !skip_char(text, ':') ||
		(read_number(text, 2, 2, &p->second) && (!skip_char(text, '.') || read_fraction(text, ret_ms)));
}

/* Reads the offset; leaves *offset_min as it is when there is none. */
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
	if ((!skip_char(&text, '+') && !skip_char(&text, '-')) || !read_number(&text, 2, 2, &hours)) {
		return false;
	}
	(void)skip_char(&text, ':');
	if (*text && !read_number(&text, 2, 2, &minutes)) {
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
	if (skip_char(&text, 'T') || skip_char(&text, ' ') || digits_follow) {
		while (skip_char(&text, ' ')) { /* some programs pad an hour of one digit with a blank */
		}
		bool colons = !digits_follow && text[0] && (text[1] == ':' || text[2] == ':');
		if (!read_clock(&text, !colons, &parts, &ms)) {
			return false;
		}
		(void)skip_char(&text, ' ');
	}
	if (!read_zone(text, &offset_min) || !time_from_parts(&parts, offset_min, ret_at)) {
		return false;
	}
	ret_at->ms += ms;
	return true;
}
