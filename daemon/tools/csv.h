/* csv.h - reads the rows of a file of past values: a moment and, for each factor, a value with its flag.
 *
 * The first line names the columns (csv_cells.h): "time", a factor's key for its values, the key with ".flag" for its
 * flags (one of N F M S D C T B), "flag" for all factors at once. An empty cell is a missing value. A cell that cannot
 * be read is refused with its line and column. Only the interval of the rows is guessed. One thread at a time. */
#ifndef EMIS_DAEMON_TOOLS_CSV_H
#define EMIS_DAEMON_TOOLS_CSV_H

#include <stddef.h>

#include "core/reading.h"
#include "daemon/tools/csv_cells.h"

#define CSV_NAME_SIZE 64

/* A column whose name in the file is not the key that it stands for (--column KEY=NAME). */
struct csv_name {
	char key[32];               /* "time", "flag", a factor's key, or that with ".flag" */
	char column[CSV_NAME_SIZE]; /* its name in the file */
};

struct csv_conf {
	const char *path;
	int offset_min; /* against UTC, of times in the file without an offset */
	bool has_start; /* the file has no times: its rows follow one another from `start` */
	struct utc start;
	bool stamp_is_end;   /* the time of a row is the end of its period, not the start */
	int64_t interval_ms; /* the period of a row; 0 = the most frequent time between two rows of the file */
	const struct csv_name *names;
	size_t n_names;
};

struct csv;

/* Opens the file and reads its first line. Columns for which `is_factor` is false are not used, except time and flags.
 * `conf` is borrowed. Close with csv_close(). NULL with a sentence in `error` (CSV_ERROR_SIZE bytes). */
struct csv *csv_open(
	const struct csv_conf *conf, bool (*is_factor)(void *context, const char *key), void *context, char *error);
void csv_close(struct csv *csv);

/* The number of factors of the file, and the key of one by its index. */
size_t csv_factors(const struct csv *csv);
const char *csv_factor(const struct csv *csv, size_t index);

/* Reads all rows to find their interval, then goes back to the first row. A faulty row is thus refused before any row
 * is judged. False with a sentence in `error`, also when the file cannot be read twice (a pipe). Not needed when the
 * configuration gives the interval. */
bool csv_find_interval(struct csv *csv, char *error);

/* The interval of the rows in milliseconds; 0 until it is given or found. Rows closer together are refused. */
int64_t csv_interval_ms(const struct csv *csv);

/* The number of rows that csv_next() has returned so far. */
size_t csv_rows(const struct csv *csv);

/* Writes the names of the columns that are not used, separated by ", ", and the number of names that do not fit. Writes
 * an empty text when all columns are used. */
void csv_unused(const struct csv *csv, char *buf, size_t size);

/* Reads the next row: values[i] is that of csv_factor(i), stamped with the start of the row's period; a missing value
 * is NAN with flag B. Returns 1, 0 at the end of the file, or -1 with a sentence in `error`. */
int csv_next(struct csv *csv, struct reading *values, char *error);

#endif
