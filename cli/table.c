#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct cell {
	char *text;
	enum table_colour colour;
};

struct row {
	struct cell cells[TABLE_COLUMNS];
	size_t n;
	char *title;
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	struct row *rows;
	size_t n_rows;
};

struct table *table_create(const struct table_column *columns, size_t n)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table) {
		table->columns = columns;
		table->n_columns = n;
	}
	return table;
}

void table_destroy(struct table *table)
{
	for (size_t i = 0; table && i < table->n_rows; i++) {
		for (size_t k = 0; k < table->rows[i].n; k++) {
			free(table->rows[i].cells[k].text);
		}
		free(table->rows[i].title);
	}
	if (table) {
		free(table->rows);
		free(table);
	}
}

void table_row(struct table *table)
{
	struct row *rows = realloc(table->rows, (table->n_rows + 1) * sizeof(*rows));

	if (!rows) {
		fputs("emisctl: out of memory\n", stderr);
		exit(1);
	}
	table->rows = rows;
	memset(&rows[table->n_rows++], 0, sizeof(*rows));
}

/* Ends the program when out of memory. */
static char *copy_text(const char *text)
{
	char *copied = strdup(text);

	if (!copied) {
		fputs("emisctl: out of memory\n", stderr);
		exit(1);
	}
	return copied;
}

void table_cell(struct table *table, const char *text, enum table_colour colour)
{
	struct row *row = &table->rows[table->n_rows - 1];

	if (row->n < table->n_columns) {
		row->cells[row->n++] = (struct cell){ copy_text(text), colour };
	}
}

void table_printf(struct table *table, const char *format, ...)
{
	char text[TABLE_CELL];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	table_cell(table, text, COLOUR_NONE);
}

void table_title(struct table *table, const char *text)
{
	table_row(table);
	table->rows[table->n_rows - 1].title = copy_text(text);
}

/* Returns the bytes of the first character of a UTF-8 text, and in *ret_width its columns. A byte that is not part of a
 * character counts as one column. */
static size_t next_char(const char *text, int *ret_width)
{
	wchar_t wide;
	mbstate_t state = { 0 };
	size_t n = mbrtowc(&wide, text, strlen(text), &state);

	if (n == (size_t)-1 || n == (size_t)-2 || n == 0) {
		*ret_width = 1;
		return 1;
	}
	int width = wcwidth(wide);
	*ret_width = width < 0 ? 1 : width;
	return n;
}

int table_width(const char *text)
{
	int total = 0, width;

	while (*text) {
		text += next_char(text, &width);
		total += width;
	}
	return total;
}

/* Prints at most `room` columns of the text and returns how many. Control characters are printed as '?', because text
 * from outside must not control the terminal. */
static int print_start(const char *text, int room)
{
	int used = 0, next;

	while (*text) {
		size_t n = next_char(text, &next);
		if (used + next > room) {
			break;
		}
		bool control = (unsigned char)*text < ' ' || *text == '\177';
		printf("%.*s", control ? 1 : (int)n, control ? "?" : text);
		text += n;
		used += next;
	}
	return used;
}

/* Prints the text in exactly `room` columns, or fewer without `pad`. A text that does not fit is cut and ends in an
 * ellipsis. */
static void print_cut(const char *text, int room, bool right, bool pad)
{
	int width = table_width(text);

	if (width <= room) {
		printf("%*s", right ? room - width : 0, "");
		print_start(text, width);
		printf("%*s", right || !pad ? 0 : room - width, "");
		return;
	}
	int used = print_start(text, room - 1);
	printf("…%*s", pad ? room - used - 1 : 0, "");
}

static void natural_widths(const struct table *table, int *widths)
{
	for (size_t c = 0; c < table->n_columns; c++) {
		widths[c] = table_width(table->columns[c].heading);
		for (size_t r = 0; r < table->n_rows; r++) {
			const struct row *row = &table->rows[r];
			int width = c < row->n ? table_width(row->cells[c].text) : 0;
			widths[c] = width > widths[c] ? width : widths[c];
		}
	}
}

static int total_width(const int *widths, size_t n)
{
	int total = 0;

	for (size_t c = 0; c < n; c++) {
		total += widths[c] ? widths[c] + 2 : 0;
	}
	return total - 2;
}

/* Makes the table fit into `room` columns: drops columns, the least important first, then narrows the widest one. The
 * search for the least important starts with the first column, which therefore must have priority 0. */
static void fit_widths(const struct table *table, int *widths, int room)
{
	while (total_width(widths, table->n_columns) > room) {
		size_t least = 0, widest = 0;
		for (size_t c = 0; c < table->n_columns; c++) {
			bool less = widths[c] && table->columns[c].priority > table->columns[least].priority;
			least = less ? c : least;
			widest = widths[c] > widths[widest] ? c : widest;
		}
		int excess = total_width(widths, table->n_columns) - room;
		if (table->columns[least].priority > 0 && widths[least]) {
			widths[least] = 0;
		} else if (widths[widest] - excess >= 4) {
			widths[widest] -= excess;
		} else {
			return;
		}
	}
}

static void print_row(const struct table *table, const struct row *row, const int *widths, bool colours)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "", [COLOUR_YELLOW] = "\033[33m", [COLOUR_RED] = "\033[31m"
	};
	bool first = true;
	size_t end = 0; /* behind the last cell that has text: no blanks are printed after it */

	for (size_t c = 0; c < row->n; c++) {
		end = widths[c] && row->cells[c].text[0] ? c + 1 : end;
	}
	for (size_t c = 0; c < end; c++) {
		if (!widths[c]) {
			continue;
		}
		bool coloured = colours && row->cells[c].colour != COLOUR_NONE;
		printf("%s%s", first ? "" : "  ", coloured ? codes[row->cells[c].colour] : "");
		print_cut(row->cells[c].text, widths[c], table->columns[c].right, c + 1 < end);
		fputs(coloured ? "\033[0m" : "", stdout);
		first = false;
	}
	putchar('\n');
}

void table_print(const struct table *table, int width, bool colours)
{
	int widths[TABLE_COLUMNS] = { 0 };
	struct row head = { .n = table->n_columns };

	natural_widths(table, widths);
	fit_widths(table, widths, width);
	for (size_t c = 0; c < table->n_columns; c++) {
		head.cells[c].text = copy_text(table->columns[c].heading);
	}
	print_row(table, &head, widths, false);
	for (size_t c = 0; c < table->n_columns; c++) {
		free(head.cells[c].text);
	}
	for (size_t r = 0; r < table->n_rows; r++) {
		if (table->rows[r].title) {
			print_cut(table->rows[r].title, width, false, false);
			putchar('\n');
		} else {
			print_row(table, &table->rows[r], widths, colours);
		}
	}
}
