/* commands.c - the commands of the control socket. A command is one function and one row of the table at the end.
 * Replies are tables with typed columns; an unknown value is null. */
#include <math.h>
#include <string.h>

#include "common/array.h"
#include "daemon/control/commands.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"
#include "daemon/modbus/bus.h"

#define STATUS_ALARMS 100

static json_t *flag_text(enum flag flag)
{
	char letter[2] = { flag_letter(flag), '\0' };

	return json_string(letter);
}

/* ---- status ---- */

static json_t *site_table(struct daemon *d)
{
	static const struct reply_column columns[] = { { "id", "text" }, { "name", "text" }, { "version", "text" },
		{ "time", "time" }, { "clock", "text" }, { "simulated", "bool" }, { "uptime", "seconds" },
		{ "store", "text" } };
	json_t *table = reply_table("site", columns, ARRAY_SIZE(columns));
	double uptime = (double)(clock_mono(&d->clock).ms - d->started.ms) / 1000.0;

	reply_add_row(table,
		json_pack("[s, s, s, o, s, b, f, s]", d->site->id, d->site->name, EMISD_VERSION,
			reply_moment(d, clock_utc(&d->clock)), timekeeper_clock_state(&d->keeper), d->clock.simulated,
			uptime, d->site->store.path));
	return table;
}

static void add_point_row(struct daemon *d, json_t *table, size_t outlet_index, size_t point_index)
{
	const struct outlet *outlet = &d->site->outlets[outlet_index];
	const struct factor *factor = outlet->points[point_index].factor;
	struct utc now = clock_utc(&d->clock);
	struct point_view v;

	pipeline_view(d->keeper.pipeline, outlet_index, point_index, now, &v);
	json_t *row = json_pack("[s, s, s, s?, s, s, s, i]", outlet->id, outlet->name, factor->key,
		factor->code[0] ? factor->code : NULL, factor->name, factor->name_zh, factor->unit, factor->decimals);
	json_array_append_new(row, reply_number(v.raw.value));
	json_array_append_new(row, reply_number(v.converted));
	json_array_append_new(row, reply_number(v.o2_ref));
	json_array_append_new(row, reply_number(v.hour_mean));
	json_array_append_new(row, json_integer(v.valid_minutes));
	json_array_append_new(row, json_integer(v.due_minutes));
	json_array_append_new(row, reply_number(v.limit ? v.limit->min : NAN));
	json_array_append_new(row, reply_number(v.limit ? v.limit->max : NAN));
	json_array_append_new(row, v.limit ? json_string(limit_period_name(v.limit->period)) : json_null());
	json_array_append_new(row, v.limit ? json_string(v.limit->tier) : json_null());
	json_array_append_new(row, reply_number(v.limit_ratio));
	json_array_append_new(row, flag_text(v.raw.flag));
	bool seen = v.raw.at.ms != INT64_MIN;
	json_array_append_new(row, seen ? json_real((double)(now.ms - v.raw.at.ms) / 1000.0) : json_null());
	reply_add_row(table, row);
}

static json_t *points_table(struct daemon *d)
{
	static const struct reply_column columns[] = { { "outlet", "text" }, { "outlet_name", "text" },
		{ "factor", "text" }, { "code", "text" }, { "name_en", "text" }, { "name_zh", "text" },
		{ "unit", "text" }, { "decimals", "integer" }, { "raw", "number" }, { "converted", "number" },
		{ "o2_ref", "number" }, { "hour_mean", "number" }, { "valid_minutes", "integer" },
		{ "due_minutes", "integer" }, { "limit_min", "number" }, { "limit_max", "number" },
		{ "period", "text" }, { "tier", "text" }, { "share", "share" }, { "flag", "flag" },
		{ "age", "seconds" } };
	json_t *table = reply_table("points", columns, ARRAY_SIZE(columns));

	for (size_t o = 0; o < d->site->n_outlets; o++) {
		for (size_t p = 0; p < d->site->outlets[o].n_points; p++) {
			add_point_row(d, table, o, p);
		}
	}
	return table;
}

static json_t *run_status(struct daemon *d, const json_t *request, char *error, size_t size)
{
	(void)request;
	(void)error;
	(void)size;
	json_t *alarms = cmd_alarms_table(d, false, STATUS_ALARMS);
	json_t *tables =
		json_pack("[o, o, o, o]", site_table(d), points_table(d), cmd_links_table(d), cmd_outbox_table(d));

	/* When the store cannot be read, the reply has no table of alarms; the rest of the status is still useful. */
	if (alarms) {
		json_array_append_new(tables, alarms);
	}
	return tables;
}

/* ---- the table of commands ---- */

const struct command commands[] = {
	{ "ack", true, cmd_ack },
	{ "alarms", false, cmd_alarms },
	{ "audit", false, cmd_audit },
	{ "budget", false, cmd_budget },
	{ "identity", false, cmd_identity },
	{ "instruments", false, cmd_instruments },
	{ "limits", false, cmd_limits },
	{ "mark", true, cmd_mark },
	{ "marks", false, cmd_marks },
	{ "outbox", false, cmd_outbox },
	{ "plan", false, cmd_plan },
	{ "raw", false, cmd_raw },
	{ "release", true, cmd_release },
	{ "status", false, run_status },
	{ NULL, false, NULL },
};
