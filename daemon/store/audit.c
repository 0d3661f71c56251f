#include "daemon/store/audit.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "daemon/store/chain_internal.h"
#include "daemon/store/state_internal.h"

struct store_audits {
	sqlite3_stmt *put;
};

int store_audits_open(struct store *store)
{
	store->audits = calloc(1, sizeof(*store->audits));
	if (!store->audits) {
		return store_out_of_memory(store);
	}
	store->audits->put = store_db_prepare(store_state_db(store),
		"INSERT INTO audit(at_ms, boot, mono_ms, who, what, old, new, simulated)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		store->error);
	return store->audits->put ? 0 : -EIO;
}

void store_audits_close(struct store *store)
{
	if (store->audits) {
		sqlite3_finalize(store->audits->put);
		free(store->audits);
		store->audits = NULL;
	}
}

int store_audit_put(
	struct store *store, const char *who, const char *what, const char *old_value, const char *new_value)
{
	sqlite3_stmt *s = store->audits->put;

	sqlite3_bind_int64(s, 1, clock_utc(store->clock).ms);
	sqlite3_bind_text(s, 2, store->boot, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, clock_mono(store->clock).ms);
	sqlite3_bind_text(s, 4, who, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 5, what, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 6, old_value, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 7, new_value, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(s, 8, store->clock->simulated);
	int r = store_db_run(s, store->error);
	return r == 0 ? store_chain_add(store, "audit", sqlite3_last_insert_rowid(store_state_db(store))) : r;
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
	sqlite3_stmt *s = store_db_prepare(store_state_db(store),
		"SELECT at_ms, who, what, old, new FROM audit ORDER BY id DESC LIMIT ?1", store->error);
	int step = SQLITE_ERROR;

	if (!s) {
		return -EIO;
	}
	sqlite3_bind_int64(s, 1, (int64_t)max);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_audit_row row = { { sqlite3_column_int64(s, 0) }, store_db_column(s, 1),
			store_db_column(s, 2), store_db_column(s, 3), store_db_column(s, 4) };
		take(context, &row);
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? 0 : store_db_fail(store_state_db(store), "cannot read", store->error);
}
