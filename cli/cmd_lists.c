/* cmd_lists.c - emisctl alarms, limits, marks, budget, audit, outbox and identity. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmds.h"
#include "cli/show.h"
#include "cli/table.h"
#include "common/array.h"

size_t show_alarms(const json_t *alarms, const struct view *view, size_t most)
{
	static const struct table_column english[] = { { "no", true, 0 }, { "class", false, 3 }, { "state", false, 7 },
		{ "outlet", false, 0 }, { "factor", false, 0 }, { "rule", false, 0 }, { "since", false, 1 },
		{ "value", true, 0 }, { "worst", true, 2 }, { "limit", true, 0 }, { "unit", false, 4 },
		{ "acknowledged", false, 6 }, { "document", false, 5 } };
	static const struct table_column chinese[] = { { "编号", true, 0 }, { "类别", false, 3 }, { "状态", false, 7 },
		{ "排放口", false, 0 }, { "因子", false, 0 }, { "规则", false, 0 }, { "开始", false, 1 },
		{ "数值", true, 0 }, { "最高", true, 2 }, { "限值", true, 0 }, { "单位", false, 4 },
		{ "确认人", false, 6 }, { "依据", false, 5 } };
	struct table *out = table_create(view->chinese ? chinese : english, ARRAY_SIZE(english));
	size_t i, shown = 0;
	json_t *row;
	char buf[80];

	json_array_foreach(json_object_get(alarms, "rows"), i, row)
	{
		int decimals = (int)json_integer_value(tables_cell(alarms, row, "decimals"));
		const char *state = tables_text(alarms, row, "state");
		if (!out || !view_wants(view, alarms, row) || shown++ >= most) {
			continue;
		}
		table_row(out);
		table_printf(out, "%lld", (long long)json_integer_value(tables_cell(alarms, row, "number")));
		table_cell(out, tables_text(alarms, row, "class"), COLOUR_NONE);
		table_cell(out, state, strcmp(state, "raised") == 0 ? COLOUR_RED : COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "outlet"), COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "factor"), COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "rule"), COLOUR_NONE);
		table_cell(out, show_time(tables_text(alarms, row, "since"), buf, sizeof(buf)), COLOUR_NONE);
		table_cell(out, number_text(tables_cell(alarms, row, "value"), decimals, buf), COLOUR_NONE);
		table_cell(out, number_text(tables_cell(alarms, row, "worst"), decimals, buf), COLOUR_NONE);
		table_cell(out,
			limit_text(tables_cell(alarms, row, "limit_min"), tables_cell(alarms, row, "limit_max"), buf),
			COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "unit"), COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "acknowledged_by"), COLOUR_NONE);
		table_cell(out, tables_text(alarms, row, "document"), COLOUR_NONE);
	}
	if (shown > 0) {
		table_print(out, view->width, view->colours);
	}
	table_destroy(out);
	return shown;
}

void cmd_alarms(const json_t *tables, const struct view *view)
{
	if (show_alarms(tables_find(tables, "alarms"), view, SIZE_MAX) == 0) {
		fputs(view->chinese ? "没有报警\n" : "no alarms\n", stderr);
	}
}

/* Prints all fields of each limit, one a line. */
static void explain_limits(const json_t *limits)
{
	size_t i, k;
	json_t *row, *column;

	json_array_foreach(json_object_get(limits, "rows"), i, row)
	{
		fputs(i ? "\n" : "", stdout);
		json_array_foreach(json_object_get(limits, "columns"), k, column)
		{
			const char *name = json_string_value(json_object_get(column, "name"));
			const json_t *cell = name ? tables_cell(limits, row, name) : NULL;
			if (json_is_string(cell)) {
				printf("%-18s %s\n", name, json_string_value(cell));
			} else if (json_is_number(cell)) {
				printf("%-18s %.10g\n", name, json_number_value(cell));
			} else if (json_is_boolean(cell)) {
				printf("%-18s %s\n", name, json_is_true(cell) ? "yes" : "no");
			}
		}
	}
}

void cmd_limits(const json_t *tables, const struct view *view)
{
	static const struct table_column english[] = { { "outlet", false, 0 }, { "factor", false, 0 },
		{ "limit", true, 0 }, { "unit", false, 0 }, { "O2 ref", true, 1 }, { "period", false, 0 },
		{ "tier", false, 0 }, { "when", false, 2 }, { "in force", false, 4 }, { "until", false, 6 },
		{ "judged", false, 0 }, { "clause", false, 5 }, { "document", false, 3 }, { "key", false, 7 } };
	static const struct table_column chinese[] = { { "排放口", false, 0 }, { "因子", false, 0 },
		{ "限值", true, 0 }, { "单位", false, 0 }, { "基准氧", true, 1 }, { "周期", false, 0 },
		{ "级别", false, 0 }, { "条件", false, 2 }, { "施行", false, 4 }, { "废止", false, 6 },
		{ "评判", false, 0 }, { "条款", false, 5 }, { "文件", false, 3 }, { "键", false, 7 } };
	const json_t *limits = tables_find(tables, "limits");

	if (view->explain && json_array_size(json_object_get(limits, "rows")) > 0) {
		explain_limits(limits);
		return;
	}
	struct table *out = table_create(view->chinese ? chinese : english, ARRAY_SIZE(english));
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
		table_cell(out, tables_text(limits, row, "when"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "in_force"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "until"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "judged"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "clause"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "document"), COLOUR_NONE);
		table_cell(out, tables_text(limits, row, "key"), COLOUR_NONE);
		shown++;
	}
	if (shown == 0) {
		fputs(view->chinese ? "没有限值\n" : "no limits\n", stderr);
	} else {
		table_print(out, view->width, view->colours);
	}
	table_destroy(out);
}

/* Prints one line for each change, and the old and the new value below it. */
void cmd_audit(const json_t *tables, const struct view *view)
{
	const json_t *audit = tables_find(tables, "audit");
	size_t i;
	json_t *row;
	char at[32];

	(void)view;
	json_array_foreach(json_object_get(audit, "rows"), i, row)
	{
		const char *old = tables_text(audit, row, "old"), *new = tables_text(audit, row, "new");
		printf("%s  %s  %s\n", show_time(tables_text(audit, row, "at"), at, sizeof(at)),
			tables_text(audit, row, "who"), tables_text(audit, row, "what"));
		if (*old) {
			printf("    old: %s\n", old);
		}
		if (*new) {
			printf("    new: %s\n", new);
		}
	}
}

void cmd_budget(const json_t *tables, const struct view *view)
{
	static const struct shown columns[] = { { "outlet", "outlet", "排放口", 0, 0 },
		{ "factor", "factor", "因子", 0, 0 }, { "limit", "limit", "限值", 0, 1 },
		{ "share_of_month", "share", "应达标率", 3, 2 }, { "judged", "hours", "有效小时", 0, 0 },
		{ "over", "over", "超标小时", 0, 0 }, { "allowed", "allowed", "允许", 0, 0 },
		{ "left", "left", "剩余", 0, 0 }, { "met", "met", "达标率", 1, 4 },
		{ "projected", "month's end", "月末预计", 2, 1 }, { "document", "document", "依据", 4, 0 } };

	if (show_table(tables, "budget", columns, ARRAY_SIZE(columns), view) == 0) {
		fputs(view->chinese ? "没有按月达标率评判的限值\n" : "no limit here is met by a share of the month\n",
			stderr);
	}
}

void cmd_marks(const json_t *tables, const struct view *view)
{
	static const struct shown columns[] = { { "outlet", "outlet", "排放口", 0, 0 },
		{ "factor", "factor", "因子", 0, 0 }, { "kind", "kind", "类型", 0, 0 },
		{ "flag", "flag", "标记", 2, 0 }, { "from", "from", "开始", 0, 0 }, { "until", "until", "结束", 0, 0 },
		{ "applies", "applies from", "生效", 1, 0 }, { "who", "who", "操作人", 3, 0 },
		{ "remark", "remark", "备注", 0, 0 } };

	if (show_table(tables, "marks", columns, ARRAY_SIZE(columns), view) == 0) {
		fputs(view->chinese ? "没有数据标记\n" : "no marks\n", stderr);
	}
}

void cmd_outbox(const json_t *tables, const struct view *view)
{
	static const struct shown columns[] = { { "stream", "stream", "类别", 0, 0 },
		{ "number", "number", "序号", 0, 0 }, { "reason", "reason", "原因", 0, 0 },
		{ "bytes", "bytes", "字节", 2, 0 }, { "created", "created", "生成", 1, 0 },
		{ "parked", "parked", "搁置", 3, 0 }, { "topic", "topic", "主题", 4, 0 } };

	if (show_table(tables, "parked", columns, ARRAY_SIZE(columns), view) == 0) {
		fputs(view->chinese ? "没有被拒收的消息\n" : "the broker refused no message\n", stderr);
	}
}

void cmd_done(const json_t *tables, const struct view *view)
{
	(void)tables;
	(void)view;
}

void cmd_identity(const json_t *tables, const struct view *view)
{
	static const struct {
		const char *column;
		const char *english;
		const char *chinese;
	} lines[] = { { "site", "site", "企业" }, { "public_key", "public key", "公钥" }, { "links", "links", "链长" },
		{ "hash", "last hash", "末端哈希" }, { "checkpoint", "checkpoint", "检查点" } };
	const json_t *identity = tables_find(tables, "identity");
	const json_t *row = json_array_get(json_object_get(identity, "rows"), 0);

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const json_t *cell = tables_cell(identity, row, lines[i].column);
		const char *words = view->chinese ? lines[i].chinese : lines[i].english;
		printf("%s%*s", words, 12 - table_width(words), "");
		if (json_is_integer(cell)) {
			printf("%lld\n", (long long)json_integer_value(cell));
		} else {
			puts(cell ? json_string_value(cell) : "-");
		}
	}
}
