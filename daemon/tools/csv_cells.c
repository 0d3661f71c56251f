#include "daemon/tools/csv_cells.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

struct csv_cells {
	const char *path;
	FILE *file;
	char *text; /* the current line, or all lines of a quoted cell; cells point into it */
	size_t length;
	char *part; /* the buffer of getline(): one line of the file */
	size_t part_room;
	size_t line;    /* the number of the line that `text` begins with */
	size_t lines;   /* lines read so far */
	char separator; /* NUL until the first line is read */
};

int csv_cells_refuse(const struct csv_cells *cells, char *error, const char *format, ...)
{
	char what[CSV_ERROR_SIZE - 64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	int room = (int)(CSV_ERROR_SIZE - strlen(what) - 32);
	snprintf(error, CSV_ERROR_SIZE, "%.*s:%zu: %s", room, cells->path, cells->line, what);
	return -1;
}

struct csv_cells *csv_cells_open(const char *path, char *error)
{
	struct csv_cells *cells = calloc(1, sizeof(*cells));

	if (!cells) {
		snprintf(error, CSV_ERROR_SIZE, "out of memory");
		return NULL;
	}
	cells->path = path;
	cells->text = malloc(CSV_LINE + 1);
	cells->file = fopen(path, "re");
	if (!cells->text || !cells->file) {
		snprintf(error, CSV_ERROR_SIZE, "%.400s: %s", path, cells->text ? strerror(errno) : "out of memory");
		csv_cells_close(cells);
		return NULL;
	}
	return cells;
}

void csv_cells_close(struct csv_cells *cells)
{
	if (!cells) {
		return;
	}
	if (cells->file) {
		fclose(cells->file); /* cannot lose data: the file was only read */
	}
	free(cells->text);
	free(cells->part);
	free(cells);
}

bool csv_cells_rewind(struct csv_cells *cells, char *error)
{
	if (fseek(cells->file, 0, SEEK_SET) < 0) {
		snprintf(error, CSV_ERROR_SIZE,
			"%.300s: %s, so that it cannot be read twice; --interval says how long a row stands",
			cells->path, strerror(errno));
		return false;
	}
	cells->lines = 0;
	cells->separator = '\0';
	return true;
}

bool csv_cells_decimal_comma(const struct csv_cells *cells)
{
	return cells->separator == ';';
}

/* Adds a line of the file to the text. 1, 0 at the end of the file, -1 with a sentence. */
static int add_line(struct csv_cells *cells, char *error)
{
	size_t at;

	errno = 0;
	ssize_t n = getline(&cells->part, &cells->part_room, cells->file);
	if (n < 0) {
		if (ferror(cells->file) || errno == ENOMEM) {
			cells->line = cells->lines + 1;
			return csv_cells_refuse(cells, error, "cannot be read: %s", strerror(errno));
		}
		return 0;
	}
	cells->lines++;
	if (ferror(cells->file)) { /* the line may be incomplete */
		cells->line = cells->lines;
		return csv_cells_refuse(cells, error, "cannot be read: %s", strerror(errno));
	}
	const char *trouble = text_encoding_trouble(cells->part, (size_t)n, &at);
	if (trouble) {
		cells->line = cells->lines;
		return csv_cells_refuse(cells, error, "byte %zu of the line: the file %s", at + 1, trouble);
	}
	if (cells->length + (size_t)n > CSV_LINE) {
		return csv_cells_refuse(
			cells, error, "longer than %d bytes (perhaps a quote that is not closed)", CSV_LINE);
	}
	memcpy(cells->text + cells->length, cells->part, (size_t)n + 1);
	cells->length += (size_t)n;
	return 1;
}

/* True when the text ends inside a quoted cell. A doubled quote closes the cell and opens it again. */
static bool quote_is_open(const struct csv_cells *cells)
{
	bool open = false;

	for (const char *c = cells->text; *c; c++) {
		open ^= *c == '"';
	}
	return open;
}

/* Counts the separators outside of quotes. */
static size_t count_separators(const char *text, char separator)
{
	bool quoted = false;
	size_t n = 0;

	for (; *text; text++) {
		quoted ^= *text == '"';
		n += !quoted && *text == separator;
	}
	return n;
}

static void choose_separator(struct csv_cells *cells)
{
	static const char separators[] = { ',', ';', '\t' };
	size_t most = 0;

	cells->separator = ',';
	for (size_t i = 0; i < sizeof(separators); i++) {
		size_t n = count_separators(cells->text, separators[i]);
		if (n > most) {
			most = n;
			cells->separator = separators[i];
		}
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\r' || c == '\n' || c == '\t';
}

/* Removes the quotes of a quoted cell, in place. False when other text stands before or after them. */
static bool unquote_cell(char *cell)
{
	char *to = cell, *from = cell + 1;

	if (*cell != '"') {
		return strchr(cell, '"') == NULL;
	}
	for (; *from && (*from != '"' || from[1] == '"'); from++) {
		from += *from == '"';
		*to++ = *from;
	}
	bool closed = from[0] == '"' && from[1] == '\0';
	*to = '\0';
	return closed;
}

/* Returns the cell that begins at *text. Moves *text behind the cell's separator, or sets it to NULL after the last
 * cell. */
static char *cut_cell(const struct csv_cells *cells, char **text)
{
	char *cell = *text, *end = *text;
	bool quoted = false;

	for (; *end && (quoted || *end != cells->separator); end++) {
		quoted ^= *end == '"';
	}
	*text = *end ? end + 1 : NULL;
	*end = '\0';
	while (end > cell && is_blank(end[-1])) {
		*--end = '\0';
	}
	while (is_blank(*cell)) {
		cell++;
	}
	return cell;
}

/* Reads the next line that is not blank, with all lines of its quoted cells, into cells->text. 1, 0 at the end of the
 * file, or -1. */
static int read_text(struct csv_cells *cells, char *error)
{
	do {
		cells->length = 0;
		cells->line = cells->lines + 1;
		int r = add_line(cells, error);
		while (r > 0 && quote_is_open(cells)) {
			r = add_line(cells, error);
			if (r == 0) {
				return csv_cells_refuse(cells, error, "a quote that begins here is not closed");
			}
		}
		if (r <= 0) {
			return r;
		}
	} while (strspn(cells->text, " \t\r\n") == cells->length);
	return 1;
}

int csv_cells_next(struct csv_cells *cells, char **ret_cells, char *error)
{
	int n = 0, r = read_text(cells, error);

	if (r <= 0) {
		return r;
	}
	char *text = cells->text;
	if (cells->separator == '\0') {
		text += strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
		choose_separator(cells);
	}
	while (text) {
		char *cell = cut_cell(cells, &text);
		if (!unquote_cell(cell)) {
			return csv_cells_refuse(cells, error,
				"cell %d: a quote belongs at both ends of a cell, found \"%.40s", n + 1, cell);
		}
		if (n < CSV_COLUMNS) {
			ret_cells[n] = cell;
		}
		n++;
	}
	return n;
}
