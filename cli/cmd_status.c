/* cmd_status.c - emisctl status: the open alarms, every point, the links, and the connection to the bureau. */
#include <stdio.h>
#include <string.h>

#include "cli/cmds.h"
#include "cli/table.h"

#define ALARMING_AGE_S 600.0 /* a message that has been pending longer is reported */
#define ALARMS_SHOWN 10

static const char *age_text(const json_t *age, char *buf, size_t size)
{
	double s = json_number_value(age);

	if (!age) {
		snprintf(buf, size, "-");
	} else if (s < 100.0) {
		snprintf(buf, size, "%.0f s", s > 0.0 ? s : 0.0);
	} else if (s < 7200.0) {
		snprintf(buf, size, "%.0f min", s / 60.0);
	} else if (s < 172800.0) {
		snprintf(buf, size, "%.0f h", s / 3600.0);
	} else {
		snprintf(buf, size, "%.0f d", s / 86400.0);
	}
	return buf;
}

static void print_head(const json_t *tables, const struct view *view)
{
	const json_t *site = tables_find(tables, "site");
	const json_t *row = json_array_get(json_object_get(site, "rows"), 0);
	const char *note = view->chinese ? "（模拟时间）" : " (simulated time)";

	if (!row) {
		return;
	}
	const char *clock = tables_text(site, row, "clock");
	if (strcmp(clock, "not set") == 0) {
		puts(view->chinese ? "时钟未校准：暂停判定，读数先行保存。"
				   : "The clock is not set: readings wait, and nothing is judged.");
	}
	printf("%s %s  %s%s\n\n", tables_text(site, row, "id"), tables_text(site, row, "name"),
		tables_text(site, row, "time"), json_is_true(tables_cell(site, row, "simulated")) ? note : "");
}

static enum table_colour ratio_colour(const json_t *ratio)
{
	if (!ratio || json_number_value(ratio) < 0.8) {
		return COLOUR_NONE;
	}
	return json_number_value(ratio) > 1.0 ? COLOUR_RED : COLOUR_YELLOW;
}

static void add_point(struct table *out, const json_t *points, const json_t *row, bool chinese)
{
	int decimals = (int)json_integer_value(tables_cell(points, row, "decimals"));
	const json_t *ratio = tables_cell(points, row, "share"); /* of the open hour's or day's mean to the limit */
	const char *flag = tables_text(points, row, "flag");
	char buf[80];

	table_row(out);
	table_cell(out, tables_text(points, row, chinese ? "name_zh" : "factor"), COLOUR_NONE);
	table_cell(out, number_text(tables_cell(points, row, "raw"), decimals, buf), COLOUR_NONE);
	table_cell(out, number_text(tables_cell(points, row, "converted"), decimals, buf), COLOUR_NONE);
	table_cell(out, number_text(tables_cell(points, row, "hour_mean"), decimals, buf), COLOUR_NONE);
	table_cell(out, limit_text(tables_cell(points, row, "limit_min"), tables_cell(points, row, "limit_max"), buf),
		COLOUR_NONE);
	if (ratio) {
		snprintf(buf, sizeof(buf), "%.0f %%", 100.0 * json_number_value(ratio));
	} else {
		snprintf(buf, sizeof(buf), "-");
	}
	table_cell(out, buf, ratio_colour(ratio));
	table_cell(out, flag, strcmp(flag, "N") == 0 ? COLOUR_NONE : COLOUR_RED);
	table_cell(out, age_text(tables_cell(points, row, "age"), buf, sizeof(buf)), COLOUR_NONE);
	table_cell(out, tables_text(points, row, "unit"), COLOUR_NONE);
	table_printf(out, "%lld/%lld", (long long)json_integer_value(tables_cell(points, row, "valid_minutes")),
		(long long)json_integer_value(tables_cell(points, row, "due_minutes")));
	table_cell(out, tables_text(points, row, "tier"), COLOUR_NONE);
}

static void print_points(const json_t *tables, const struct view *view)
{
	static const struct table_column english[] = { { "factor", false, 0 }, { "raw", true, 0 },
		{ "converted", true, 0 }, { "hour mean", true, 0 }, { "limit", true, 0 }, { "of limit", true, 0 },
		{ "flag", false, 0 }, { "age", true, 0 }, { "unit", false, 1 }, { "valid", true, 2 },
		{ "tier", false, 3 } };
	static const struct table_column chinese[] = { { "因子", false, 0 }, { "实测", true, 0 }, { "折算", true, 0 },
		{ "小时均值", true, 0 }, { "限值", true, 0 }, { "占比", true, 0 }, { "标记", false, 0 },
		{ "数据龄", true, 0 }, { "单位", false, 1 }, { "有效", true, 2 }, { "限值级别", false, 3 } };
	const json_t *points = tables_find(tables, "points");
	struct table *out = table_create(view->chinese ? chinese : english, 11);
	char outlet[64] = "", title[256];
	size_t i;
	json_t *row;

	if (!out) {
		return;
	}
	json_array_foreach(json_object_get(points, "rows"), i, row)
	{
		const char *id = tables_text(points, row, "outlet");
		if (!view_wants(view, points, row)) {
			continue;
		}
		if (strcmp(id, outlet) != 0) {
			snprintf(outlet, sizeof(outlet), "%s", id);
			snprintf(title, sizeof(title), "%s %s", id, tables_text(points, row, "outlet_name"));
			table_title(out, title);
		}
		add_point(out, points, row, view->chinese);
	}
	table_print(out, view->width, view->colours);
	table_destroy(out);
}

static void print_links(const json_t *tables, const struct view *view)
{
	static const struct table_column english[] = { { "link", false, 0 }, { "state", false, 0 },
		{ "silent", true, 0 }, { "failures", true, 0 }, { "requests", true, 2 }, { "busy", true, 1 },
		{ "endpoint", false, 3 }, { "last trouble", false, 0 } };
	static const struct table_column chinese[] = { { "链路", false, 0 }, { "状态", false, 0 },
		{ "无应答", true, 0 }, { "失败", true, 0 }, { "请求", true, 2 }, { "占用", true, 1 },
		{ "地址", false, 3 }, { "最近故障", false, 0 } };
	const json_t *links = tables_find(tables, "links");
	struct table *out = table_create(view->chinese ? chinese : english, 8);
	size_t i;
	json_t *row;

	if (!out) {
		return;
	}
	json_array_foreach(json_object_get(links, "rows"), i, row)
	{
		const char *state = tables_text(links, row, "state");
		table_row(out);
		table_cell(out, tables_text(links, row, "name"), COLOUR_NONE);
		table_cell(out, state, strcmp(state, "up") == 0 ? COLOUR_NONE : COLOUR_RED);
		table_printf(out, "%lld/%lld", (long long)json_integer_value(tables_cell(links, row, "silent")),
			(long long)json_integer_value(tables_cell(links, row, "instruments")));
		table_printf(out, "%lld", (long long)json_integer_value(tables_cell(links, row, "failures")));
		table_printf(out, "%lld", (long long)json_integer_value(tables_cell(links, row, "requests")));
		const json_t *load = tables_cell(links, row, "load");
		if (load) {
			table_printf(out, "%.0f %%", 100.0 * json_number_value(load));
		} else {
			table_cell(out, "-", COLOUR_NONE);
		}
		table_cell(out, tables_text(links, row, "endpoint"), COLOUR_NONE);
		table_cell(out, tables_text(links, row, "error"), COLOUR_RED);
	}
	putchar('\n');
	table_print(out, view->width, view->colours);
	table_destroy(out);
}

static void print_outbox(const json_t *tables, const struct view *view)
{
	const json_t *outbox = tables_find(tables, "outbox");
	const json_t *row = json_array_get(json_object_get(outbox, "rows"), 0);
	const json_t *oldest = tables_cell(outbox, row, "oldest");
	long long pending = json_integer_value(tables_cell(outbox, row, "pending"));
	long long parked = json_integer_value(tables_cell(outbox, row, "parked"));
	const char *error = tables_text(outbox, row, "error");
	char age[32];

	if (!row) {
		return;
	}
	printf(view->chinese ? "\n上报 %s：%s，待发 %lld，已送达 %lld%s%s\n"
			     : "\nbureau %s: %s, %lld pending, %lld sent%s%s\n",
		tables_text(outbox, row, "broker"), tables_text(outbox, row, "state"), pending,
		(long long)json_integer_value(tables_cell(outbox, row, "sent")), *error ? "; " : "", error);
	if (pending > 0 && json_number_value(oldest) > ALARMING_AGE_S) {
		printf(view->chinese ? "最早的待发消息已等待 %s\n" : "The oldest pending message has waited for %s.\n",
			age_text(oldest, age, sizeof(age)));
	}
	if (parked > 0) {
		printf(view->chinese ? "%lld 条消息被服务器拒收，已搁置\n"
				     : "%lld messages are parked: the broker refused them.\n",
			parked);
	}
}

/* Prints the open alarms above all other tables: somebody must act on them. */
static void print_alarms(const json_t *tables, const struct view *view)
{
	const json_t *alarms = tables_find(tables, "alarms");

	if (!alarms) {
		puts(view->chinese ? "无法读取报警。\n" : "The open alarms are not known: the store cannot be read.\n");
		return;
	}
	size_t i, n = 0;
	json_t *row;
	json_array_foreach(json_object_get(alarms, "rows"), i, row)
	{
		n += view_wants(view, alarms, row);
	}
	if (n == 0) {
		puts(view->chinese ? "没有报警。" : "No open alarms.");
	} else {
		printf(view->chinese ? "当前报警 %zu 条：\n" : "Open alarms: %zu\n", n);
	}
	(void)show_alarms(alarms, view, ALARMS_SHOWN); /* the number of alarms is known already */
	if (n > ALARMS_SHOWN) {
		puts(view->chinese ? "其余见 emisctl alarms" : "... emisctl alarms shows the others");
	}
	putchar('\n');
}

void cmd_status(const json_t *tables, const struct view *view)
{
	print_head(tables, view);
	print_alarms(tables, view);
	print_points(tables, view);
	print_links(tables, view);
	print_outbox(tables, view);
}
