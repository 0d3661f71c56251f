#include "daemon/store/alarm.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/store/chain_internal.h"
#include "daemon/store/numbers_internal.h"
#include "daemon/store/salvage_internal.h"
#include "daemon/store/state_internal.h"

#define ALARM_COLUMNS                                                                                                  \
	"id, rule, outlet, factor, limit_key, raised, since_ms, last_ms, value, worst, limit_min, limit_max, unit, "   \
	"tier,"                                                                                                        \
	" document, clause, decimals, class, acknowledged_by"

#define FIRST_EVENT ", (SELECT min(seq) FROM event WHERE alarm_id = alarm.id)"

/* ---- opening ---- */

struct store_alarms {
	int64_t next_seq;
	sqlite3_stmt *put_alarm;
	sqlite3_stmt *put_event;
};

/* Events are numbered on from the highest number that may have left the box. */
static int go_on_counting(struct store *store)
{
	int64_t last = 0, kept = store_numbers_event(store);
	int r = store_last_number(store, "event", &last);

	if (r < 0) {
		return r;
	}
	if (last < kept) {
		if (store->n_damages == 0) {
			store_note_damage(store, "state.db has lost its newest commits: events %lld to %lld",
				(long long)last + 1, (long long)kept);
		}
		last = kept;
	}
	store->alarms->next_seq = last + 1;
	store_numbers_keep(store, last, 0);
	return 0;
}

int store_alarms_open(struct store *store)
{
	struct store_alarms *a = calloc(1, sizeof(*a));

	store->alarms = a;
	if (!a) {
		return store_out_of_memory(store);
	}
	a->put_alarm = store_db_prepare(store_state_db(store),
		"INSERT INTO alarm(" ALARM_COLUMNS ", simulated)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?19, '', ?18)"
		" ON CONFLICT(id) DO UPDATE SET raised=?6, last_ms=?8, value=?9, worst=?10, class=?19",
		store->error);
	a->put_event = store_db_prepare(
		store_state_db(store), "INSERT INTO event VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", store->error);
	return a->put_alarm && a->put_event ? go_on_counting(store) : -EIO;
}

void store_alarms_close(struct store *store)
{
	if (store->alarms) {
		sqlite3_finalize(store->alarms->put_alarm);
		sqlite3_finalize(store->alarms->put_event);
		free(store->alarms);
		store->alarms = NULL;
	}
}

/* ---- writing ---- */

static int put_alarm(struct store *store, const struct store_alarm *a)
{
	sqlite3_stmt *s = store->alarms->put_alarm;

	sqlite3_bind_text(s, 1, a->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, a->rule, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, a->outlet, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, a->factor, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 5, a->limit_key, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 6, a->raised);
	sqlite3_bind_int64(s, 7, a->since.ms);
	sqlite3_bind_int64(s, 8, a->last.ms);
	store_db_bind_number(s, 9, a->value);
	store_db_bind_number(s, 10, a->worst);
	store_db_bind_number(s, 11, a->limit_min);
	store_db_bind_number(s, 12, a->limit_max);
	sqlite3_bind_text(s, 13, a->unit, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 14, a->tier, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 15, a->document, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 16, a->clause, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 17, a->decimals);
	sqlite3_bind_int(s, 18, store->clock->simulated);
	sqlite3_bind_text(s, 19, a->alarm_class, -1, SQLITE_STATIC);
	return store_db_run(s, store->error);
}

/* The alarm as an event of the pipeline leaves it. */
static struct store_alarm alarm_of(const struct store_event *e)
{
	const struct event *event = &e->event;
	const struct limit *limit = event->limit;
	const struct factor *factor = event->point->factor;
	struct store_alarm a = { .raised = event->change != ALARM_CLEARED,
		.since = event->since,
		.last = event->at,
		.value = event->value,
		.worst = event->worst,
		.limit_min = limit ? limit->min : NAN,
		.limit_max = limit ? limit->max : NAN,
		.decimals = factor->decimals };

	snprintf(a.id, sizeof(a.id), "%s", e->alarm_id);
	snprintf(a.rule, sizeof(a.rule), "%s", alarm_rule_name(event->rule));
	snprintf(a.outlet, sizeof(a.outlet), "%s", event->outlet->id);
	snprintf(a.factor, sizeof(a.factor), "%s", factor->key);
	snprintf(a.unit, sizeof(a.unit), "%s", factor->unit);
	snprintf(a.limit_key, sizeof(a.limit_key), "%s", limit ? limit->key : "");
	snprintf(a.tier, sizeof(a.tier), "%s", limit ? limit->tier : "");
	snprintf(a.document, sizeof(a.document), "%s", limit ? limit->document->number : "");
	snprintf(a.clause, sizeof(a.clause), "%s", limit ? limit->clause : "");
	snprintf(a.alarm_class, sizeof(a.alarm_class), "%s", alarm_class_name(alarm_class_of(event->rule, limit)));
	return a;
}

/* A row of the table `event`, and its message. */
struct event_row {
	int64_t seq;
	const char *alarm_id;
	const char *change;
	struct utc period;
	double value;
	const char *topic;
	const char *payload;
};

static int put_event(struct store *store, const struct event_row *change)
{
	const struct outbox_message message = { "alarm", change->seq, change->topic, change->payload };
	sqlite3_stmt *s = store->alarms->put_event;

	sqlite3_bind_int64(s, 1, change->seq);
	sqlite3_bind_text(s, 2, change->alarm_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, change->change, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, change->period.ms);
	store_db_bind_number(s, 5, change->value);
	sqlite3_bind_int64(s, 6, clock_utc(store->clock).ms);
	sqlite3_bind_int(s, 7, store->clock->simulated);
	int r = store_db_run(s, store->error);
	r = r == 0 ? store_outbox_put(store, &message) : r;
	return r == 0 ? store_chain_add(store, "event", change->seq) : r;
}

int64_t store_next_seq(const struct store *store)
{
	return store->alarms->next_seq;
}

/* Ends the transaction of n events. */
static int end_events(struct store *store, int r, size_t n)
{
	r = store_end(store, r);
	if (r == 0) {
		store->alarms->next_seq += (int64_t)n;
		store_numbers_keep(store, store->alarms->next_seq - 1, 0);
	}
	return r;
}

int store_commit(struct store *store, const struct store_event *events, size_t n, struct utc judged_until)
{
	char text[32];
	int r = store_begin(store);

	if (r < 0) {
		return r;
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct store_event *e = &events[i];
		struct event_row change = { e->seq, e->alarm_id, alarm_change_name(e->event.change),
			e->event.mean.start, e->event.value, e->topic, e->payload };
		struct store_alarm alarm = alarm_of(e);
		r = put_alarm(store, &alarm);
		r = r == 0 ? put_event(store, &change) : r;
	}
	snprintf(text, sizeof(text), "%lld", (long long)judged_until.ms);
	r = r == 0 ? store_set_meta(store, "judged_until_ms", text) : r;
	return end_events(store, r, n);
}

int store_commit_alarm(struct store *store, const struct store_alarm *alarm, const char *change, const char *topic,
	const char *payload)
{
	const struct event_row event = { store->alarms->next_seq, alarm->id, change, alarm->last, alarm->value, topic,
		payload };
	int r = store_begin(store);

	if (r < 0) {
		return r;
	}
	r = put_alarm(store, alarm);
	r = r == 0 ? put_event(store, &event) : r;
	return end_events(store, r, 1);
}

/* ---- reading ---- */

static void read_alarm(sqlite3_stmt *row, struct store_alarm *a)
{
	store_db_text(row, 0, a->id, sizeof(a->id));
	store_db_text(row, 1, a->rule, sizeof(a->rule));
	store_db_text(row, 2, a->outlet, sizeof(a->outlet));
	store_db_text(row, 3, a->factor, sizeof(a->factor));
	store_db_text(row, 4, a->limit_key, sizeof(a->limit_key));
	a->raised = sqlite3_column_int(row, 5);
	a->since.ms = sqlite3_column_int64(row, 6);
	a->last.ms = sqlite3_column_int64(row, 7);
	a->value = store_db_number(row, 8);
	a->worst = store_db_number(row, 9);
	a->limit_min = store_db_number(row, 10);
	a->limit_max = store_db_number(row, 11);
	store_db_text(row, 12, a->unit, sizeof(a->unit));
	store_db_text(row, 13, a->tier, sizeof(a->tier));
	store_db_text(row, 14, a->document, sizeof(a->document));
	store_db_text(row, 15, a->clause, sizeof(a->clause));
	a->decimals = sqlite3_column_int(row, 16);
	store_db_text(row, 17, a->alarm_class, sizeof(a->alarm_class));
	store_db_text(row, 18, a->acknowledged_by, sizeof(a->acknowledged_by));
	a->number = sqlite3_column_int64(row, 19);
}

int store_alarms(struct store *store, bool all, size_t max,
	void (*take)(void *context, const struct store_alarm *alarm), void *context)
{
	sqlite3_stmt *select = store_db_prepare(store_state_db(store),
		all ? "SELECT " ALARM_COLUMNS FIRST_EVENT " FROM alarm ORDER BY last_ms DESC, id LIMIT ?1"
		    : "SELECT " ALARM_COLUMNS FIRST_EVENT " FROM alarm WHERE raised = 1"
		      " ORDER BY CASE class WHEN 'exceedance' THEN 0 WHEN 'unconfirmed' THEN 1 WHEN 'budget' THEN 2"
		      " WHEN 'warning' THEN 3 ELSE 4 END, since_ms DESC, id LIMIT ?1",
		store->error);
	struct store_alarm alarm;
	int step = SQLITE_ERROR;

	if (!select) {
		return -EIO;
	}
	sqlite3_bind_int64(select, 1, (int64_t)max);
	while ((step = sqlite3_step(select)) == SQLITE_ROW) {
		read_alarm(select, &alarm);
		take(context, &alarm);
	}
	sqlite3_finalize(select);
	return step == SQLITE_DONE ? 0 : store_db_fail(store_state_db(store), "cannot read", store->error);
}

bool store_alarm_find(struct store *store, const char *id, struct store_alarm *ret_alarm)
{
	sqlite3_stmt *select = store_db_prepare(store_state_db(store),
		"SELECT " ALARM_COLUMNS FIRST_EVENT " FROM alarm"
		" WHERE id = coalesce((SELECT alarm_id FROM event WHERE seq = CAST(?1 AS INTEGER) AND ?1 NOT GLOB "
		"'*[^0-9]*'), ?1)",
		store->error);
	bool found = false;

	if (select) {
		sqlite3_bind_text(select, 1, id, -1, SQLITE_STATIC);
		found = sqlite3_step(select) == SQLITE_ROW;
	}
	if (found) {
		read_alarm(select, ret_alarm);
	}
	sqlite3_finalize(select);
	return found;
}

char *store_alarm_message(struct store *store, const char *id)
{
	sqlite3_stmt *select = store_db_prepare(store_state_db(store),
		"SELECT payload FROM event JOIN outbox ON stream = 'alarm' AND outbox.seq = event.seq WHERE alarm_id = "
		"?1"
		" ORDER BY event.seq DESC LIMIT 1",
		store->error);
	char *payload = NULL;

	if (select) {
		sqlite3_bind_text(select, 1, id, -1, SQLITE_STATIC);
		if (sqlite3_step(select) == SQLITE_ROW) {
			payload = strdup(store_db_column(select, 0));
		}
	}
	sqlite3_finalize(select);
	return payload;
}

/* ---- acknowledging ---- */

static int set_acknowledged(struct store *store, const char *id, const char *who, const char *remark)
{
	sqlite3_stmt *update = store_db_prepare(store_state_db(store),
		"UPDATE alarm SET acknowledged_by=?2, acknowledged_ms=?3, remark=?4 WHERE id=?1", store->error);
	int r = -EIO;

	if (update) {
		sqlite3_bind_text(update, 1, id, -1, SQLITE_STATIC);
		sqlite3_bind_text(update, 2, who, -1, SQLITE_STATIC);
		sqlite3_bind_int64(update, 3, clock_utc(store->clock).ms);
		sqlite3_bind_text(update, 4, remark, -1, SQLITE_STATIC);
		r = store_db_run(update, store->error);
	}
	sqlite3_finalize(update);
	return r;
}

int store_acknowledge(struct store *store, const struct store_alarm *alarm, const struct store_acknowledgement *by)
{
	const struct event_row event = { store->alarms->next_seq, alarm->id, "acknowledged", alarm->last, alarm->value,
		by->topic, by->payload };
	char what[ALARM_ID_SIZE + 32];
	int r = store_begin(store);

	if (r < 0) {
		return r;
	}
	snprintf(what, sizeof(what), "acknowledge %s", alarm->id);
	r = set_acknowledged(store, alarm->id, by->who, by->remark);
	r = r == 0 ? put_event(store, &event) : r;
	r = r == 0 ? store_audit_put(store, by->who, what, alarm->acknowledged_by, by->remark) : r;
	return end_events(store, r, 1);
}
