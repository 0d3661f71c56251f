/* store_state.c - state.db: alarms, events, outbox and audit. Small, checked whole at each start. */
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/store_parts.h"

static const char *const migrations[] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE alarm(id TEXT PRIMARY KEY, rule TEXT NOT NULL, outlet TEXT NOT NULL, factor TEXT NOT NULL,"
	" limit_key TEXT NOT NULL, raised INTEGER NOT NULL, since_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
	" value REAL, worst REAL, limit_min REAL, limit_max REAL, unit TEXT NOT NULL, tier TEXT NOT NULL,"
	" document TEXT NOT NULL, clause TEXT NOT NULL, decimals INTEGER NOT NULL, simulated INTEGER NOT NULL) STRICT;"
	"CREATE INDEX alarm_raised ON alarm(since_ms) WHERE raised = 1;"
	/* AUTOINCREMENT: a number that left the box is never given again. */
	"CREATE TABLE event(seq INTEGER PRIMARY KEY AUTOINCREMENT, alarm_id TEXT NOT NULL REFERENCES alarm(id),"
	" change TEXT NOT NULL, period_ms INTEGER NOT NULL, value REAL, at_ms INTEGER NOT NULL,"
	" simulated INTEGER NOT NULL) STRICT;"
	/* state: 0 pending, 1 acknowledged by the broker, 2 parked */
	"CREATE TABLE outbox(seq INTEGER PRIMARY KEY REFERENCES event(seq), topic TEXT NOT NULL, payload TEXT NOT NULL,"
	" state INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL,"
	" ended_ms INTEGER, reason TEXT, simulated INTEGER NOT NULL) STRICT;"
	"CREATE INDEX outbox_state ON outbox(state, seq);"
	"CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, boot TEXT NOT NULL,"
	" mono_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL,"
	" simulated INTEGER NOT NULL) STRICT;",

	"ALTER TABLE alarm ADD COLUMN class TEXT NOT NULL DEFAULT '';"
	"UPDATE alarm SET class = CASE rule WHEN 'period-mean' THEN 'exceedance' WHEN 'minutes-beyond' THEN 'warning'"
	" ELSE 'condition' END;"
	"ALTER TABLE alarm ADD COLUMN acknowledged_by TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE alarm ADD COLUMN acknowledged_ms INTEGER;"
	"ALTER TABLE alarm ADD COLUMN remark TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX event_alarm ON event(alarm_id, seq);"
	"CREATE TABLE mark(id INTEGER PRIMARY KEY AUTOINCREMENT, outlet TEXT NOT NULL, factor TEXT NOT NULL,"
	" kind TEXT NOT NULL, flag TEXT NOT NULL, from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,"
	" applies_ms INTEGER NOT NULL, remark TEXT NOT NULL, who TEXT NOT NULL, at_ms INTEGER NOT NULL,"
	" simulated INTEGER NOT NULL) STRICT;",

	/* Messages of several streams, each with its own gapless numbers. */
	"CREATE TABLE message(id INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, seq INTEGER NOT NULL,"
	" topic TEXT NOT NULL, payload TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
	" refusals INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, ended_ms INTEGER, reason TEXT,"
	" simulated INTEGER NOT NULL, UNIQUE(stream, seq)) STRICT;"
	"INSERT INTO message(stream, seq, topic, payload, state, refusals, created_ms, ended_ms, reason, simulated)"
	" SELECT 'alarm', seq, topic, payload, state, refusals, created_ms, ended_ms, reason, simulated FROM outbox"
	" ORDER BY seq;"
	"DROP TABLE outbox;"
	"ALTER TABLE message RENAME TO outbox;"
	"CREATE INDEX outbox_state ON outbox(state, id);"
	/* The chain (store_chain.c). file is empty for rows of state.db. */
	"CREATE TABLE link(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, file TEXT NOT NULL,"
	" row INTEGER NOT NULL, upto INTEGER NOT NULL, at_ms INTEGER NOT NULL, content BLOB NOT NULL,"
	" hash BLOB NOT NULL, UNIQUE(kind, file, row)) STRICT;"
	"CREATE TABLE checkpoint(number INTEGER PRIMARY KEY AUTOINCREMENT, link INTEGER NOT NULL, at_ms INTEGER NOT "
	"NULL,"
	" body TEXT NOT NULL, signature TEXT NOT NULL, public_key TEXT NOT NULL) STRICT;",
};

#define ALARM_COLUMNS                                                                                                  \
	"id, rule, outlet, factor, limit_key, raised, since_ms, last_ms, value, worst, limit_min, limit_max, unit, "   \
	"tier,"                                                                                                        \
	" document, clause, decimals, class, acknowledged_by"

/* ---- opening ---- */

static int prepare_all(struct store *store)
{
	struct store_state *s = &store->state;
	const struct {
		sqlite3_stmt **slot;
		const char *sql;
	} statements[] = {
		{ &s->set_meta, "INSERT OR REPLACE INTO meta VALUES(?1, ?2)" },
		{ &s->put_alarm,
			"INSERT INTO alarm(" ALARM_COLUMNS ", simulated)"
			" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?19, '',"
			" ?18) ON CONFLICT(id) DO UPDATE SET raised=?6, last_ms=?8, value=?9, worst=?10, class=?19" },
		{ &s->put_event, "INSERT INTO event VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)" },
		{ &s->put_audit,
			"INSERT INTO audit(at_ms, boot, mono_ms, who, what, old, new, simulated)"
			" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		*statements[i].slot = store_db_prepare(s->db, statements[i].sql, store->error);
		if (!*statements[i].slot) {
			return -EIO;
		}
	}
	return 0;
}

int store_begin(struct store *store)
{
	store->chain.before = store->chain.head;
	return store_db_exec(store->state.db, "BEGIN IMMEDIATE", store->error);
}

int store_end(struct store *store, int r)
{
	r = store_db_end(store->state.db, r, store->error);
	if (r < 0) {
		store->chain.head = store->chain.before;
	}
	return r;
}

char *store_meta_text(struct store *store, const char *key)
{
	sqlite3_stmt *s = store_db_prepare(store->state.db, "SELECT value FROM meta WHERE key=?1", store->error);
	char *text = NULL;
	int step = SQLITE_ERROR;

	if (s) {
		sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
		step = sqlite3_step(s);
	}
	/* What cannot be read is not what was never set. */
	if (step == SQLITE_ROW || step == SQLITE_DONE) {
		const char *value = step == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : "";
		text = value ? strdup(value) : NULL;
		if (!text) {
			snprintf(store->error, sizeof(store->error), "out of memory");
		}
	} else if (s) {
		(void)store_db_fail(store->state.db, "cannot read", store->error); /* NULL says that it failed */
	}
	sqlite3_finalize(s);
	return text;
}

/* 1 with the value in buf, 0 when it was never set, or -EIO. */
static int get_meta(struct store *store, const char *key, char *buf, size_t size)
{
	char *text = store_meta_text(store, key);
	int r = text ? text[0] && text_copy(buf, size, text) : -EIO;

	free(text);
	return r;
}

int store_set_meta(struct store *store, const char *key, const char *value)
{
	sqlite3_bind_text(store->state.set_meta, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(store->state.set_meta, 2, value, -1, SQLITE_TRANSIENT);
	return store_db_run(store->state.set_meta, store->error);
}

/* A directory belongs to one site and to one kind of time; mixing them would make simulated rows evidence. */
static int check_owner(struct store *store, const char *key, const char *value, const char *words)
{
	char found[128];

	int r = get_meta(store, key, found, sizeof(found));
	if (r <= 0) {
		return r == 0 ? store_set_meta(store, key, value) : r;
	}
	if (strcmp(found, value) != 0) {
		snprintf(store->error, sizeof(store->error),
			"%s holds data of %s \"%s\", not of \"%s\"; use another directory", store->site->store.path,
			words, found, value);
		return -EEXIST;
	}
	return 0;
}

int store_last_number(struct store *store, const char *table, int64_t *ret_number)
{
	sqlite3_stmt *s =
		store_db_prepare(store->state.db, "SELECT seq FROM sqlite_sequence WHERE name=?1", store->error);
	int step = SQLITE_ERROR;

	if (s) {
		sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
		step = sqlite3_step(s);
	}
	int r = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : -EIO;
	if (r == 0) {
		*ret_number = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	} else if (s) {
		r = store_db_fail(store->state.db, "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return r;
}

/* After the highest number that may have left the box. */
static int go_on_counting(struct store *store)
{
	int64_t last = 0;
	int r = store_last_number(store, "event", &last);

	if (r < 0) {
		return r;
	}
	if (last < store->numbers.event) {
		if (store->n_damages == 0) {
			store_note_damage(store, "state.db has lost its newest commits: events %lld to %lld",
				(long long)last + 1, (long long)store->numbers.event);
		}
		last = store->numbers.event;
	}
	store->state.next_seq = last + 1;
	store_numbers_keep(store, last, 0);
	return 0;
}

/* A file that was set aside may have taken the mark with it. Then the last day is judged again, from the readings:
 * under the same alarm ids, and rather twice than not at all. */
static int judge_again(struct store *store)
{
	char text[32];
	int r = store->n_damages > 0 ? get_meta(store, "judged_until_ms", text, sizeof(text)) : 1;

	if (r == 0) {
		snprintf(text, sizeof(text), "%lld", (long long)clock_utc(store->clock).ms - DAY_MS);
		r = store_set_meta(store, "judged_until_ms", text);
	}
	return r < 0 ? r : 0;
}

int store_state_open(struct store *store)
{
	char text[64] = "";

	store_numbers_open(store);
	store->state.db = store_open_file(store, "state.db", migrations, ARRAY_SIZE(migrations), true);
	if (!store->state.db) {
		return -EIO;
	}
	int r = prepare_all(store);
	r = r == 0 ? store_outbox_open(store) : r;
	r = r == 0 ? store_chain_open(store) : r;
	r = r == 0 ? check_owner(store, "site", store->site->id, "the site") : r;
	r = r == 0 ? check_owner(store, "time", store->clock->simulated ? "simulated" : "real", "time kind") : r;
	store->unclean = r == 0 && get_meta(store, "in_use", text, sizeof(text)) != 0 && strcmp(text, "0") != 0;
	r = r == 0 ? store_set_meta(store, "in_use", "1") : r;
	r = r == 0 ? go_on_counting(store) : r;
	return r == 0 ? judge_again(store) : r;
}

void store_state_close(struct store *store)
{
	struct store_state *s = &store->state;
	sqlite3_stmt *statements[] = { s->set_meta, s->put_alarm, s->put_event, s->put_audit };

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		sqlite3_finalize(statements[i]);
	}
	store_outbox_close(store);
	store_chain_close(store);
	sqlite3_close(s->db);
	memset(s, 0, sizeof(*s));
}

/* ---- alarms and events ---- */

static int put_alarm(struct store *store, const struct store_event *e)
{
	sqlite3_stmt *s = store->state.put_alarm;
	const struct event *event = &e->event;
	const struct limit *limit = event->limit;

	sqlite3_bind_text(s, 1, e->alarm_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, alarm_rule_name(event->rule), -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, event->outlet->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, event->point->factor->key, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 5, limit ? limit->key : "", -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 6, event->change != ALARM_CLEARED);
	sqlite3_bind_int64(s, 7, event->since.ms);
	sqlite3_bind_int64(s, 8, event->at.ms);
	store_db_bind_number(s, 9, event->value);
	store_db_bind_number(s, 10, event->worst);
	store_db_bind_number(s, 11, limit ? limit->min : NAN);
	store_db_bind_number(s, 12, limit ? limit->max : NAN);
	sqlite3_bind_text(s, 13, event->point->factor->unit, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 14, limit ? limit->tier : "", -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 15, limit ? limit->document->number : "", -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 16, limit ? limit->clause : "", -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 17, event->point->factor->decimals);
	sqlite3_bind_int(s, 18, store->clock->simulated);
	sqlite3_bind_text(s, 19, alarm_class_name(alarm_class_of(event->rule, limit)), -1, SQLITE_STATIC);
	return store_db_run(s, store->error);
}

/* What happened to an alarm, and the message that tells it. */
struct told {
	int64_t seq;
	const char *alarm_id;
	const char *change;
	struct utc period;
	double value;
	const char *topic;
	const char *payload;
};

static int put_event(struct store *store, const struct told *told)
{
	sqlite3_stmt *s = store->state.put_event;

	sqlite3_bind_int64(s, 1, told->seq);
	sqlite3_bind_text(s, 2, told->alarm_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, told->change, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, told->period.ms);
	store_db_bind_number(s, 5, told->value);
	sqlite3_bind_int64(s, 6, clock_utc(store->clock).ms);
	sqlite3_bind_int(s, 7, store->clock->simulated);
	int r = store_db_run(s, store->error);
	r = r == 0 ? store_outbox_put(store, "alarm", told->seq, told->topic, told->payload) : r;
	return r == 0 ? store_chain_add(store, "event", told->seq) : r;
}

int64_t store_next_seq(const struct store *store)
{
	return store->state.next_seq;
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
		struct told told = { e->seq, e->alarm_id, alarm_change_name(e->event.change), e->event.mean.start,
			e->event.value, e->topic, e->payload };
		r = put_alarm(store, e);
		r = r == 0 ? put_event(store, &told) : r;
	}
	snprintf(text, sizeof(text), "%lld", (long long)judged_until.ms);
	r = r == 0 ? store_set_meta(store, "judged_until_ms", text) : r;
	r = store_end(store, r);
	if (r == 0) {
		store->state.next_seq += (int64_t)n;
		store_numbers_keep(store, store->state.next_seq - 1, 0);
	}
	return r;
}

int store_judged_until(struct store *store, struct utc *ret_until)
{
	char text[32];
	int r = get_meta(store, "judged_until_ms", text, sizeof(text));

	if (r > 0) {
		ret_until->ms = atoll(text);
	}
	return r;
}

static double column_number(sqlite3_stmt *row, int column)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN : sqlite3_column_double(row, column);
}

static void column_text(sqlite3_stmt *row, int column, char *buf, size_t size)
{
	/* NOT NULL columns that were written from buffers of the same size */
	(void)text_copy(buf, size, (const char *)sqlite3_column_text(row, column));
}

static bool read_alarm(sqlite3_stmt *row, struct store_alarm *a)
{
	column_text(row, 0, a->id, sizeof(a->id));
	column_text(row, 2, a->outlet, sizeof(a->outlet));
	column_text(row, 3, a->factor, sizeof(a->factor));
	column_text(row, 4, a->limit_key, sizeof(a->limit_key));
	a->raised = sqlite3_column_int(row, 5);
	a->since.ms = sqlite3_column_int64(row, 6);
	a->last.ms = sqlite3_column_int64(row, 7);
	a->value = column_number(row, 8);
	a->worst = column_number(row, 9);
	a->limit_min = column_number(row, 10);
	a->limit_max = column_number(row, 11);
	column_text(row, 12, a->unit, sizeof(a->unit));
	column_text(row, 13, a->tier, sizeof(a->tier));
	column_text(row, 14, a->document, sizeof(a->document));
	column_text(row, 15, a->clause, sizeof(a->clause));
	a->decimals = sqlite3_column_int(row, 16);
	column_text(row, 17, a->alarm_class, sizeof(a->alarm_class));
	column_text(row, 18, a->acknowledged_by, sizeof(a->acknowledged_by));
	return alarm_rule_from_name((const char *)sqlite3_column_text(row, 1), &a->rule);
}

int store_alarms(struct store *store, bool all, size_t max,
	void (*take)(void *context, const struct store_alarm *alarm), void *context)
{
	sqlite3_stmt *select = store_db_prepare(store->state.db,
		all ? "SELECT " ALARM_COLUMNS " FROM alarm ORDER BY last_ms DESC, id LIMIT ?1"
		    : "SELECT " ALARM_COLUMNS " FROM alarm WHERE raised = 1 ORDER BY since_ms DESC, id LIMIT ?1",
		store->error);
	struct store_alarm alarm;
	int step = SQLITE_ERROR;

	if (!select) {
		return -EIO;
	}
	sqlite3_bind_int64(select, 1, (int64_t)max);
	while ((step = sqlite3_step(select)) == SQLITE_ROW) {
		if (read_alarm(select, &alarm)) {
			take(context, &alarm);
		}
	}
	sqlite3_finalize(select);
	return step == SQLITE_DONE ? 0 : store_db_fail(store->state.db, "cannot read", store->error);
}

bool store_alarm_find(struct store *store, const char *id, struct store_alarm *ret_alarm)
{
	sqlite3_stmt *select =
		store_db_prepare(store->state.db, "SELECT " ALARM_COLUMNS " FROM alarm WHERE id = ?1", store->error);
	bool found = false;

	if (select) {
		sqlite3_bind_text(select, 1, id, -1, SQLITE_STATIC);
		found = sqlite3_step(select) == SQLITE_ROW && read_alarm(select, ret_alarm);
	}
	sqlite3_finalize(select);
	return found;
}

char *store_alarm_message(struct store *store, const char *id)
{
	sqlite3_stmt *select = store_db_prepare(store->state.db,
		"SELECT payload FROM event JOIN outbox ON stream = 'alarm' AND outbox.seq = event.seq WHERE alarm_id = "
		"?1"
		" ORDER BY event.seq DESC LIMIT 1",
		store->error);
	char *payload = NULL;

	if (select) {
		sqlite3_bind_text(select, 1, id, -1, SQLITE_STATIC);
		if (sqlite3_step(select) == SQLITE_ROW) {
			payload = strdup((const char *)sqlite3_column_text(select, 0));
		}
	}
	sqlite3_finalize(select);
	return payload;
}

static int set_acknowledged(struct store *store, const char *id, const char *who, const char *remark)
{
	sqlite3_stmt *update = store_db_prepare(store->state.db,
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

int store_acknowledge(struct store *store, const struct store_alarm *alarm, const char *who, const char *remark,
	const char *topic, const char *payload)
{
	struct told told = { store->state.next_seq, alarm->id, "acknowledged", alarm->last, alarm->value, topic,
		payload };
	char what[ALARM_ID_SIZE + 32];
	int r = store_begin(store);

	if (r < 0) {
		return r;
	}
	snprintf(what, sizeof(what), "acknowledge %s", alarm->id);
	r = set_acknowledged(store, alarm->id, who, remark);
	r = r == 0 ? put_event(store, &told) : r;
	r = r == 0 ? store_audit_put(store, who, what, alarm->acknowledged_by, remark) : r;
	r = store_end(store, r);
	if (r == 0) {
		store->state.next_seq++;
		store_numbers_keep(store, store->state.next_seq - 1, 0);
	}
	return r;
}
