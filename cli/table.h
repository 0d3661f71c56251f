/* table.h - text in columns that line up, wide characters included, within the width of the terminal. */
#ifndef EMIS_CLI_TABLE_H
#define EMIS_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS 16
#define TABLE_CELL 512

enum table_colour { COLOUR_NONE, COLOUR_YELLOW, COLOUR_RED };

struct table_column {
	const char *heading;
	bool right;   /* numbers */
	int priority; /* where the width does not suffice, the highest numbers go first; 0 never goes */
};

struct table;

/* NULL when out of memory. */
struct table *table_create(const struct table_column *columns, size_t n);
void table_destroy(struct table *table);

/* Starts a row; cells follow from the left. */
void table_row(struct table *table);
void table_cell(struct table *table, const char *text, enum table_colour colour);
void table_printf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line of its own between rows, cut to the width. */
void table_title(struct table *table, const char *text);

/* Prints all within `width` columns. */
void table_print(const struct table *table, int width, bool colours);

/* Columns that a UTF-8 text takes on a terminal; setlocale() must have been called. */
int table_width(const char *text);

#endif
