/* history_print.h - rows of history as a table, CSV or JSON. A year of minutes is half a million rows: numbers and
 * times are written by hand. What is not known is "-", empty or null, never a number. */
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
	int offset_min; /* of the times that are printed */
	struct utc day; /* whose date is `date` */
	char date[16];  /* "2026-03-02T" */
	char zone[8];   /* "+08:00" */
	size_t cell;    /* of the row */
	uint64_t rows;
	bool failed; /* the file takes nothing */
	size_t n;
	char buffer[65536];
};

/* Writes the heading: of readings when `raw`, else of means. The file is borrowed. */
void history_begin(struct history_out *out, FILE *file, enum history_format format, bool raw, int offset_min);
/* Of `mean` all but rule and end is printed. */
void history_mean(struct history_out *out, const struct mean *mean, double amount);
void history_reading(struct history_out *out, const struct reading *reading, bool late);
/* Writes what is left and flushes. False when not everything could be written. */
bool history_end(struct history_out *out);

#define HISTORY_NUMBER_SIZE 32
/* At most six decimals, nine below 1, without trailing zeros; very large and very small ones with ten digits. `value`
 * is finite. Returns the length. */
size_t history_number(double value, char text[HISTORY_NUMBER_SIZE]);

#endif
