#include "daemon/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum column_kind { COLUMN_OTHER, COLUMN_TIME, COLUMN_VALUE, COLUMN_FLAG, COLUMN_ALL_FLAGS };

struct column {
	enum column_kind kind;
	size_t factor; /* of values and flags */
};

struct csv {
	const struct csv_conf *conf;
	FILE *file;
	char *line;
	size_t room;
	size_t number; /* of the line */
	struct column columns[CSV_COLUMNS];
	size_t n_columns;
	char factors[CSV_COLUMNS][32];
	size_t n_factors;
	int64_t interval_ms;
	struct utc last; /* row; only with n_rows > 0 */
	size_t n_rows;
};

static int fail(const struct csv *csv, char *error, const char *what, const char *found)
{
	snprintf(error, CSV_ERROR_SIZE, "%s:%zu: %s%.60s%s", csv->conf->path, csv->number, what, found,
		found[0] ? "\"" : "");
	return -1;
}

/* Cuts the line at its commas; returns the number of cells, at most `max`. */
static size_t cut(char *line, char **cells, size_t max)
{
	size_t n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (char *cell = line; cell && n < max;) {
		char *comma = strchr(cell, ',');
		if (comma) {
			*comma = '\0';
		}
		while (*cell == ' ') {
			cell++;
		}
		for (size_t length = strlen(cell); length > 0 && cell[length - 1] == ' '; length--) {
			cell[length - 1] = '\0';
		}
		cells[n++] = cell;
		cell = comma ? comma + 1 : NULL;
	}
	return n;
}

static size_t add_factor(struct csv *csv, const char *key)
{
	for (size_t i = 0; i < csv->n_factors; i++) {
		if (strcmp(csv->factors[i], key) == 0) {
			return i;
		}
	}
	snprintf(csv->factors[csv->n_factors], sizeof(csv->factors[0]), "%s", key);
	return csv->n_factors++;
}

/* What the file's column is called here. */
static const char *our_name(const struct csv *csv, const char *column)
{
	for (size_t i = 0; i < csv->conf->n_names; i++) {
		if (strcmp(csv->conf->names[i].column, column) == 0) {
			return csv->conf->names[i].factor;
		}
	}
	return column;
}

static void read_column(
	struct csv *csv, const char *cell, bool (*is_factor)(void *context, const char *key), void *context)
{
	struct column *column = &csv->columns[csv->n_columns++];
	char key[32];
	const char *name = our_name(csv, cell);
	size_t length = strlen(name), tail = strlen(".flag");
	bool flag = length > tail && strcmp(name + length - tail, ".flag") == 0;

	if (!text_copy(key, sizeof(key), name)) {
		return; /* longer than any factor */
	}
	if (flag) {
		key[length - tail] = '\0';
	}
	if (strcmp(name, "time") == 0) {
		column->kind = COLUMN_TIME;
	} else if (strcmp(name, "flag") == 0) {
		column->kind = COLUMN_ALL_FLAGS;
	} else if (is_factor(context, key)) {
		column->kind = flag ? COLUMN_FLAG : COLUMN_VALUE;
		column->factor = add_factor(csv, key);
	}
}

static bool read_head(struct csv *csv, bool (*is_factor)(void *context, const char *key), void *context, char *error)
{
	char *cells[CSV_COLUMNS] = { NULL };
	bool time = csv->conf->has_start;

	csv->number = 1;
	if (getline(&csv->line, &csv->room, csv->file) < 0) {
		(void)fail(csv, error, "the file is empty; its first line names the columns", "");
		return false;
	}
	char *line = strncmp(csv->line, "\xEF\xBB\xBF", 3) == 0 ? csv->line + 3 : csv->line;
	size_t n = cut(line, cells, CSV_COLUMNS);
	for (size_t i = 0; i < n; i++) {
		read_column(csv, cells[i], is_factor, context);
		time |= csv->columns[i].kind == COLUMN_TIME;
	}
	if (!time) {
		(void)fail(
			csv, error, "there is no column \"time\"; without one, --start says where the rows begin", "");
	} else if (csv->n_factors == 0) {
		(void)fail(
			csv, error, "no column is called as a factor of factors.conf; --column FACTOR=NAME tells", "");
	}
	return time && csv->n_factors > 0;
}

struct csv *csv_open(
	const struct csv_conf *conf, bool (*is_factor)(void *context, const char *key), void *context, char *error)
{
	struct csv *csv = calloc(1, sizeof(*csv));

	if (!csv) {
		snprintf(error, CSV_ERROR_SIZE, "out of memory");
		return NULL;
	}
	csv->conf = conf;
	csv->interval_ms = conf->interval_ms;
	csv->file = fopen(conf->path, "re");
	if (!csv->file) {
		snprintf(error, CSV_ERROR_SIZE, "%s: %s", conf->path, strerror(errno));
	} else if (read_head(csv, is_factor, context, error)) {
		return csv;
	}
	csv_close(csv);
	return NULL;
}

void csv_close(struct csv *csv)
{
	if (csv) {
		if (csv->file) {
			fclose(csv->file); /* only read */
		}
		free(csv->line);
		free(csv);
	}
}

size_t csv_factors(const struct csv *csv)
{
	return csv->n_factors;
}

const char *csv_factor(const struct csv *csv, size_t index)
{
	return csv->factors[index];
}

int64_t csv_interval_ms(const struct csv *csv)
{
	return csv->interval_ms;
}

/* "2026-03-02T08:00:00+08:00", or with a blank for the T, without seconds, without an offset, or a date alone. */
static bool read_time(const char *cell, int offset_min, struct utc *ret_at)
{
	char text[64], full[80];
	char zone = offset_min < 0 ? '-' : '+';
	int ahead = abs(offset_min);

	if (strlen(cell) >= sizeof(text)) {
		return false;
	}
	snprintf(text, sizeof(text), "%s", cell);
	if (strlen(text) > 10 && text[10] == ' ') {
		text[10] = 'T';
	}
	if (strlen(text) <= 10 || strlen(text) > 19) {
		return time_parse(text, offset_min, ret_at);
	}
	snprintf(full, sizeof(full), "%s%s%c%02d:%02d", text, strlen(text) == 16 ? ":00" : "", zone, ahead / 60,
		ahead % 60);
	return time_parse(full, offset_min, ret_at);
}

static int read_value(struct csv *csv, const char *cell, struct reading *r, char *error)
{
	char *end = NULL;

	if (cell[0] == '\0') {
		return 0;
	}
	r->value = strtod(cell, &end);
	if (*end != '\0' || !isfinite(r->value)) {
		return fail(csv, error, "a value is a number or empty, found \"", cell);
	}
	if (r->flag == FLAG_NO_COMM) {
		r->flag = FLAG_NORMAL; /* unless a flag says otherwise */
	}
	return 0;
}

static int read_flag(struct csv *csv, const char *cell, struct reading *r, char *error)
{
	enum flag flag;

	if (cell[0] == '\0') {
		return 0;
	}
	if (cell[1] != '\0' || !flag_from_letter(cell[0], &flag)) {
		return fail(csv, error, "a flag is one of N F M S D C T B, found \"", cell);
	}
	if (flag != FLAG_NORMAL || isfinite(r->value)) {
		r->flag = flag;
	}
	return 0;
}

static int read_cells(struct csv *csv, char **cells, struct reading *values, struct utc *at, char *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < csv->n_columns; i++) {
		const struct column *column = &csv->columns[i];
		if (column->kind == COLUMN_VALUE) {
			r = read_value(csv, cells[i], &values[column->factor], error);
		} else if (column->kind == COLUMN_TIME && !csv->conf->has_start &&
			!read_time(cells[i], csv->conf->offset_min, at)) {
			r = fail(csv, error, "a time reads 2026-03-02T08:00:00+08:00, found \"", cells[i]);
		}
	}
	/* After the values, whichever column came first. */
	for (size_t i = 0; r == 0 && i < csv->n_columns; i++) {
		const struct column *column = &csv->columns[i];
		if (column->kind == COLUMN_FLAG) {
			r = read_flag(csv, cells[i], &values[column->factor], error);
		}
		for (size_t k = 0; r == 0 && column->kind == COLUMN_ALL_FLAGS && k < csv->n_factors; k++) {
			r = read_flag(csv, cells[i], &values[k], error);
		}
	}
	return r;
}

int csv_next(struct csv *csv, struct reading *values, char *error)
{
	char *cells[CSV_COLUMNS] = { NULL };
	struct utc at = { 0 };

	do {
		csv->number++;
		if (getline(&csv->line, &csv->room, csv->file) < 0) {
			return 0;
		}
	} while (csv->line[0] == '\n' || csv->line[0] == '\r');
	for (size_t i = 0; i < csv->n_factors; i++) {
		values[i] = (struct reading){ .value = NAN, .flag = FLAG_NO_COMM };
	}
	if (cut(csv->line, cells, CSV_COLUMNS) != csv->n_columns) {
		return fail(csv, error, "the line has not as many cells as the head", "");
	}
	if (csv->conf->has_start) {
		at.ms = csv->conf->start.ms + (int64_t)csv->n_rows * csv->interval_ms;
	}
	if (read_cells(csv, cells, values, &at, error) < 0) {
		return -1;
	}
	if (csv->n_rows > 0 && at.ms <= csv->last.ms) {
		return fail(csv, error, "the time is not after that of the row before", "");
	}
	if (csv->n_rows == 1 && csv->interval_ms == 0) {
		csv->interval_ms = at.ms - csv->last.ms;
	}
	for (size_t i = 0; i < csv->n_factors; i++) {
		values[i].at = at;
	}
	csv->last = at;
	csv->n_rows++;
	return 1;
}
