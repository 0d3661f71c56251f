/* csv_cells.h - the lines of a text file as cells: RFC 4180 with commas, semicolons or tabs.
 *
 * A quoted cell may hold separators, doubled quotes and line ends. Cells lose blanks around them, and blank lines are
 * passed over. Bytes that are not UTF-8, zero bytes, lines of more than CSV_LINE bytes and read errors are refused with
 * a sentence that names the file and the line. One thread at a time. */
#ifndef EMIS_DAEMON_TOOLS_CSV_CELLS_H
#define EMIS_DAEMON_TOOLS_CSV_CELLS_H

#include <stdbool.h>
#include <stddef.h>

#define CSV_COLUMNS 64
#define CSV_LINE 65536
#define CSV_ERROR_SIZE 512

struct csv_cells;

/* NULL with a sentence in `error` when the file cannot be opened. Free with csv_cells_close(). */
struct csv_cells *csv_cells_open(const char *path, char *error);
void csv_cells_close(struct csv_cells *cells);

/* The next line: ret_cells[i], valid until the next call. The separator is the one that the first line holds most of.
 * Returns the number of cells (the first CSV_COLUMNS of them are in ret_cells), 0 at the end of the file, or -1 with a
 * sentence. */
int csv_cells_next(struct csv_cells *cells, char **ret_cells, char *error);

/* To the first line again, for a second pass; false with a sentence when the file cannot be read twice. */
bool csv_cells_rewind(struct csv_cells *cells, char *error);

/* Numbers are written 20,5: the separator is a semicolon. */
bool csv_cells_decimal_comma(const struct csv_cells *cells);

/* "FILE:LINE: ..." about the line that was read last. Returns -1. */
int __attribute__((format(printf, 3, 4)))
csv_cells_refuse(const struct csv_cells *cells, char *error, const char *format, ...);

#endif
