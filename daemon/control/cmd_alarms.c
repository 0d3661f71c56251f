/* cmd_alarms.c - emisctl alarms, ack, mark, marks and audit. */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"
#include "daemon/rebuild.h"
#include "daemon/store/alarm.h"
#include "daemon/store/audit.h"
#include "daemon/store/mark.h"

#define MAX_ROWS 1000

/* A text of the request; "" when it has none of this name. */
static const char *text_of(const json_t *request, const char *key)
{
	const char *text = json_string_value(json_object_get(request, key));

	return text ? text : "";
}

struct rows {
	struct daemon *daemon;
	json_t *table;
};

/* The reply with the table; when r is negative, NULL with the store's sentence in `error`. Takes the table. */
static json_t *reply_rows(struct rows *rows, int r, char *error, size_t size)
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
	const struct store_acknowledgement by = { who, text_of(request, "remark"), topic, payload };
	int r = payload ? store_acknowledge(d->store, &alarm, &by) : -1;
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
		gateway_acknowledge(d->gateway, alarm.rule);
		(void)gateway_commit(d->gateway); /* logged there; the next call tries again */
	}
	outbox_send_new(d->outbox);
	return json_array();
}

/* ---- marks ---- */

/* The flag that each kind of mark gives to readings; their values do not change. HJ 212-2017 Table 8 has no letter for
 * start-up and shut-down; F, "stopped", is our interpretation. */
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

/* A request to set a mark, and the buffer for the sentence of a refusal. */
struct mark_request {
	const struct daemon *daemon;
	const json_t *json;
	char *error;
	size_t size;
};

/* Reads a time of the request; leaves *ret_at as it is when the request has none. False with a sentence. */
static bool read_moment(const struct mark_request *r, const char *key, struct utc *ret_at)
{
	const char *text = text_of(r->json, key);

	if (text[0] == '\0' || time_parse(text, r->daemon->site->judging.offset_min, ret_at)) {
		return true;
	}
	snprintf(
		r->error, r->size, "--%s: \"%.40s\" is not a moment; write it as 2026-03-02T08:00:00+08:00", key, text);
	return false;
}

/* Reads all of the mark but its times, and checks that its outlet and point are configured. False with a sentence. */
static bool read_subject(const struct mark_request *r, struct store_mark *mark)
{
	const char *outlet = text_of(r->json, "argument"), *factor = text_of(r->json, "factor");
	const char *kind = text_of(r->json, "kind");
	size_t i = 0;

	while (i < ARRAY_SIZE(kinds) && strcmp(kinds[i].kind, kind) != 0) {
		i++;
	}
	if (i == ARRAY_SIZE(kinds)) {
		snprintf(r->error, r->size,
			"--kind: \"%.40s\" is not known; known are calibration, fault, maintenance, shut-down, "
			"start-up, stopped",
			kind);
		return false;
	}
	mark->flag = kinds[i].flag;
	snprintf(mark->kind, sizeof(mark->kind), "%s", kind);
	snprintf(mark->outlet, sizeof(mark->outlet), "%s", outlet);
	snprintf(mark->factor, sizeof(mark->factor), "%s", factor);
	snprintf(mark->remark, sizeof(mark->remark), "%s", text_of(r->json, "remark"));
	snprintf(mark->who, sizeof(mark->who), "%s", text_of(r->json, "who"));
	struct mark converted; /* not used: only the check matters */
	if (!rebuild_mark(r->daemon->site, mark, &converted)) {
		if (filters_check_outlet(r->daemon->site, outlet, r->error, r->size)) {
			snprintf(r->error, r->size, "there is no outlet \"%.32s\" with the factor %.16s", outlet,
				factor);
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

/* Reads the mark from the request; changes nothing else. False with a sentence. */
static bool read_mark(const struct mark_request *r, struct utc now, struct store_mark *mark)
{
	*mark = (struct store_mark){ .from = now, .until = { INT64_MIN }, .at = now };
	if (!read_subject(r, mark) || !read_moment(r, "from", &mark->from) || !read_moment(r, "until", &mark->until)) {
		return false;
	}
	if (mark->until.ms <= mark->from.ms) {
		snprintf(r->error, r->size, "--until is missing or is not later than --from; give a time after --from");
		return false;
	}
	/* Closed periods stay as they were judged: the mark changes only readings that come from now on. */
	mark->applies.ms = mark->from.ms > now.ms ? mark->from.ms : now.ms;
	return true;
}

json_t *cmd_mark(struct daemon *d, const json_t *request, char *error, size_t size)
{
	const struct mark_request r = { d, request, error, size };
	struct utc now = clock_utc(&d->clock);
	struct rows rows = { d, NULL };
	struct store_mark mark;
	struct mark active;

	if (!read_mark(&r, now, &mark)) {
		return NULL;
	}
	bool takes_effect = mark.until.ms > now.ms && rebuild_mark(d->site, &mark, &active);
	if (takes_effect && !pipeline_has_room_for_mark(d->keeper.pipeline)) {
		snprintf(error, size, "too many marks are active; wait until one of them ends");
		return NULL;
	}
	/* Store the mark first: no reading may be flagged by a mark that has no row and no entry in the audit log. */
	if (store_mark_add(d->store, &mark) < 0) {
		snprintf(error, size, "the mark cannot be stored: %s; nothing was changed, try again",
			store_error(d->store));
		return NULL;
	}
	if (takes_effect) {
		(void)pipeline_add_mark(d->keeper.pipeline, &active); /* true: there is room */
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

	return reply_rows(&rows, store_marks(d->store, since, add_mark_row, &rows), error, size);
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
	return reply_rows(&rows, store_audit_rows(d->store, MAX_ROWS, add_audit_row, &rows), error, size);
}
