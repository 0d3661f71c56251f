/* history_print.h - prints stored means or readings as a table, CSV or JSON. A year of minutes is half a million rows;
 * for speed, numbers and times are formatted without printf(). An unknown value is printed as "-", an empty cell or
 * null, never as a number. */
#ifndef EMIS_DAEMON_TOOLS_HISTORY_PRINT_H
#define EMIS_DAEMON_TOOLS_HISTORY_PRINT_H

#include <stdio.h>

#include "core/mean.h"

enum history_format { HISTORY_TABLE, HISTORY_CSV, HISTORY_JSON };

struct history_column;

struct history_out { /* fields are private to history_print.c, but for `failed` and `rows` */
	FILE *file;
	enum history_format format;
	const struct history_column *columns;
	int offset_min; /* against UTC, of the times that are printed */
	struct utc day; /* the local day to which `date` belongs */
	char date[16];  /* "2026-03-02T" */
	char zone[8];   /* "+08:00" */
	size_t cell;    /* index of the next cell of the row */
	uint64_t rows;  /* written so far */
	bool failed;    /* a write to the file failed */
	size_t n;       /* bytes in `buffer` */
	char buffer[65536];
};

/* Initialises `out` and writes the heading: of readings when `raw`, else of means. The file is borrowed. */
void history_begin(struct history_out *out, FILE *file, enum history_format format, bool raw, int offset_min);
/* Writes one row; the mean's rule and end are not printed. */
void history_mean(struct history_out *out, const struct mean *mean, double amount);
void history_reading(struct history_out *out, const struct reading *reading, bool late);
/* Writes the end and flushes the file. False when a write failed. */
bool history_end(struct history_out *out);

#define HISTORY_NUMBER_SIZE 32
/* Formats a number (finite) with at most six decimals, nine when it is below 1, without trailing zeros; numbers from
 * 1e9 and below 1e-5 with ten digits, as %.10g. The text may have no NUL at its end. Returns its length. */
size_t history_number(double value, char text[HISTORY_NUMBER_SIZE]);

#endif
