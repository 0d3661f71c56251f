/* audit.c - who did what, and the operators' marks beside the data; in state.db. */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "common/text.h"
#include "daemon/store/store_internal.h"

int store_audit_put(
	struct store *store, const char *who, const char *what, const char *old_value, const char *new_value)
{
	sqlite3_stmt *s = store->state.put_audit;

	sqlite3_bind_int64(s, 1, clock_utc(store->clock).ms);
	sqlite3_bind_text(s, 2, store->boot, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, clock_mono(store->clock).ms);
	sqlite3_bind_text(s, 4, who, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 5, what, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 6, old_value, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 7, new_value, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(s, 8, store->clock->simulated);
	int r = store_db_run(s, store->error);
	return r == 0 ? store_chain_add(store, "audit", sqlite3_last_insert_rowid(store->state.db)) : r;
}

int store_audit(struct store *store, const char *who, const char *what, const char *old_value, const char *new_value)
{
	int r = store_begin(store);

	if (r < 0) {
		return r;
	}
	return store_end(store, store_audit_put(store, who, what, old_value, new_value));
}

int store_audit_changes(struct store *store, const char *who, const struct store_changes *changes, const char *meta_key,
	const char *meta_value)
{
	int r = store_begin(store);

	if (r < 0) {
		return r;
	}
	for (size_t i = 0; r == 0 && i < changes->n; i++) {
		const struct store_change *c = &changes->change[i];
		r = store_audit_put(store, who, c->what, c->old_value, c->new_value);
	}
	r = r == 0 ? store_set_meta(store, meta_key, meta_value) : r;
	return store_end(store, r);
}

int store_audit_rows(
	struct store *store, size_t max, void (*take)(void *context, const struct store_audit_row *row), void *context)
{
	sqlite3_stmt *s = store_db_prepare(store->state.db,
		"SELECT at_ms, who, what, old, new FROM audit ORDER BY id DESC LIMIT ?1", store->error);
	int step = SQLITE_ERROR;

	if (!s) {
		return -EIO;
	}
	sqlite3_bind_int64(s, 1, (int64_t)max);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_audit_row row = { { sqlite3_column_int64(s, 0) }, (const char *)sqlite3_column_text(s, 1),
			(const char *)sqlite3_column_text(s, 2), (const char *)sqlite3_column_text(s, 3),
			(const char *)sqlite3_column_text(s, 4) };
		take(context, &row);
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? 0 : store_db_fail(store->state.db, "cannot read", store->error);
}

/* ---- marks ---- */

static int insert_mark(struct store *store, const struct store_mark *mark)
{
	char flag[2] = { flag_letter(mark->flag), '\0' };
	sqlite3_stmt *s = store_db_prepare(store->state.db,
		"INSERT INTO mark(outlet, factor, kind, flag, from_ms, until_ms, applies_ms, remark, who, at_ms, "
		"simulated)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
		store->error);
	int r = -EIO;

	if (s) {
		sqlite3_bind_text(s, 1, mark->outlet, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 2, mark->factor, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 3, mark->kind, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 4, flag, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 5, mark->from.ms);
		sqlite3_bind_int64(s, 6, mark->until.ms);
		sqlite3_bind_int64(s, 7, mark->applies.ms);
		sqlite3_bind_text(s, 8, mark->remark, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 9, mark->who, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 10, mark->at.ms);
		sqlite3_bind_int(s, 11, store->clock->simulated);
		r = store_db_run(s, store->error);
	}
	sqlite3_finalize(s);
	return r;
}

int store_mark_add(struct store *store, const struct store_mark *mark)
{
	char what[96], value[512], from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
	int offset = store->site->judging.offset_min;
	int r = store_begin(store);

	if (r < 0) {
		return r;
	}
	snprintf(what, sizeof(what), "mark %s %s", mark->outlet, mark->factor[0] ? mark->factor : "all factors");
	snprintf(value, sizeof(value), "%s from %s to %s: %s", mark->kind, time_format(mark->from, offset, from),
		time_format(mark->until, offset, until), mark->remark);
	r = insert_mark(store, mark);
	r = r == 0 ? store_chain_add(store, "mark", sqlite3_last_insert_rowid(store->state.db)) : r;
	r = r == 0 ? store_audit_put(store, mark->who, what, "", value) : r;
	return store_end(store, r);
}

int store_marks(struct store *store, struct utc since, void (*take)(void *context, const struct store_mark *mark),
	void *context)
{
	sqlite3_stmt *s = store_db_prepare(store->state.db,
		"SELECT id, outlet, factor, kind, flag, from_ms, until_ms, applies_ms, remark, who, at_ms FROM mark"
		" WHERE until_ms > ?1 ORDER BY id",
		store->error);
	int step = SQLITE_ERROR;

	if (!s) {
		return -EIO;
	}
	sqlite3_bind_int64(s, 1, since.ms);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_mark mark = { .id = sqlite3_column_int64(s, 0), .flag = FLAG_FAULT };
		store_db_text(s, 1, mark.outlet, sizeof(mark.outlet));
		store_db_text(s, 2, mark.factor, sizeof(mark.factor));
		store_db_text(s, 3, mark.kind, sizeof(mark.kind));
		(void)flag_from_letter((char)sqlite3_column_text(s, 4)[0], &mark.flag); /* else it stays a fault */
		mark.from.ms = sqlite3_column_int64(s, 5);
		mark.until.ms = sqlite3_column_int64(s, 6);
		mark.applies.ms = sqlite3_column_int64(s, 7);
		store_db_text(s, 8, mark.remark, sizeof(mark.remark));
		store_db_text(s, 9, mark.who, sizeof(mark.who));
		mark.at.ms = sqlite3_column_int64(s, 10);
		take(context, &mark);
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? 0 : store_db_fail(store->state.db, "cannot read", store->error);
}
