#include "daemon/tools/history_print.h"

#include <math.h>
#include <string.h>

#define ROW_SIZE 512 /* bytes; every row is shorter */

struct history_column {
	const char *name; /* NULL ends the list */
	int width;        /* in a table */
};

/* clang-format off */
static const struct history_column mean_columns[] = {
	{ "start", 25 }, { "value", 14 }, { "min", 14 }, { "max", 14 }, { "flag", 4 }, { "valid", 5 }, { "n_valid", 7 },
	{ "n_due", 5 }, { "amount", 14 }, { NULL, 0 }
};
static const struct history_column raw_columns[] = {
	{ "at", 29 }, { "value", 14 }, { "flag", 4 }, { "late", 4 }, { NULL, 0 }
};
/* clang-format on */

static void flush_buffer(struct history_out *out)
{
	out->failed |= fwrite(out->buffer, 1, out->n, out->file) != out->n;
	out->n = 0;
}

static void put_bytes(struct history_out *out, const char *text, size_t n)
{
	memcpy(out->buffer + out->n, text, n); /* fits: end_row() keeps ROW_SIZE bytes free */
	out->n += n;
}

static void put_text(struct history_out *out, const char *text)
{
	put_bytes(out, text, strlen(text));
}

/* Writes one cell; n = 0 for an unknown value. `quote` asks for quotes in JSON. */
static void put_cell(struct history_out *out, const char *text, size_t n, bool quote)
{
	const struct history_column *column = &out->columns[out->cell];

	switch (out->format) {
	case HISTORY_TABLE:
		for (size_t used = n ? n : 1; used < (size_t)column->width; used++) {
			out->buffer[out->n++] = ' ';
		}
		put_bytes(out, n ? text : "-", n ? n : 1);
		out->buffer[out->n++] = ' ';
		break;
	case HISTORY_CSV:
		if (out->cell > 0) {
			out->buffer[out->n++] = ',';
		}
		put_bytes(out, text, n);
		break;
	case HISTORY_JSON:
		put_text(out, out->cell > 0 ? ",\"" : out->rows > 0 ? ",\n{\"" : "\n{\"");
		put_text(out, column->name);
		put_text(out, quote && n ? "\":\"" : "\":");
		put_bytes(out, n ? text : "null", n ? n : 4);
		put_text(out, quote && n ? "\"" : "");
		break;
	}
	out->cell++;
}

static void end_row(struct history_out *out)
{
	if (out->format == HISTORY_TABLE) {
		out->n--; /* remove the blank after the last cell */
	}
	put_text(out, out->format == HISTORY_JSON ? "}" : "\n");
	out->cell = 0;
	out->rows++;
	if (out->n > sizeof(out->buffer) - ROW_SIZE) {
		flush_buffer(out);
	}
}

/* Writes the digits of n, with leading zeros at least `digits` of them. Returns their number. */
static size_t put_digits(char *text, uint64_t n, size_t digits)
{
	char reversed[24];
	size_t length = 0;

	while (n > 0 || length < digits) {
		reversed[length++] = (char)('0' + n % 10);
		n /= 10;
	}
	for (size_t i = 0; i < length; i++) {
		text[i] = reversed[length - 1 - i];
	}
	return length;
}

size_t history_number(double value, char text[HISTORY_NUMBER_SIZE])
{
	double magnitude = fabs(value);
	size_t decimals = magnitude < 1.0 ? 9 : 6, n = 0;
	uint64_t power = magnitude < 1.0 ? 1000000000 : 1000000;

	if (magnitude >= 1e9 || (magnitude > 0.0 && magnitude < 1e-5)) {
		return (size_t)snprintf(text, HISTORY_NUMBER_SIZE, "%.10g", value);
	}
	uint64_t scaled = (uint64_t)llrint(magnitude * (double)power);
	if (value < 0.0 && scaled > 0) {
		text[n++] = '-';
	}
	n += put_digits(text + n, scaled / power, 1);
	if (scaled % power > 0) {
		text[n++] = '.';
		n += put_digits(text + n, scaled % power, decimals);
		while (text[n - 1] == '0') {
			n--;
		}
	}
	return n;
}

static void put_number(struct history_out *out, double value)
{
	char text[HISTORY_NUMBER_SIZE];

	put_cell(out, text, isfinite(value) ? history_number(value, text) : 0, false);
}

static void put_count(struct history_out *out, unsigned n)
{
	char text[24];

	put_cell(out, text, put_digits(text, n, 1), false);
}

static void put_bool(struct history_out *out, bool value)
{
	const char *text = out->format == HISTORY_JSON ? (value ? "true" : "false") : (value ? "1" : "0");

	put_cell(out, text, strlen(text), false);
}

static void put_flag(struct history_out *out, enum flag flag)
{
	char letter = flag_letter(flag);

	put_cell(out, &letter, 1, true);
}

/* Writes a time. The text of the date is kept and computed again only when the day changes. */
static void put_time(struct history_out *out, struct utc at, bool with_ms)
{
	int64_t past = at.ms - out->day.ms;
	char text[TIME_TEXT_SIZE];
	size_t n = 11;

	if (past < 0 || past >= DAY_MS) {
		out->day = time_floor(at, DAY_MS, out->offset_min);
		past = at.ms - out->day.ms;
		time_format(at, out->offset_min, text);
		memcpy(out->date, text, 11);
		snprintf(out->zone, sizeof(out->zone), "%.7s", text + 19);
	}
	memcpy(text, out->date, 11);
	n += put_digits(text + n, (uint64_t)(past / HOUR_MS), 2);
	text[n++] = ':';
	n += put_digits(text + n, (uint64_t)(past % HOUR_MS / MINUTE_MS), 2);
	text[n++] = ':';
	n += put_digits(text + n, (uint64_t)(past % MINUTE_MS / SECOND_MS), 2);
	if (with_ms) {
		text[n++] = '.';
		n += put_digits(text + n, (uint64_t)(past % SECOND_MS), 3);
	}
	memcpy(text + n, out->zone, 6);
	put_cell(out, text, n + 6, true);
}

void history_begin(struct history_out *out, FILE *file, enum history_format format, bool raw, int offset_min)
{
	memset(out, 0, sizeof(*out));
	out->file = file;
	out->format = format;
	out->columns = raw ? raw_columns : mean_columns;
	out->offset_min = offset_min;
	out->day.ms = INT64_MAX / 2; /* of no moment */
	if (format == HISTORY_JSON) {
		put_text(out, "[");
		return;
	}
	for (const struct history_column *c = out->columns; c->name; c++) {
		put_cell(out, c->name, strlen(c->name), false);
	}
	end_row(out);
	out->rows = 0;
}

void history_mean(struct history_out *out, const struct mean *mean, double amount)
{
	put_time(out, mean->start, false);
	put_number(out, mean->value);
	put_number(out, mean->min);
	put_number(out, mean->max);
	put_flag(out, mean->flag);
	put_bool(out, mean->valid);
	put_count(out, mean->n_valid);
	put_count(out, mean->n_due);
	put_number(out, amount);
	end_row(out);
}

void history_reading(struct history_out *out, const struct reading *reading, bool late)
{
	put_time(out, reading->at, true);
	put_number(out, reading->value);
	put_flag(out, reading->flag);
	put_bool(out, late);
	end_row(out);
}

bool history_end(struct history_out *out)
{
	if (out->format == HISTORY_JSON) {
		put_text(out, out->rows > 0 ? "\n]\n" : "]\n");
	}
	flush_buffer(out);
	return fflush(out->file) == 0 && !out->failed;
}
