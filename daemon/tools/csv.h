/* csv.h - rows of a file of history: a moment and a value with its flag for each factor.
 *
 * The first line names the columns (csv_cells.h): "time", a factor's key for its values, the key with ".flag" for its
 * flags (one of N F M S D C T B), "flag" for all factors at once. An empty value is a missing one. What cannot be read
 * is refused, with the line and the column; nothing is guessed but the interval of the rows. One thread at a time. */
#ifndef EMIS_DAEMON_TOOLS_CSV_H
#define EMIS_DAEMON_TOOLS_CSV_H

#include <stddef.h>

#include "core/reading.h"
#include "daemon/tools/csv_cells.h"

#define CSV_NAME_SIZE 64

/* A column of the file that is called otherwise there. */
struct csv_name {
	char key[32]; /* "time", "flag", a factor's key, or that with ".flag" */
	char column[CSV_NAME_SIZE];
};

struct csv_conf {
	const char *path;
	int offset_min; /* of times that do not say it */
	bool has_start; /* the file has no times: its rows follow one another from here */
	struct utc start;
	bool stamp_is_end;   /* times are those of the end of a row's period */
	int64_t interval_ms; /* how long a row stands; 0 = the most frequent distance of two rows of the file */
	const struct csv_name *names;
	size_t n_names;
};

struct csv;

/* Opens the file and reads its head. What is no factor by `is_factor` is not used. NULL with a sentence in `error`
 * (CSV_ERROR_SIZE bytes). `conf` is borrowed. */
struct csv *csv_open(
	const struct csv_conf *conf, bool (*is_factor)(void *context, const char *key), void *context, char *error);
void csv_close(struct csv *csv);

size_t csv_factors(const struct csv *csv);
const char *csv_factor(const struct csv *csv, size_t index);

/* Reads all rows for their interval, so that a fault in any of them is found before the first is judged; then the first
 * row is the next one again. False with a sentence, also when the file is one that cannot be read twice. Not needed
 * when the configuration gives the interval. */
bool csv_find_interval(struct csv *csv, char *error);

/* Milliseconds; > 0 once it was given or found. No two rows are closer. */
int64_t csv_interval_ms(const struct csv *csv);

/* Rows that csv_next() gave so far. */
size_t csv_rows(const struct csv *csv);

/* The names of the columns that are not used, separated by ", "; those that do not fit are counted. "" for none. */
void csv_unused(const struct csv *csv, char *buf, size_t size);

/* The next row: values[i] of csv_factor(i), stamped with the row's start; a missing one has no number and flag B.
 * 1, 0 at the end of the file, or -1 with a sentence in `error`. */
int csv_next(struct csv *csv, struct reading *values, char *error);

#endif
