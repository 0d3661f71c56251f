/* state.c - state.db: its schema, its transactions, and single values. The file is small and read whole at each start.
 * Rows in it belong to alarm.c, outbox.c, audit.c, mark.c, chain.c, checkpoint.c and relabel.c. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/store/chain_internal.h"
#include "daemon/store/salvage_internal.h"
#include "daemon/store/state_internal.h"

struct store_state {
	struct sqlite3 *db;
	sqlite3_stmt *set_meta;
	bool in_use; /* state.db says so, until it is closed */
};

static const char *const migrations[] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE alarm(id TEXT PRIMARY KEY, rule TEXT NOT NULL, outlet TEXT NOT NULL, factor TEXT NOT NULL,"
	" limit_key TEXT NOT NULL, raised INTEGER NOT NULL, since_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
	" value REAL, worst REAL, limit_min REAL, limit_max REAL, unit TEXT NOT NULL, tier TEXT NOT NULL,"
	" document TEXT NOT NULL, clause TEXT NOT NULL, decimals INTEGER NOT NULL, simulated INTEGER NOT NULL) STRICT;"
	"CREATE INDEX alarm_raised ON alarm(since_ms) WHERE raised = 1;"
	/* AUTOINCREMENT: a number that left the box is not given again. */
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
	/* The chain (chain.c). file is empty for rows of state.db. */
	"CREATE TABLE link(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, file TEXT NOT NULL,"
	" row INTEGER NOT NULL, upto INTEGER NOT NULL, at_ms INTEGER NOT NULL, content BLOB NOT NULL,"
	" hash BLOB NOT NULL, UNIQUE(kind, file, row)) STRICT;"
	"CREATE TABLE checkpoint(number INTEGER PRIMARY KEY AUTOINCREMENT, link INTEGER NOT NULL, at_ms INTEGER NOT "
	"NULL,"
	" body TEXT NOT NULL, signature TEXT NOT NULL, public_key TEXT NOT NULL) STRICT;",

	/* Wall time = monotonic time of the boot + offset_ms, from mono_ms on. */
	"CREATE TABLE clock(id INTEGER PRIMARY KEY AUTOINCREMENT, boot TEXT NOT NULL, mono_ms INTEGER NOT NULL,"
	" offset_ms INTEGER NOT NULL, synchronized INTEGER NOT NULL, simulated INTEGER NOT NULL) STRICT;"
	"CREATE INDEX clock_boot ON clock(boot, mono_ms);",
};

struct sqlite3 *store_state_db(const struct store *store)
{
	return store->state->db;
}

int store_begin(struct store *store)
{
	store_chain_begin(store);
	return store_db_exec(store_state_db(store), "BEGIN IMMEDIATE", store->error);
}

int store_end(struct store *store, int r)
{
	r = store_db_end(store_state_db(store), r, store->error);
	if (r < 0) {
		store_chain_roll_back(store);
	}
	return r;
}

char *store_meta_text(struct store *store, const char *key)
{
	sqlite3_stmt *s = store_db_prepare(store_state_db(store), "SELECT value FROM meta WHERE key=?1", store->error);
	char *text = NULL;
	int step = SQLITE_ERROR;

	if (s) {
		sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
		step = sqlite3_step(s);
	}
	/* "" is only for a text that was never set: a failed read returns NULL. */
	if (step == SQLITE_ROW || step == SQLITE_DONE) {
		const char *value = step == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : "";
		text = value ? strdup(value) : NULL;
		if (!text) {
			snprintf(store->error, sizeof(store->error), "out of memory");
		}
	} else if (s) {
		(void)store_db_fail(store_state_db(store), "cannot read", store->error); /* NULL says that it failed */
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
	sqlite3_bind_text(store->state->set_meta, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(store->state->set_meta, 2, value, -1, SQLITE_TRANSIENT);
	return store_db_run(store->state->set_meta, store->error);
}

/* A directory belongs to one site and to one kind of time: otherwise simulated rows could pass for real ones. */
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
		store_db_prepare(store_state_db(store), "SELECT seq FROM sqlite_sequence WHERE name=?1", store->error);
	int step = SQLITE_ERROR;

	if (s) {
		sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
		step = sqlite3_step(s);
	}
	int r = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : -EIO;
	if (r == 0) {
		*ret_number = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	} else if (s) {
		r = store_db_fail(store_state_db(store), "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return r;
}

/* When a damaged state.db has lost judged_until, the last day is judged again from the readings. The alarms get the
 * same ids; an event may be sent twice, but none is lost. */
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
	static const struct db_schema schema = { migrations, ARRAY_SIZE(migrations) };
	struct store_state *s = calloc(1, sizeof(*s));

	store->state = s;
	if (!s) {
		return store_out_of_memory(store);
	}
	s->db = store_open_file(store, "state.db", &schema, true);
	s->set_meta =
		s->db ? store_db_prepare(s->db, "INSERT OR REPLACE INTO meta VALUES(?1, ?2)", store->error) : NULL;
	int r = s->set_meta ? check_owner(store, "site", store->site->id, "the site") : -EIO;
	return r == 0 ? check_owner(store, "time", store->clock->simulated ? "simulated" : "real", "time kind") : r;
}

int store_state_use(struct store *store)
{
	char text[64] = "";
	int r = get_meta(store, "in_use", text, sizeof(text));

	if (r < 0) {
		return r;
	}
	store->unclean = r > 0 && strcmp(text, "0") != 0;
	r = store_set_meta(store, "in_use", "1");
	store->state->in_use = r == 0;
	return r == 0 ? judge_again(store) : r;
}

void store_state_close(struct store *store)
{
	struct store_state *s = store->state;

	if (!s) {
		return;
	}
	if (s->in_use) {
		(void)store_set_meta(store, "in_use", "0"); /* if that fails, the next start only checks more */
	}
	sqlite3_finalize(s->set_meta);
	sqlite3_close(s->db);
	free(s);
	store->state = NULL;
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
