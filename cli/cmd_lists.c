/* cmd_lists.c - emisctl alarms and emisctl limits: one table each. */
#include <stdio.h>
#include <string.h>

#include "cli/cmds.h"
#include "cli/table.h"

/* "2026-03-02 08:00" */
static const char *short_time(const char *text, char *buf, size_t size)
{
	snprintf(buf, size, "%.10s %.5s", text, strlen(text) > 11 ? text + 11 : "");
	return buf;
}

void cmd_alarms(const json_t *tables, const struct view *view)
{
	static const struct table_column english[] = { { "class", false, 0 }, { "state", false, 0 },
		{ "outlet", false, 0 }, { "factor", false, 0 }, { "since", false, 0 }, { "value", true, 0 },
		{ "worst", true, 2 }, { "limit", true, 0 }, { "unit", false, 3 }, { "rule", false, 4 },
		{ "document", false, 5 } };
	static const struct table_column chinese[] = { { "类别", false, 0 }, { "状态", false, 0 },
		{ "排放口", false, 0 }, { "因子", false, 0 }, { "开始", false, 0 }, { "数值", true, 0 },
		{ "最高", true, 2 }, { "限值", true, 0 }, { "单位", false, 3 }, { "规则", false, 4 },
		{ "依据", false, 5 } };
	const json_t *alarms = tables_find(tables, "alarms");
	struct table *out = table_create(view->chinese ? chinese : english, 11);
	size_t i, shown = 0;
	json_t *row;
	char buf[80];

	json_array_foreach(json_object_get(alarms, "rows"), i, row)
	{
		int decimals = (int)json_integer_value(tables_cell(alarms, row, "decimals"));
		const char *state = tables_text(alarms, row, "state");
		if (!out || !view_wants(view, alarms, row)) {
			continue;
		}
		table_row(out);
		table_cell(out, tables_text(alarms, row, "class"), COLOUR_NONE);
		table_cell(out, state, strcmp(state, "raised") == 0 ? COLOUR_RED : COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "outlet"), COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "factor"), COLOUR_NONE);
		table_cell(out, short_time(tables_text(alarms, row, "since"), buf, sizeof(buf)), COLOUR_NONE);
		table_cell(out, number_text(tables_cell(alarms, row, "value"), decimals, buf), COLOUR_NONE);
		table_cell(out, number_text(tables_cell(alarms, row, "worst"), decimals, buf), COLOUR_NONE);
		table_cell(out,
			limit_text(tables_cell(alarms, row, "limit_min"), tables_cell(alarms, row, "limit_max"), buf),
			COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "unit"), COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "rule"), COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "document"), COLOUR_NONE);
		shown++;
	}
	if (shown == 0) {
		fputs(view->chinese ? "没有报警\n" : "no alarms\n", stderr);
	} else {
		table_print(out, view->width, view->colours);
	}
	table_destroy(out);
}

void cmd_limits(const json_t *tables, const struct view *view)
{
	static const struct table_column english[] = { { "outlet", false, 0 }, { "factor", false, 0 },
		{ "limit", true, 0 }, { "unit", false, 0 }, { "O2 ref", true, 1 }, { "period", false, 0 },
		{ "tier", false, 0 }, { "in force", false, 4 }, { "until", false, 6 }, { "judged", false, 0 },
		{ "clause", false, 5 }, { "document", false, 3 } };
	static const struct table_column chinese[] = { { "排放口", false, 0 }, { "因子", false, 0 },
		{ "限值", true, 0 }, { "单位", false, 0 }, { "基准氧", true, 1 }, { "周期", false, 0 },
		{ "级别", false, 0 }, { "施行", false, 4 }, { "废止", false, 6 }, { "评判", false, 0 },
		{ "条款", false, 5 }, { "文件", false, 3 } };
	const json_t *limits = tables_find(tables, "limits");
	struct table *out = table_create(view->chinese ? chinese : english, 12);
	size_t i, shown = 0;
	json_t *row;
	char buf[80];

	json_array_foreach(json_object_get(limits, "rows"), i, row)
	{
		if (!out || !view_wants(view, limits, row)) {
			continue;
		}
		table_row(out);
		table_cell(out, tables_text(limits, row, "outlet"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "factor"), COLOUR_NONE);
		table_cell(out, limit_text(tables_cell(limits, row, "min"), tables_cell(limits, row, "max"), buf),
			COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "unit"), COLOUR_NONE);
		table_cell(out, limit_text(NULL, tables_cell(limits, row, "o2_ref"), buf), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "period"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "tier"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "in_force"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "until"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "judged"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "clause"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "document"), COLOUR_NONE);
		shown++;
	}
	if (shown == 0) {
		fputs(view->chinese ? "没有限值\n" : "no limits\n", stderr);
	} else {
		table_print(out, view->width, view->colours);
	}
	table_destroy(out);
}
