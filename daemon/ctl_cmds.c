/* ctl_cmds.c - what can be asked over the control socket. A command is one function and one row of the table at
 * the end. Replies are tables with typed columns; what is not known is null. */
#include <math.h>
#include <string.h>

#include "common/array.h"
#include "daemon/bus.h"
#include "daemon/ctl_cmds.h"
#include "daemon/ctl_table.h"
#include "daemon/daemon.h"

static json_t *flag_text(enum flag flag)
{
	char letter[2] = { flag_letter(flag), '\0' };

	return json_string(letter);
}

static json_t *date(struct utc at)
{
	char text[TIME_TEXT_SIZE];

	if (at.ms == INT64_MAX) {
		return json_null();
	}
	time_format(at, 480, text); /* legal dates are China's */
	text[10] = '\0';
	return json_string(text);
}

/* ---- status ---- */

static json_t *site_table(struct daemon *d)
{
	static const struct ctl_column columns[] = { { "id", "text" }, { "name", "text" }, { "version", "text" },
		{ "time", "time" }, { "simulated", "bool" }, { "uptime", "seconds" } };
	json_t *table = ctl_table("site", columns, ARRAY_SIZE(columns));
	double uptime = (double)(clock_mono(&d->clock).ms - d->started.ms) / 1000.0;

	ctl_add_row(table,
		json_pack("[s, s, s, o, b, f]", d->site->id, d->site->name, EMISD_VERSION,
			ctl_moment(d, clock_utc(&d->clock)), d->clock.simulated, uptime));
	return table;
}

static void add_point_row(struct daemon *d, json_t *table, size_t outlet_index, size_t point_index)
{
	const struct outlet *outlet = &d->site->outlets[outlet_index];
	const struct factor *factor = outlet->points[point_index].factor;
	struct utc now = clock_utc(&d->clock);
	struct point_view v;

	pipeline_view(d->pipeline, outlet_index, point_index, now, daemon_max_age_ms(d, outlet_index, point_index), &v);
	json_t *row = json_pack("[s, s, s, s, s, s, s, i]", outlet->id, outlet->name, factor->key, factor->code,
		factor->name, factor->name_zh, factor->unit, factor->decimals);
	json_array_append_new(row, ctl_number(v.raw.value));
	json_array_append_new(row, ctl_number(v.converted));
	json_array_append_new(row, ctl_number(v.o2_ref));
	json_array_append_new(row, ctl_number(v.hour_mean));
	json_array_append_new(row, json_integer(v.valid_minutes));
	json_array_append_new(row, json_integer(v.due_minutes));
	json_array_append_new(row, ctl_number(v.limit ? v.limit->min : NAN));
	json_array_append_new(row, ctl_number(v.limit ? v.limit->max : NAN));
	json_array_append_new(row, v.limit ? json_string(limit_period_name(v.limit->period)) : json_null());
	json_array_append_new(row, v.limit ? json_string(v.limit->document->tier) : json_null());
	json_array_append_new(row, ctl_number(v.share));
	json_array_append_new(row, flag_text(v.raw.flag));
	bool seen = v.raw.at.ms != INT64_MIN;
	json_array_append_new(row, seen ? json_real((double)(now.ms - v.raw.at.ms) / 1000.0) : json_null());
	ctl_add_row(table, row);
}

static json_t *points_table(struct daemon *d)
{
	static const struct ctl_column columns[] = { { "outlet", "text" }, { "outlet_name", "text" },
		{ "factor", "text" }, { "code", "text" }, { "name_en", "text" }, { "name_zh", "text" },
		{ "unit", "text" }, { "decimals", "integer" }, { "raw", "number" }, { "converted", "number" },
		{ "o2_ref", "number" }, { "hour_mean", "number" }, { "valid_minutes", "integer" },
		{ "due_minutes", "integer" }, { "limit_min", "number" }, { "limit_max", "number" },
		{ "period", "text" }, { "tier", "text" }, { "share", "share" }, { "flag", "flag" },
		{ "age", "seconds" } };
	json_t *table = ctl_table("points", columns, ARRAY_SIZE(columns));

	for (size_t o = 0; o < d->site->n_outlets; o++) {
		for (size_t p = 0; p < d->site->outlets[o].n_points; p++) {
			add_point_row(d, table, o, p);
		}
	}
	return table;
}

static json_t *outbox_table(struct daemon *d)
{
	static const struct ctl_column columns[] = { { "broker", "text" }, { "state", "text" },
		{ "pending", "integer" }, { "sent", "integer" }, { "parked", "integer" }, { "oldest", "seconds" },
		{ "error", "text" } };
	json_t *table = ctl_table("outbox", columns, ARRAY_SIZE(columns));
	struct outbox_status s;

	outbox_get_status(d->outbox, &s);
	double oldest = (double)(clock_utc(&d->clock).ms - s.counts.oldest_pending.ms) / 1000.0;
	ctl_add_row(table,
		json_pack("[s, s, I, I, I, o, s]", s.broker, s.state, (json_int_t)s.counts.pending,
			(json_int_t)s.counts.sent, (json_int_t)s.counts.parked,
			ctl_number(s.counts.pending > 0 ? oldest : NAN), s.error));
	return table;
}

static json_t *run_status(struct daemon *d, const json_t *request, char *error, size_t size)
{
	(void)request;
	(void)error;
	(void)size;
	return json_pack("[o, o, o, o]", site_table(d), points_table(d), ctl_links_table(d), outbox_table(d));
}

/* ---- alarms ---- */

struct alarm_rows {
	struct daemon *daemon;
	json_t *table;
};

static void add_alarm_row(void *context, const struct store_alarm *a)
{
	struct alarm_rows *rows = context;
	const struct daemon *d = rows->daemon;

	ctl_add_row(rows->table,
		json_pack("[s, s, s, s, s, s, o, o, o, o, o, o, s, s, s, s, i]", a->id,
			alarm_class_name(alarm_class_of(a->rule)), alarm_rule_name(a->rule), a->outlet, a->factor,
			a->raised ? "raised" : "cleared", ctl_moment(d, a->since), ctl_moment(d, a->last),
			ctl_number(a->value), ctl_number(a->worst), ctl_number(a->limit_min), ctl_number(a->limit_max),
			a->unit, a->tier, a->document, a->clause, a->decimals));
}

#define MAX_ALARM_ROWS 1000

static json_t *run_alarms(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct ctl_column columns[] = { { "id", "text" }, { "class", "text" }, { "rule", "text" },
		{ "outlet", "text" }, { "factor", "text" }, { "state", "text" }, { "since", "time" },
		{ "last", "time" }, { "value", "number" }, { "worst", "number" }, { "limit_min", "number" },
		{ "limit_max", "number" }, { "unit", "text" }, { "tier", "text" }, { "document", "text" },
		{ "clause", "text" }, { "decimals", "integer" } };
	struct alarm_rows rows = { d, ctl_table("alarms", columns, ARRAY_SIZE(columns)) };
	bool all = json_is_true(json_object_get(request, "all"));

	if (store_alarms(d->store, all, MAX_ALARM_ROWS, add_alarm_row, &rows) < 0) {
		snprintf(error, size, "%s", store_error(d->store));
		json_decref(rows.table);
		return NULL;
	}
	return json_pack("[o]", rows.table);
}

/* ---- limits ---- */

static const char *why_judged(const struct daemon *d, const struct outlet *outlet, const struct limit *limit)
{
	int index = outlet_point(outlet, limit->factor);
	bool bound = false;

	if (index < 0) {
		return "not measured";
	}
	for (size_t i = 0; i < outlet->points[index].n_limits; i++) {
		bound |= outlet->points[index].limits[i] == limit;
	}
	if (!limit->verified) {
		return "not verified";
	}
	if (!bound) {
		return "its condition is not measured";
	}
	if (!limit_in_force(limit, clock_utc(&d->clock))) {
		return "not in force";
	}
	return limit->period == LIMIT_INSTANT ? "warns only" : "yes";
}

static void add_limit_row(const struct daemon *d, json_t *table, const struct outlet *outlet, const struct limit *limit)
{
	const struct legal_document *document = limit->document;

	ctl_add_row(table,
		json_pack("[s, s, s, s, s, o, o, s, o, s, s, s, o, o, s, s]", outlet->id, limit->factor, limit->key,
			document->tier, limit_period_name(limit->period), ctl_number(limit->min),
			ctl_number(limit->max), limit->unit, ctl_number(limit->o2_ref), document->number,
			document->title, limit->clause, date(limit->in_force), date(limit->until), limit->confidence,
			why_judged(d, outlet, limit)));
}

static json_t *run_limits(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct ctl_column columns[] = { { "outlet", "text" }, { "factor", "text" }, { "key", "text" },
		{ "tier", "text" }, { "period", "text" }, { "min", "number" }, { "max", "number" }, { "unit", "text" },
		{ "o2_ref", "number" }, { "document", "text" }, { "title", "text" }, { "clause", "text" },
		{ "in_force", "text" }, { "until", "text" }, { "confidence", "text" }, { "judged", "text" } };
	json_t *table = ctl_table("limits", columns, ARRAY_SIZE(columns));

	(void)request;
	(void)error;
	(void)size;
	for (size_t o = 0; o < d->site->n_outlets; o++) {
		const struct outlet *outlet = &d->site->outlets[o];
		for (size_t i = 0; i < d->site->n_limits; i++) {
			const struct limit *limit = &d->site->limits[i];
			if (limit_covers_sector(limit, outlet->sector) &&
				site_wants_tier(d->site, o, limit->document->tier)) {
				add_limit_row(d, table, outlet, limit);
			}
		}
	}
	return json_pack("[o]", table);
}

/* ---- all ---- */

const struct ctl_command ctl_commands[] = {
	{ "alarms", run_alarms },
	{ "instruments", ctl_run_instruments },
	{ "limits", run_limits },
	{ "plan", ctl_run_plan },
	{ "raw", ctl_run_raw },
	{ "status", run_status },
	{ NULL, NULL },
};
