#include "daemon/tools/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "common/text.h"
#include "daemon/tools/csv_time.h"

#define DISTANCES 1024 /* with more different distances between rows, a file has no interval */

enum column_kind { COLUMN_OTHER, COLUMN_TIME, COLUMN_VALUE, COLUMN_FLAG, COLUMN_ALL_FLAGS };

struct column {
	enum column_kind kind;
	size_t factor;            /* its index; for COLUMN_VALUE and COLUMN_FLAG */
	char name[CSV_NAME_SIZE]; /* in the file */
};

struct csv {
	const struct csv_conf *conf;
	struct csv_cells *cells;
	struct column columns[CSV_COLUMNS];
	size_t n_columns;
	char factors[CSV_COLUMNS][32];
	size_t n_factors;
	int64_t interval_ms;
	struct utc last; /* the time of the last row; only with n_rows > 0 */
	size_t n_rows;
};

/* ---- the first line ---- */

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

/* The key that the column of the file stands for: by --column, else its name. */
static const char *key_of_column(const struct csv *csv, const char *column)
{
	for (size_t i = 0; i < csv->conf->n_names; i++) {
		if (strcmp(csv->conf->names[i].column, column) == 0) {
			return csv->conf->names[i].key;
		}
	}
	return column;
}

/* Finds out what the next column holds, by its name. */
static void read_column(
	struct csv *csv, const char *cell, bool (*is_factor)(void *context, const char *key), void *context)
{
	struct column *column = &csv->columns[csv->n_columns++];
	char key[32];
	const char *name = key_of_column(csv, cell);
	size_t length = strlen(name), tail = strlen(".flag");
	bool flag = length > tail && strcmp(name + length - tail, ".flag") == 0;

	(void)text_copy(column->name, sizeof(column->name), cell); /* for messages only; may be cut */
	if (!text_copy(key, sizeof(key), name)) {
		return; /* too long for a factor's key */
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

static size_t count_kind(const struct csv *csv, enum column_kind kind, size_t factor)
{
	size_t n = 0;

	for (size_t i = 0; i < csv->n_columns; i++) {
		n += csv->columns[i].kind == kind && (kind == COLUMN_OTHER || csv->columns[i].factor == factor);
	}
	return n;
}

/* The name in the file that is most similar to the word; NULL when none is similar. */
static const char *nearest_column(const struct csv *csv, const char *word)
{
	const char *nearest = NULL;

	for (size_t i = 0; i < csv->n_columns; i++) {
		text_keep_nearest(word, csv->columns[i].name, &nearest);
	}
	return nearest;
}

/* Writes the names of all columns, or only of those that are not used. */
static void list_columns(const struct csv *csv, bool all, char *buf, size_t size)
{
	size_t used = 0, left = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < csv->n_columns; i++) {
		const struct column *column = &csv->columns[i];
		if (!all && column->kind != COLUMN_OTHER) {
			continue;
		}
		size_t length = strlen(column->name) + 2;
		if (left > 0 || used + length + strlen(" and 64 more") >= size) {
			left++;
			continue;
		}
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "", column->name);
	}
	if (left > 0) {
		snprintf(buf + used, size - used, " and %zu more", left);
	}
}

/* Each --column must name a column of the file and a key that is known. */
static bool check_names(
	const struct csv *csv, bool (*is_factor)(void *context, const char *key), void *context, char *error)
{
	char names[200], key[32];

	list_columns(csv, true, names, sizeof(names));
	for (size_t i = 0; i < csv->conf->n_names; i++) {
		const struct csv_name *name = &csv->conf->names[i];
		bool in_file = false;
		for (size_t k = 0; k < csv->n_columns; k++) {
			in_file |= strcmp(csv->columns[k].name, name->column) == 0;
		}
		if (!in_file) {
			(void)csv_cells_refuse(csv->cells, error,
				"there is no column \"%s\" for --column %s=%s; the columns are %s", name->column,
				name->key, name->column, names);
			return false;
		}
		snprintf(key, sizeof(key), "%s", name->key);
		char *flag = strstr(key, ".flag");
		if (flag && flag[5] == '\0') {
			*flag = '\0';
		}
		if (strcmp(key, "time") != 0 && strcmp(key, "flag") != 0 && !is_factor(context, key)) {
			(void)csv_cells_refuse(csv->cells, error,
				"--column %s=%s: \"%s\" is not in factors.conf, nor is it time or flag", name->key,
				name->column, key);
			return false;
		}
	}
	return true;
}

/* No two columns may stand for the same key, and each flag column needs the value column of its factor. */
static bool check_columns(const struct csv *csv, char *error)
{
	for (size_t i = 0; i < csv->n_columns; i++) {
		const struct column *column = &csv->columns[i];
		if (column->kind != COLUMN_OTHER && count_kind(csv, column->kind, column->factor) > 1) {
			(void)csv_cells_refuse(csv->cells, error,
				"column %zu: the file has more than one column for \"%s\"; leave all but one out, or "
				"call them otherwise",
				i + 1, column->name);
			return false;
		}
		if (column->kind == COLUMN_FLAG && count_kind(csv, COLUMN_VALUE, column->factor) == 0) {
			(void)csv_cells_refuse(csv->cells, error, "column %zu: \"%s\" has no column \"%s\" beside it",
				i + 1, column->name, csv->factors[column->factor]);
			return false;
		}
	}
	return true;
}

/* The file needs a column of times, unless --start is given, and at least one factor. */
static bool check_needed(const struct csv *csv, char *error)
{
	char names[200];
	const char *nearest = nearest_column(csv, "time");

	list_columns(csv, true, names, sizeof(names));
	if (csv->conf->has_start == (count_kind(csv, COLUMN_TIME, 0) == 1)) {
		if (csv->conf->has_start) {
			(void)csv_cells_refuse(csv->cells, error,
				"--start is for a file without times, and this one has a column for them");
		} else {
			(void)csv_cells_refuse(csv->cells, error,
				"there is no column \"time\", found %s; --column time=%s names it, or --start says "
				"where the rows begin",
				names, nearest ? nearest : "NAME");
		}
		return false;
	}
	if (csv->n_factors == 0) {
		(void)csv_cells_refuse(csv->cells, error,
			"no column has the name of a factor in factors.conf (so2, o2, cod, ...), found %s; "
			"--column so2=NAME names one",
			names);
		return false;
	}
	return true;
}

static bool read_head(struct csv *csv, bool (*is_factor)(void *context, const char *key), void *context, char *error)
{
	char *cells[CSV_COLUMNS] = { NULL };
	int n = csv_cells_next(csv->cells, cells, error);

	if (n == 0) {
		(void)csv_cells_refuse(csv->cells, error, "the file is empty; its first line names the columns");
	} else if (n > CSV_COLUMNS) {
		(void)csv_cells_refuse(csv->cells, error,
			"%d columns; at most %d can be read: leave out what is not judged", n, CSV_COLUMNS);
	}
	if (n <= 0 || n > CSV_COLUMNS) {
		return false;
	}
	for (int i = 0; i < n; i++) {
		read_column(csv, cells[i], is_factor, context);
	}
	return check_names(csv, is_factor, context, error) && check_columns(csv, error) && check_needed(csv, error);
}

void csv_unused(const struct csv *csv, char *buf, size_t size)
{
	list_columns(csv, false, buf, size);
}

/* ---- rows ---- */

/* Writes a sentence that names the cell's column. Returns -1. */
static int refuse_cell(const struct csv *csv, size_t column, const char *expected, const char *found, char *error)
{
	return csv_cells_refuse(csv->cells, error, "column %zu (%s): %s, found \"%.60s\"", column + 1,
		csv->columns[column].name, expected, found);
}

static int read_value(const struct csv *csv, size_t column, char *cell, struct reading *r, char *error)
{
	static const char expected[] = "a value is a decimal number or empty";

	if (cell[0] == '\0') {
		return 0;
	}
	char *comma = csv_cells_decimal_comma(csv->cells) && !strchr(cell, '.') ? strchr(cell, ',') : NULL;
	if (comma) {
		*comma = '.';
	}
	if (!num_parse_double(cell, &r->value)) {
		return refuse_cell(csv, column, expected, cell, error);
	}
	if (r->flag == FLAG_NO_COMM) {
		r->flag = FLAG_NORMAL; /* read_flag() may change it later */
	}
	return 0;
}

static int read_flag(const struct csv *csv, size_t column, const char *cell, struct reading *r, char *error)
{
	enum flag flag;

	if (cell[0] == '\0') {
		return 0;
	}
	if (cell[1] != '\0' || !flag_from_letter(cell[0], &flag)) {
		return refuse_cell(csv, column, "a flag is one of N F M S D C T B", cell, error);
	}
	if (flag != FLAG_NORMAL || isfinite(r->value)) {
		r->flag = flag;
	}
	return 0;
}

static int read_values(struct csv *csv, char **cells, struct reading *values, char *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < csv->n_columns; i++) {
		if (csv->columns[i].kind == COLUMN_VALUE) {
			r = read_value(csv, i, cells[i], &values[csv->columns[i].factor], error);
		}
	}
	/* Flags are read after all values, whatever the order of the columns: they override the flag of a value. */
	for (size_t i = 0; r == 0 && i < csv->n_columns; i++) {
		if (csv->columns[i].kind == COLUMN_FLAG) {
			r = read_flag(csv, i, cells[i], &values[csv->columns[i].factor], error);
		}
		for (size_t k = 0; r == 0 && csv->columns[i].kind == COLUMN_ALL_FLAGS && k < csv->n_factors; k++) {
			r = read_flag(csv, i, cells[i], &values[k], error);
		}
	}
	return r;
}

/* Reads the cells of the next row and its time as the file gives it. 1, 0 at the end of the file, or -1. */
static int next_row(struct csv *csv, char **cells, struct utc *ret_at, char *error)
{
	int n = csv_cells_next(csv->cells, cells, error);

	if (n <= 0) {
		return n;
	}
	if ((size_t)n != csv->n_columns) {
		return csv_cells_refuse(
			csv->cells, error, "%d cells, expected %zu as in the first line", n, csv->n_columns);
	}
	ret_at->ms = csv->conf->start.ms + (int64_t)csv->n_rows * csv->interval_ms;
	for (size_t i = 0; i < csv->n_columns; i++) {
		if (csv->columns[i].kind == COLUMN_TIME && !csv_time_parse(cells[i], csv->conf->offset_min, ret_at)) {
			return refuse_cell(csv, i, "a time reads " CSV_TIME_FORMS, cells[i], error);
		}
	}
	if (csv->n_rows > 0 && ret_at->ms <= csv->last.ms) {
		return csv_cells_refuse(csv->cells, error, "the time is not after that of the row before");
	}
	if (csv->n_rows > 0 && ret_at->ms - csv->last.ms < csv->interval_ms) {
		return csv_cells_refuse(csv->cells, error,
			"%g s after the row before, but a row stands for %g s; --interval says another time",
			(double)(ret_at->ms - csv->last.ms) / SECOND_MS, (double)csv->interval_ms / SECOND_MS);
	}
	return 1;
}

/* ---- the interval ---- */

struct distance {
	int64_t ms;
	size_t n;
};

/* Counts one distance between two rows. False when there are too many different distances. */
static bool count_distance(struct distance *distances, size_t *n, int64_t ms)
{
	for (size_t i = 0; i < *n; i++) {
		if (distances[i].ms == ms) {
			distances[i].n++;
			return true;
		}
	}
	if (*n == DISTANCES) {
		return false;
	}
	distances[(*n)++] = (struct distance){ ms, 1 };
	return true;
}

/* The most frequent distance between two rows; the shorter one if two are equally frequent. */
static int64_t most_frequent(const struct distance *distances, size_t n)
{
	struct distance most = { 0 };

	for (size_t i = 0; i < n; i++) {
		bool shorter = distances[i].n == most.n && distances[i].ms < most.ms;
		if (distances[i].n > most.n || shorter) {
			most = distances[i];
		}
	}
	return most.ms;
}

/* Reads the next row into `values` (csv->n_factors of them). 1, 0 at the end of the file, or -1. */
static int read_row(struct csv *csv, struct reading *values, struct utc *ret_at, char *error)
{
	char *cells[CSV_COLUMNS] = { NULL };
	int r = next_row(csv, cells, ret_at, error);

	if (r <= 0) {
		return r;
	}
	for (size_t i = 0; i < csv->n_factors; i++) {
		values[i] = (struct reading){ .value = NAN, .flag = FLAG_NO_COMM };
		values[i].at.ms = ret_at->ms - (csv->conf->stamp_is_end ? csv->interval_ms : 0);
	}
	return read_values(csv, cells, values, error) < 0 ? -1 : 1;
}

static bool refuse_interval(const struct csv *csv, const char *why, char *error)
{
	(void)csv_cells_refuse(csv->cells, error, "%s; --interval says how long a row stands", why);
	return false;
}

bool csv_find_interval(struct csv *csv, char *error)
{
	struct reading values[CSV_COLUMNS];
	struct distance *distances = calloc(DISTANCES, sizeof(*distances));
	char *head[CSV_COLUMNS];
	bool regular = distances != NULL;
	size_t n = 0;
	struct utc at = { 0 };
	int r = 0;

	while (regular && (r = read_row(csv, values, &at, error)) > 0) {
		if (csv->n_rows > 0) {
			regular = count_distance(distances, &n, at.ms - csv->last.ms);
		}
		csv->last = at;
		csv->n_rows++;
	}
	int64_t ms = distances ? most_frequent(distances, n) : 0;
	free(distances);
	if (r < 0) {
		return false;
	}
	if (!distances || !regular) {
		return refuse_interval(
			csv, distances ? "no distance of two rows comes up again and again" : "out of memory", error);
	}
	if (n == 0) {
		return refuse_interval(csv,
			csv->n_rows ? "one row does not tell the interval" : "there is no row after the head", error);
	}
	csv->n_rows = 0;
	csv->interval_ms = ms;
	return csv_cells_rewind(csv->cells, error) && csv_cells_next(csv->cells, head, error) > 0;
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
	csv->cells = csv_cells_open(conf->path, error);
	if (csv->cells && read_head(csv, is_factor, context, error)) {
		return csv;
	}
	csv_close(csv);
	return NULL;
}

void csv_close(struct csv *csv)
{
	if (csv) {
		csv_cells_close(csv->cells);
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

size_t csv_rows(const struct csv *csv)
{
	return csv->n_rows;
}

int csv_next(struct csv *csv, struct reading *values, char *error)
{
	struct utc at = { 0 };
	int r = read_row(csv, values, &at, error);

	if (r > 0) {
		csv->last = at;
		csv->n_rows++;
	}
	return r;
}
