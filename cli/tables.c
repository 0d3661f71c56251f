/* tables.c - reads the tables of the daemon's reply, and prints them as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmds.h"

const json_t *tables_find(const json_t *tables, const char *name)
{
	size_t i;
	json_t *table;

	json_array_foreach(tables, i, table)
	{
		const char *found = json_string_value(json_object_get(table, "name"));
		if (found && strcmp(found, name) == 0) {
			return table;
		}
	}
	return NULL;
}

const json_t *tables_cell(const json_t *table, const json_t *row, const char *column)
{
	size_t i;
	json_t *head;

	json_array_foreach(json_object_get(table, "columns"), i, head)
	{
		const char *name = json_string_value(json_object_get(head, "name"));
		if (name && strcmp(name, column) == 0) {
			const json_t *cell = json_array_get(row, i);
			return json_is_null(cell) ? NULL : cell;
		}
	}
	return NULL;
}

const char *tables_text(const json_t *table, const json_t *row, const char *column)
{
	const char *text = json_string_value(tables_cell(table, row, column));

	return text ? text : "";
}

const char *tables_type(const json_t *table, const char *column)
{
	size_t i;
	json_t *head;

	json_array_foreach(json_object_get(table, "columns"), i, head)
	{
		const char *name = json_string_value(json_object_get(head, "name"));
		const char *type = json_string_value(json_object_get(head, "type"));
		if (name && type && strcmp(name, column) == 0) {
			return type;
		}
	}
	return "";
}

/* True when the row has the wanted value, when none is wanted, or when the table has no such column. */
static bool matches(const char *wanted, const json_t *table, const json_t *row, const char *column)
{
	return !wanted || tables_type(table, column)[0] == '\0' || strcmp(wanted, tables_text(table, row, column)) == 0;
}

bool view_wants(const struct view *view, const json_t *table, const json_t *row)
{
	return matches(view->outlet, table, row, "outlet") && matches(view->factor, table, row, "factor");
}

const char *number_text(const json_t *number, int decimals, char *buf)
{
	if (json_is_number(number)) {
		snprintf(buf, 32, "%.*f", decimals >= 0 && decimals <= 9 ? decimals : 2, json_number_value(number));
	} else {
		snprintf(buf, 32, "-");
	}
	return buf;
}

/* Writes a limit with the digits of its document: 35, 0.001. */
static const char *bound_text(const json_t *number, char *buf)
{
	snprintf(buf, 32, number ? "%.10g" : "-", json_number_value(number));
	return buf;
}

const char *limit_text(const json_t *min, const json_t *max, char *buf)
{
	char low[32], high[32];

	if (min && max) {
		snprintf(buf, 80, "%s-%s", bound_text(min, low), bound_text(max, high));
	} else {
		snprintf(buf, 80, "%s%s", min ? ">=" : "", bound_text(min ? min : max, low));
	}
	return buf;
}

static void print_json_row(const json_t *table, const json_t *row, bool last)
{
	json_t *object = json_object();
	size_t i;
	json_t *head;

	json_array_foreach(json_object_get(table, "columns"), i, head)
	{
		const char *name = json_string_value(json_object_get(head, "name"));
		if (name) {
			json_object_set(object, name, json_array_get(row, i));
		}
	}
	char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
	printf("    %s%s\n", text ? text : "null", last ? "" : ",");
	free(text);
	json_decref(object);
}

void tables_print_json(const json_t *tables)
{
	size_t i, k;
	json_t *table, *row;

	puts("{");
	json_array_foreach(tables, i, table)
	{
		const json_t *rows = json_object_get(table, "rows");
		const char *name = json_string_value(json_object_get(table, "name"));
		printf("  \"%s\": [\n", name ? name : "");
		json_array_foreach(rows, k, row)
		{
			print_json_row(table, row, k + 1 == json_array_size(rows));
		}
		printf("  ]%s\n", i + 1 == json_array_size(tables) ? "" : ",");
	}
	puts("}");
}
