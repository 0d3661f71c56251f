/* cmd_acquire.c - emisctl instruments, plan and raw: how reading goes. */
#include <stdio.h>
#include <string.h>

#include "cli/cmds.h"
#include "cli/table.h"
#include "common/array.h"

/* A column of the reply and how it is shown. */
struct shown {
	const char *column;
	const char *english;
	const char *chinese;
	int priority;
	int decimals; /* of numbers */
};

/* Prints one table of the reply; numbers to the right. */
static void show(const json_t *tables, const char *name, const struct shown *shown, size_t n, const struct view *view)
{
	const json_t *source = tables_find(tables, name);
	struct table_column columns[TABLE_COLUMNS];
	size_t i;
	json_t *row;
	char buf[80];

	for (size_t c = 0; c < n; c++) {
		bool text = strcmp(tables_type(source, shown[c].column), "text") == 0;
		columns[c] = (struct table_column){ view->chinese ? shown[c].chinese : shown[c].english, !text,
			shown[c].priority };
	}
	struct table *out = table_create(columns, n);
	if (!out) {
		return;
	}
	json_array_foreach(json_object_get(source, "rows"), i, row)
	{
		table_row(out);
		for (size_t c = 0; c < n; c++) {
			const json_t *cell = tables_cell(source, row, shown[c].column);
			const char *text = json_is_string(cell) ? json_string_value(cell)
								: number_text(cell, shown[c].decimals, buf);
			table_cell(out, text, COLOUR_NONE);
		}
	}
	table_print(out, view->width, view->colours);
	table_destroy(out);
}

void cmd_instruments(const json_t *tables, const struct view *view)
{
	static const struct shown columns[] = { { "name", "instrument", "仪器", 0, 0 },
		{ "link", "link", "链路", 3, 0 }, { "unit", "unit", "站号", 6, 0 },
		{ "answers", "answers", "应答", 0, 0 }, { "timeouts", "time-outs", "超时", 0, 0 },
		{ "checksum", "checksum", "校验错", 2, 0 }, { "foreign", "foreign", "异帧", 2, 0 },
		{ "stale", "stale", "迟帧", 5, 0 }, { "exceptions", "exceptions", "异常码", 1, 0 },
		{ "skipped", "skipped", "跳过", 4, 0 }, { "refused", "refused", "拒读", 4, 0 },
		{ "p50", "p50 ms", "中位毫秒", 1, 1 }, { "p95", "p95 ms", "95%毫秒", 0, 1 },
		{ "max", "max ms", "最大毫秒", 2, 1 } };

	show(tables, "instruments", columns, ARRAY_SIZE(columns), view);
}

void cmd_plan(const json_t *tables, const struct view *view)
{
	static const struct shown blocks[] = { { "instrument", "instrument", "仪器", 0, 0 },
		{ "link", "link", "链路", 1, 0 }, { "function", "function", "功能码", 0, 0 },
		{ "address", "address", "地址", 0, 0 }, { "count", "registers", "寄存器", 0, 0 },
		{ "bytes", "bytes", "字节", 0, 0 }, { "wire", "wire ms", "线上毫秒", 0, 1 },
		{ "every", "every s", "间隔秒", 0, 1 } };
	static const struct shown links[] = { { "link", "link", "链路", 0, 0 }, { "verdict", "load", "负荷", 0, 0 } };

	show(tables, "plan", blocks, ARRAY_SIZE(blocks), view);
	putchar('\n');
	show(tables, "links", links, ARRAY_SIZE(links), view);
}

/* One line for each block and the registers below it, sixteen a line. */
void cmd_raw(const json_t *tables, const struct view *view)
{
	const json_t *raw = tables_find(tables, "raw");
	size_t i;
	json_t *row;

	(void)view;
	json_array_foreach(json_object_get(raw, "rows"), i, row)
	{
		long long address = json_integer_value(tables_cell(raw, row, "address"));
		const char *registers = tables_text(raw, row, "registers");
		const char *at = tables_text(raw, row, "at");
		printf("%s  function %lld, %lld registers from %lld (0x%04llX)  %s  %s\n",
			tables_text(raw, row, "instrument"), json_integer_value(tables_cell(raw, row, "function")),
			json_integer_value(tables_cell(raw, row, "count")), address, address, at,
			tables_text(raw, row, "result"));
		for (size_t n = 0; *registers; n++) {
			size_t length = strcspn(registers, " ");
			if (n % 16 == 0) {
				printf("%s  0x%04llX ", n ? "\n" : "", address + (long long)n);
			}
			printf(" %.*s", (int)length, registers);
			registers += length + (registers[length] == ' ');
		}
		puts("");
	}
}
