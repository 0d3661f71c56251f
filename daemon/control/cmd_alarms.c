/* cmd_alarms.c - emisctl alarms, ack, mark, marks and audit. */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"
#include "daemon/rebuild.h"

#define MAX_ROWS 1000

static const char *text_of(const json_t *request, const char *key)
{
	const char *text = json_string_value(json_object_get(request, key));

	return text ? text : "";
}

struct rows {
	struct daemon *daemon;
	json_t *table;
};

/* The table, or NULL with the store's sentence. */
static json_t *finish(struct rows *rows, int r, char *error, size_t size)
{
	if (r < 0) {
		snprintf(error, size, "%s", store_error(rows->daemon->store));
		json_decref(rows->table);
		return NULL;
	}
	return json_pack("[o]", rows->table);
}

/* ---- alarms ---- */

static void add_alarm_row(void *context, const struct store_alarm *a)
{
	struct rows *rows = context;
	const struct daemon *d = rows->daemon;

	reply_add_row(rows->table,
		json_pack("[s, s, s, s, s, s, o, o, o, o, o, o, s, s, s, s, i, s?, I]", a->id, a->alarm_class, a->rule,
			a->outlet, a->factor, a->raised ? "raised" : "cleared", reply_moment(d, a->since),
			reply_moment(d, a->last), reply_number(a->value), reply_number(a->worst),
			reply_number(a->limit_min), reply_number(a->limit_max), a->unit, a->tier, a->document,
			a->clause, a->decimals, a->acknowledged_by[0] ? a->acknowledged_by : NULL,
			(json_int_t)a->number));
}

json_t *cmd_alarms_table(struct daemon *d, bool all, size_t max)
{
	static const struct reply_column columns[] = { { "id", "text" }, { "class", "text" }, { "rule", "text" },
		{ "outlet", "text" }, { "factor", "text" }, { "state", "text" }, { "since", "time" },
		{ "last", "time" }, { "value", "number" }, { "worst", "number" }, { "limit_min", "number" },
		{ "limit_max", "number" }, { "unit", "text" }, { "tier", "text" }, { "document", "text" },
		{ "clause", "text" }, { "decimals", "integer" }, { "acknowledged_by", "text" },
		{ "number", "integer" } };
	struct rows rows = { d, reply_table("alarms", columns, ARRAY_SIZE(columns)) };

	if (store_alarms(d->store, all, max, add_alarm_row, &rows) < 0) {
		json_decref(rows.table);
		return NULL;
	}
	return rows.table;
}

json_t *cmd_alarms(struct daemon *d, const json_t *request, char *error, size_t size)
{
	json_t *table = cmd_alarms_table(d, json_is_true(json_object_get(request, "all")), MAX_ROWS);

	if (!table) {
		snprintf(error, size, "%s", store_error(d->store));
		return NULL;
	}
	return json_pack("[o]", table);
}

json_t *cmd_ack(struct daemon *d, const json_t *request, char *error, size_t size)
{
	const char *id = text_of(request, "argument"), *who = text_of(request, "who");
	struct store_alarm alarm;
	char topic[TOPIC_SIZE];

	if (!store_alarm_find(d->store, id, &alarm)) {
		snprintf(error, size, "there is no alarm \"%.150s\"; emisctl alarms --all lists their numbers", id);
		return NULL;
	}
	if (alarm.acknowledged_by[0]) {
		snprintf(error, size, "the alarm was acknowledged by %s", alarm.acknowledged_by);
		return NULL;
	}
	char *last = store_alarm_message(d->store, alarm.id);
	char *payload = last
		? message_acknowledged(&d->context, last, store_next_seq(d->store), who, text_of(request, "remark"))
		: NULL;
	struct outlet outlet = { 0 };
	snprintf(outlet.id, sizeof(outlet.id), "%s", alarm.outlet);
	message_alarm_topic(&d->context, &outlet, topic);
	int r = payload ? store_acknowledge(d->store, &alarm, who, text_of(request, "remark"), topic, payload) : -1;
	free(last);
	if (r < 0) {
		snprintf(error, size, "the acknowledgement cannot be stored: %s",
			payload ? store_error(d->store)
				: "the alarm's last message cannot be read, or there is no memory");
		free(payload);
		return NULL;
	}
	free(payload);
	if (strcmp(alarm.outlet, GATEWAY) == 0) {
		gateway_acknowledged(d->gateway, alarm.rule);
		(void)gateway_commit(d->gateway); /* logged, and tried again */
	}
	outbox_send_new(d->outbox);
	return json_array();
}

/* ---- marks ---- */

/* Which letter a kind of mark gives: HJ 212-2017 Table 8 has none for start-up and shut-down; F, "stopped", is our
 * reading. The flag and not the value changes. */
static const struct {
	const char *kind;
	enum flag flag;
} kinds[] = {
	{ "calibration", FLAG_CALIBRATION },
	{ "fault", FLAG_FAULT },
	{ "maintenance", FLAG_MAINTENANCE },
	{ "shut-down", FLAG_STOPPED },
	{ "start-up", FLAG_STOPPED },
	{ "stopped", FLAG_STOPPED },
};

static bool read_moment(
	const struct daemon *d, const json_t *request, const char *key, struct utc *ret_at, char *error, size_t size)
{
	const char *text = text_of(request, key);

	if (text[0] == '\0' || time_parse(text, d->site->judging.offset_min, ret_at)) {
		return true;
	}
	snprintf(error, size, "--%s: \"%.40s\" is not a moment; write it as 2026-03-02T08:00:00+08:00", key, text);
	return false;
}

static bool read_what(const struct daemon *d, const json_t *request, struct store_mark *mark, char *error, size_t size)
{
	const char *outlet = text_of(request, "argument"), *factor = text_of(request, "factor");
	const char *kind = text_of(request, "kind");
	size_t i = 0;

	while (i < ARRAY_SIZE(kinds) && strcmp(kinds[i].kind, kind) != 0) {
		i++;
	}
	if (i == ARRAY_SIZE(kinds)) {
		snprintf(error, size,
			"--kind: \"%.40s\" is not known; known are calibration, fault, maintenance, shut-down, "
			"start-up, stopped",
			kind);
		return false;
	}
	mark->flag = kinds[i].flag;
	snprintf(mark->kind, sizeof(mark->kind), "%s", kind);
	snprintf(mark->outlet, sizeof(mark->outlet), "%s", outlet);
	snprintf(mark->factor, sizeof(mark->factor), "%s", factor);
	snprintf(mark->remark, sizeof(mark->remark), "%s", text_of(request, "remark"));
	snprintf(mark->who, sizeof(mark->who), "%s", text_of(request, "who"));
	struct mark at_work;
	if (!rebuild_mark(d->site, mark, &at_work)) {
		if (filters_check_outlet(d->site, outlet, error, size)) {
			snprintf(error, size, "there is no outlet \"%.32s\" with the factor %.16s", outlet, factor);
		}
		return false;
	}
	return true;
}

static json_t *marks_table(void)
{
	static const struct reply_column columns[] = { { "id", "integer" }, { "outlet", "text" }, { "factor", "text" },
		{ "kind", "text" }, { "flag", "flag" }, { "from", "time" }, { "until", "time" }, { "applies", "time" },
		{ "remark", "text" }, { "who", "text" }, { "at", "time" } };

	return reply_table("marks", columns, ARRAY_SIZE(columns));
}

static void add_mark_row(void *context, const struct store_mark *m)
{
	struct rows *rows = context;
	const struct daemon *d = rows->daemon;
	char flag[2] = { flag_letter(m->flag), '\0' };

	reply_add_row(rows->table,
		json_pack("[I, s, s?, s, s, o, o, o, s, s, o]", (json_int_t)m->id, m->outlet,
			m->factor[0] ? m->factor : NULL, m->kind, flag, reply_moment(d, m->from),
			reply_moment(d, m->until), reply_moment(d, m->applies), m->remark, m->who,
			reply_moment(d, m->at)));
}

json_t *cmd_mark(struct daemon *d, const json_t *request, char *error, size_t size)
{
	struct utc now = clock_utc(&d->clock);
	struct store_mark mark = { .from = now, .until = { INT64_MIN }, .at = now };
	struct rows rows = { d, NULL };
	struct mark at_work;

	if (!read_what(d, request, &mark, error, size) || !read_moment(d, request, "from", &mark.from, error, size) ||
		!read_moment(d, request, "until", &mark.until, error, size)) {
		return NULL;
	}
	if (mark.until.ms <= mark.from.ms) {
		snprintf(error, size, "--until must say a moment after --from");
		return NULL;
	}
	/* What is closed stays as it was judged: the mark then stands beside it, and changes what comes. */
	mark.applies.ms = mark.from.ms > now.ms ? mark.from.ms : now.ms;
	if (mark.until.ms > now.ms && rebuild_mark(d->site, &mark, &at_work) &&
		!pipeline_mark(d->keeper.pipeline, &at_work)) {
		snprintf(error, size, "there are too many marks at work");
		return NULL;
	}
	if (store_mark_add(d->store, &mark) < 0) {
		snprintf(error, size, "the mark cannot be stored and lasts until the next start only: %s",
			store_error(d->store));
		return NULL;
	}
	rows.table = marks_table();
	add_mark_row(&rows, &mark);
	return json_pack("[o]", rows.table);
}

json_t *cmd_marks(struct daemon *d, const json_t *request, char *error, size_t size)
{
	struct rows rows = { d, marks_table() };
	bool all = json_is_true(json_object_get(request, "all"));
	struct utc since = { all ? INT64_MIN : clock_utc(&d->clock).ms - DAY_MS };

	return finish(&rows, store_marks(d->store, since, add_mark_row, &rows), error, size);
}

/* ---- audit ---- */

static void add_audit_row(void *context, const struct store_audit_row *a)
{
	struct rows *rows = context;

	reply_add_row(rows->table,
		json_pack("[o, s, s, s, s]", reply_moment(rows->daemon, a->at), a->who, a->what, a->old_value,
			a->new_value));
}

json_t *cmd_audit(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct reply_column columns[] = { { "at", "time" }, { "who", "text" }, { "what", "text" },
		{ "old", "text" }, { "new", "text" } };
	struct rows rows = { d, reply_table("audit", columns, ARRAY_SIZE(columns)) };

	(void)request;
	return finish(&rows, store_audit_rows(d->store, MAX_ROWS, add_audit_row, &rows), error, size);
}
