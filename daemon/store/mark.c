#include "daemon/store/mark.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "daemon/store/chain_internal.h"
#include "daemon/store/state_internal.h"

static int insert_mark(struct store *store, const struct store_mark *mark)
{
	char flag[2] = { flag_letter(mark->flag), '\0' };
	sqlite3_stmt *s = store_db_prepare(store_state_db(store),
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
	r = r == 0 ? store_chain_add(store, "mark", sqlite3_last_insert_rowid(store_state_db(store))) : r;
	r = r == 0 ? store_audit_put(store, mark->who, what, "", value) : r;
	return store_end(store, r);
}

int store_marks(struct store *store, struct utc since, void (*take)(void *context, const struct store_mark *mark),
	void *context)
{
	sqlite3_stmt *s = store_db_prepare(store_state_db(store),
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
		/* An unknown letter leaves FLAG_FAULT. */
		(void)flag_from_letter(store_db_column(s, 4)[0], &mark.flag);
		mark.from.ms = sqlite3_column_int64(s, 5);
		mark.until.ms = sqlite3_column_int64(s, 6);
		mark.applies.ms = sqlite3_column_int64(s, 7);
		store_db_text(s, 8, mark.remark, sizeof(mark.remark));
		store_db_text(s, 9, mark.who, sizeof(mark.who));
		mark.at.ms = sqlite3_column_int64(s, 10);
		take(context, &mark);
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? 0 : store_db_fail(store_state_db(store), "cannot read", store->error);
}
