/* table.h - prints text in aligned columns within the width of the terminal; handles wide (Chinese) characters. When
 * memory runs out while a table is filled or printed, the program ends with status 1. */
#ifndef EMIS_CLI_TABLE_H
#define EMIS_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS 16
#define TABLE_CELL 512 /* bytes of a cell that table_printf() writes */

enum table_colour { COLOUR_NONE, COLOUR_YELLOW, COLOUR_RED };

struct table_column {
	const char *heading;
	bool right;   /* right-aligned, for numbers */
	int priority; /* columns that do not fit are dropped, the highest number first; 0 is never dropped. The first
		       * column must have 0. */
};

struct table;

/* `columns` is borrowed for the table's life. NULL when out of memory. */
struct table *table_create(const struct table_column *columns, size_t n);
void table_destroy(struct table *table);

/* table_row() starts a row; each of the others adds its next cell, from the left. Texts are copied. */
void table_row(struct table *table);
void table_cell(struct table *table, const char *text, enum table_colour colour);
void table_printf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a line of text between the rows, cut to the width when printed. */
void table_title(struct table *table, const char *text);

/* Prints the heading and all rows within `width` columns. */
void table_print(const struct table *table, int width, bool colours);

/* The number of columns that a UTF-8 text takes on a terminal. Call setlocale() first. */
int table_width(const char *text);

#endif
