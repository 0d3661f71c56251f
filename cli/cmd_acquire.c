/* cmd_acquire.c - emisctl instruments, plan and raw: how the instruments are read. */
#include <stdio.h>
#include <string.h>

#include "cli/cmds.h"
#include "cli/show.h"
#include "common/array.h"

void cmd_instruments(const json_t *tables, const struct view *view)
{
	static const struct shown columns[] = { { "name", "instrument", "仪器", 0, 0 },
		{ "link", "link", "链路", 3, 0 }, { "unit", "unit", "站号", 6, 0 },
		{ "answers", "answers", "应答", 0, 0 }, { "timeouts", "time-outs", "超时", 0, 0 },
		{ "checksum", "checksum", "校验错", 2, 0 }, { "foreign", "foreign", "异帧", 2, 0 },
		{ "stale", "stale", "迟帧", 5, 0 }, { "discarded", "discarded", "弃帧", 7, 0 },
		{ "exceptions", "exceptions", "异常码", 1, 0 }, { "skipped", "skipped", "跳过", 4, 0 },
		{ "refused", "refused", "拒读", 4, 0 }, { "p50", "p50 ms", "中位毫秒", 1, 1 },
		{ "p95", "p95 ms", "95%毫秒", 0, 1 }, { "max", "max ms", "最大毫秒", 2, 1 } };

	show_table(tables, "instruments", columns, ARRAY_SIZE(columns), view);
}

void cmd_plan(const json_t *tables, const struct view *view)
{
	static const struct shown blocks[] = { { "instrument", "instrument", "仪器", 0, 0 },
		{ "link", "link", "链路", 1, 0 }, { "function", "function", "功能码", 0, 0 },
		{ "address", "address", "地址", 0, 0 }, { "count", "registers", "寄存器", 0, 0 },
		{ "bytes", "bytes", "字节", 0, 0 }, { "wire", "wire ms", "线上毫秒", 0, 1 },
		{ "every", "every s", "间隔秒", 0, 1 } };
	static const struct shown links[] = { { "link", "link", "链路", 0, 0 }, { "verdict", "load", "负荷", 0, 0 } };

	show_table(tables, "plan", blocks, ARRAY_SIZE(blocks), view);
	putchar('\n');
	show_table(tables, "links", links, ARRAY_SIZE(links), view);
}

/* Prints one line for each request and its registers below it, sixteen a line. */
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
