#include "cli/show.h"

#include <stdio.h>
#include <string.h>

#include "cli/table.h"

const char *show_time(const char *text, char *buf, size_t size)
{
	snprintf(buf, size, "%.10s %.5s", text, strlen(text) > 11 ? text + 11 : "");
	return buf;
}

size_t show_table(const json_t *tables, const char *name, const struct shown *shown, size_t n, const struct view *view)
{
	const json_t *source = tables_find(tables, name);
	struct table_column columns[TABLE_COLUMNS];
	size_t i, rows = 0;
	json_t *row;
	char buf[80];

	for (size_t c = 0; c < n; c++) {
		const char *type = tables_type(source, shown[c].column);
		bool text = strcmp(type, "text") == 0 || strcmp(type, "time") == 0 || strcmp(type, "flag") == 0;
		columns[c] = (struct table_column){ view->chinese ? shown[c].chinese : shown[c].english, !text,
			shown[c].priority };
	}
	struct table *out = table_create(columns, n);
	if (!out) {
		return 0;
	}
	json_array_foreach(json_object_get(source, "rows"), i, row)
	{
		if (!view_wants(view, source, row)) {
			continue;
		}
		rows++;
		table_row(out);
		for (size_t c = 0; c < n; c++) {
			const json_t *cell = tables_cell(source, row, shown[c].column);
			const char *text = json_is_string(cell) ? json_string_value(cell)
								: number_text(cell, shown[c].decimals, buf);
			bool time = strcmp(tables_type(source, shown[c].column), "time") == 0;
			table_cell(out, time && json_is_string(cell) ? show_time(text, buf, sizeof(buf)) : text,
				COLOUR_NONE);
		}
	}
	table_print(out, view->width, view->colours);
	table_destroy(out);
	return rows;
}
