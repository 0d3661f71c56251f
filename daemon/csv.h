/* csv.h - rows of a file of history: a moment and a value with its flag for each factor.
 *
 * The first line names the columns, separated by commas: "time", a factor's key for its values, the key with ".flag"
 * for its flags (one of N F M S D C T B), "flag" for all factors at once. An empty value is a missing one. */
#ifndef EMIS_DAEMON_CSV_H
#define EMIS_DAEMON_CSV_H

#include <stddef.h>
#include <stdio.h>

#include "core/reading.h"

#define CSV_COLUMNS 64
#define CSV_ERROR_SIZE 512

/* A column of the file that is called otherwise there. */
struct csv_name {
	char factor[32];
	char column[64];
};

struct csv_conf {
	const char *path;
	int offset_min; /* of times that do not say it */
	bool has_start; /* the file has no times: its rows follow one another from here */
	struct utc start;
	int64_t interval_ms; /* 0 = the distance of the first two rows */
	const struct csv_name *names;
	size_t n_names;
};

struct csv;

/* Opens the file and reads its head. The factors among the columns are in ret_factors (NUL-terminated keys, in order);
 * what is no factor by `is_factor` is passed over. NULL with a sentence in `error`. */
struct csv *csv_open(
	const struct csv_conf *conf, bool (*is_factor)(void *context, const char *key), void *context, char *error);
void csv_close(struct csv *csv);

size_t csv_factors(const struct csv *csv);
const char *csv_factor(const struct csv *csv, size_t index);

/* How long a row stands, known once two rows were read or when it was given. */
int64_t csv_interval_ms(const struct csv *csv);

/* The next row: values[i] of csv_factor(i), stamped with the row's start; a missing one has no number and flag B.
 * 1, 0 at the end of the file, or -1 with a sentence in `error`. */
int csv_next(struct csv *csv, struct reading *values, char *error);

#endif
