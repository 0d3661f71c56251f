#include "daemon/store/outbox.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/store/state_internal.h"

struct store_outbox {
	sqlite3_stmt *put;
	sqlite3_stmt *pending;
	sqlite3_stmt *done;
	sqlite3_stmt *refused;
	sqlite3_stmt *wait;
	sqlite3_stmt *park;
	sqlite3_stmt *counts;
	sqlite3_stmt *again;
};

static int prepare_all(struct store *store)
{
	struct store_outbox *o = store->outbox;
	const struct {
		sqlite3_stmt **slot;
		const char *sql;
	} statements[] = {
		{ &o->put,
			"INSERT INTO outbox(stream, seq, topic, payload, created_ms, simulated)"
			" VALUES(?1, ?2, ?3, ?4, ?5, ?6)" },
		{ &o->pending,
			"SELECT id, topic, payload FROM outbox WHERE state=0 AND id>?1 AND id<?2 ORDER BY id LIMIT "
			"?3" },
		{ &o->done, "UPDATE outbox SET state=1, ended_ms=?2, reason=NULL WHERE id=?1 AND state<>1" },
		{ &o->refused, "UPDATE outbox SET refusals=refusals+1, reason=?2 WHERE id=?1 RETURNING refusals" },
		{ &o->wait, "UPDATE outbox SET reason=?2 WHERE id=?1 AND state=0 AND reason IS NOT ?2" },
		{ &o->park, "UPDATE outbox SET state=2, ended_ms=?2, reason=?3 WHERE id=?1" },
		{ &o->counts,
			"SELECT (SELECT count(*) FROM outbox WHERE state=0), (SELECT count(*) FROM outbox WHERE "
			"state=1),"
			" (SELECT count(*) FROM outbox WHERE state=2), (SELECT min(created_ms) FROM outbox WHERE "
			"state=0)" },
		{ &o->again,
			"UPDATE outbox SET state=0, refusals=0, reason=NULL, ended_ms=NULL"
			" WHERE stream=?1 AND seq BETWEEN ?2 AND ?3" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		*statements[i].slot = store_db_prepare(store_state_db(store), statements[i].sql, store->error);
		if (!*statements[i].slot) {
			return -EIO;
		}
	}
	return 0;
}

int store_outbox_open(struct store *store)
{
	store->outbox = calloc(1, sizeof(*store->outbox));
	return store->outbox ? prepare_all(store) : store_out_of_memory(store);
}

void store_outbox_close(struct store *store)
{
	struct store_outbox *o = store->outbox;

	if (!o) {
		return;
	}
	sqlite3_stmt *statements[] = { o->put, o->pending, o->done, o->refused, o->wait, o->park, o->counts, o->again };
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		sqlite3_finalize(statements[i]);
	}
	free(o);
	store->outbox = NULL;
}

int store_outbox_put(struct store *store, const struct outbox_message *message)
{
	sqlite3_stmt *s = store->outbox->put;

	sqlite3_bind_text(s, 1, message->stream, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, message->seq);
	sqlite3_bind_text(s, 3, message->topic, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 4, message->payload, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 5, clock_utc(store->clock).ms);
	sqlite3_bind_int(s, 6, store->clock->simulated);
	return store_db_run(s, store->error);
}

/* A copy of the payload in a column. NULL when out of memory or when the row is damaged: never an empty message. */
static char *copy_payload(sqlite3_stmt *row, int column)
{
	const char *payload = (const char *)sqlite3_column_text(row, column);

	return payload ? strdup(payload) : NULL;
}

int store_outbox_pending(struct store *store, int64_t after, int64_t before, struct outbox_row *rows, size_t max)
{
	sqlite3_stmt *s = store->outbox->pending;
	int n = 0, step;

	sqlite3_bind_int64(s, 1, after);
	sqlite3_bind_int64(s, 2, before);
	sqlite3_bind_int64(s, 3, (int64_t)max);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		struct outbox_row *row = &rows[n];
		row->id = sqlite3_column_int64(s, 0);
		/* NOT NULL, written from a buffer of the same size */
		(void)text_copy(row->topic, sizeof(row->topic), store_db_column(s, 1));
		row->payload = copy_payload(s, 2);
		if (!row->payload) {
			break;
		}
		n++;
	}
	sqlite3_reset(s); /* the result of the step is checked below */
	return step == SQLITE_DONE || n > 0 ? n : store_db_fail(store_state_db(store), "cannot read", store->error);
}

int store_outbox_done(struct store *store, const int64_t *ids, size_t n, struct utc at)
{
	int r = store_begin(store);

	if (r < 0) {
		return r;
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		sqlite3_bind_int64(store->outbox->done, 1, ids[i]);
		sqlite3_bind_int64(store->outbox->done, 2, at.ms);
		r = store_db_run(store->outbox->done, store->error);
	}
	return store_end(store, r);
}

int store_outbox_refused(struct store *store, int64_t id, const char *reason)
{
	sqlite3_stmt *s = store->outbox->refused;

	sqlite3_bind_int64(s, 1, id);
	sqlite3_bind_text(s, 2, reason, -1, SQLITE_TRANSIENT);
	int refusals = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int(s, 0) : -EIO;
	if (refusals >= 0 && sqlite3_step(s) != SQLITE_DONE) {
		refusals = -EIO;
	}
	if (sqlite3_reset(s) != SQLITE_OK || refusals < 0) {
		return store_db_fail(store_state_db(store), "cannot write", store->error);
	}
	return refusals;
}

int store_outbox_wait(struct store *store, int64_t id, const char *reason)
{
	sqlite3_stmt *s = store->outbox->wait;

	sqlite3_bind_int64(s, 1, id);
	sqlite3_bind_text(s, 2, reason, -1, SQLITE_TRANSIENT);
	return store_db_run(s, store->error);
}

int store_outbox_park(struct store *store, int64_t id, struct utc at, const char *reason)
{
	sqlite3_stmt *s = store->outbox->park;

	sqlite3_bind_int64(s, 1, id);
	sqlite3_bind_int64(s, 2, at.ms);
	sqlite3_bind_text(s, 3, reason, -1, SQLITE_TRANSIENT);
	return store_db_run(s, store->error);
}

int64_t store_outbox_newest(struct store *store)
{
	sqlite3_stmt *s = store_db_prepare(store_state_db(store), "SELECT max(id) FROM outbox", store->error);
	int64_t newest = s && sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;

	sqlite3_finalize(s);
	return newest;
}

int store_outbox_count(struct store *store, struct outbox_counts *ret_counts)
{
	struct outbox_counts counts = { 0 };
	sqlite3_stmt *s = store->outbox->counts;
	bool read = sqlite3_step(s) == SQLITE_ROW;

	if (read) {
		counts.pending = sqlite3_column_int64(s, 0);
		counts.sent = sqlite3_column_int64(s, 1);
		counts.parked = sqlite3_column_int64(s, 2);
		counts.oldest_pending.ms = sqlite3_column_int64(s, 3);
	}
	sqlite3_reset(s); /* `read` is checked below */
	if (!read) {
		return store_db_fail(store_state_db(store), "cannot read", store->error);
	}
	*ret_counts = counts;
	return 0;
}

int64_t store_outbox_again(struct store *store, const char *stream, int64_t from, int64_t to)
{
	sqlite3_stmt *s = store->outbox->again;

	sqlite3_bind_text(s, 1, stream, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 2, from);
	sqlite3_bind_int64(s, 3, to);
	int r = store_db_run(s, store->error);
	return r < 0 ? r : sqlite3_changes(store_state_db(store));
}

int64_t store_outbox_release(struct store *store)
{
	int r = store_db_exec(store_state_db(store),
		"UPDATE outbox SET state=0, refusals=0, reason=NULL, ended_ms=NULL WHERE state=2", store->error);

	return r < 0 ? r : sqlite3_changes(store_state_db(store));
}

static int64_t release_like(struct store *store, const char *column_is, const char *value)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		"UPDATE outbox SET state=0, refusals=0, reason=NULL, ended_ms=NULL WHERE state=2 AND %s", column_is);
	sqlite3_stmt *s = store_db_prepare(store_state_db(store), sql, store->error);
	int r = -EIO;

	if (s) {
		sqlite3_bind_text(s, 1, value, -1, SQLITE_TRANSIENT);
		r = store_db_run(s, store->error);
	}
	sqlite3_finalize(s);
	return r < 0 ? r : sqlite3_changes(store_state_db(store));
}

int64_t store_outbox_release_reason(struct store *store, const char *pattern)
{
	return release_like(store, "reason LIKE ?1", pattern);
}

int64_t store_outbox_release_topic(struct store *store, const char *topic)
{
	return release_like(store, "topic=?1", topic);
}

int store_outbox_parked_first(struct store *store, const char *topic, struct outbox_row *ret_row)
{
	sqlite3_stmt *s = store_db_prepare(store_state_db(store),
		"SELECT id, payload FROM outbox WHERE state=2 AND topic=?1 ORDER BY id LIMIT 1", store->error);
	int step = SQLITE_ERROR, r = -EIO;

	if (s) {
		sqlite3_bind_text(s, 1, topic, -1, SQLITE_TRANSIENT);
		step = sqlite3_step(s);
	}
	if (step == SQLITE_ROW) {
		ret_row->id = sqlite3_column_int64(s, 0);
		ret_row->payload = copy_payload(s, 1);
		(void)text_copy(ret_row->topic, sizeof(ret_row->topic), topic); /* of the same size */
		r = 1;
	} else if (step == SQLITE_DONE) {
		r = 0;
	} else if (s) {
		r = store_db_fail(store_state_db(store), "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return r;
}

int64_t store_outbox_newest_seq(struct store *store, const char *stream)
{
	sqlite3_stmt *s =
		store_db_prepare(store_state_db(store), "SELECT max(seq) FROM outbox WHERE stream=?1", store->error);
	int64_t newest = 0;

	if (s) {
		sqlite3_bind_text(s, 1, stream, -1, SQLITE_STATIC);
		newest = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	}
	sqlite3_finalize(s);
	return newest;
}

int store_outbox_parked(
	struct store *store, size_t max, void (*take)(void *context, const struct store_parked *row), void *context)
{
	sqlite3_stmt *s = store_db_prepare(store_state_db(store),
		"SELECT stream, seq, topic, created_ms, ended_ms, ifnull(reason, ''), length(payload), state FROM "
		"outbox"
		" WHERE state=2 OR (state=0 AND reason IS NOT NULL) ORDER BY id LIMIT ?1",
		store->error);
	int step = SQLITE_ERROR;

	if (!s) {
		return -EIO;
	}
	sqlite3_bind_int64(s, 1, (int64_t)max);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_parked row = { store_db_column(s, 0), sqlite3_column_int64(s, 1), store_db_column(s, 2),
			{ sqlite3_column_int64(s, 3) }, { sqlite3_column_int64(s, 4) }, store_db_column(s, 5),
			(size_t)sqlite3_column_int64(s, 6), sqlite3_column_int(s, 7) == 0 };
		take(context, &row);
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? 0 : store_db_fail(store_state_db(store), "cannot read", store->error);
}
