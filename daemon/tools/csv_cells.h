/* csv_cells.h - splits the lines of a text file into cells: RFC 4180 with commas, semicolons or tabs.
 *
 * A quoted cell may hold separators, doubled quotes and line ends. Blanks around a cell are removed, and blank lines
 * are skipped. Bytes that are not UTF-8, zero bytes, lines of more than CSV_LINE bytes and read errors are refused with
 * a sentence that names the file and the line. One thread at a time. */
#ifndef EMIS_DAEMON_TOOLS_CSV_CELLS_H
#define EMIS_DAEMON_TOOLS_CSV_CELLS_H

#include <stdbool.h>
#include <stddef.h>

#define CSV_COLUMNS 64     /* cells of a line */
#define CSV_LINE 65536     /* bytes of a line */
#define CSV_ERROR_SIZE 512 /* of the buffer for a sentence */

struct csv_cells;

/* Opens the file; `path` is borrowed. Free with csv_cells_close(). NULL with a sentence in `error` when the file cannot
 * be opened. */
struct csv_cells *csv_cells_open(const char *path, char *error);
void csv_cells_close(struct csv_cells *cells);

/* Reads the cells of the next line into ret_cells; they stay valid until the next call. The separator is the one that
 * occurs most often in the first line. Returns the number of cells (the first CSV_COLUMNS of them are in ret_cells), 0
 * at the end of the file, or -1 with a sentence. */
int csv_cells_next(struct csv_cells *cells, char **ret_cells, char *error);

/* Goes back to the first line, for a second pass. False with a sentence when the file cannot be read twice. */
bool csv_cells_rewind(struct csv_cells *cells, char *error);

/* True when numbers may be written 20,5: the separator is a semicolon. */
bool csv_cells_decimal_comma(const struct csv_cells *cells);

/* Writes "FILE:LINE: ..." about the line that was read last into `error`. Returns -1. */
int __attribute__((format(printf, 3, 4)))
csv_cells_refuse(const struct csv_cells *cells, char *error, const char *format, ...);

#endif
