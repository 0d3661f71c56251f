#include "daemon/store/chain_internal.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/store/checkpoint.h"
#include "daemon/store/state_internal.h"

/* The columns that are hashed, by kind of row. Marks and acknowledgements have an audit row, too. */
static const struct {
	const char *kind;
	const char *sql;
} contents[] = {
	{ "audit", "SELECT id, at_ms, boot, mono_ms, who, what, old, new, simulated FROM audit WHERE id=?1" },
	{ "chunk",
		"SELECT hour_ms, n, boot.name, mono_ms, wall_ms, synchronized, simulated, data,"
		" (SELECT group_concat(id || ' ' || name, char(10)) FROM"
		" (SELECT id, name FROM series WHERE id<=?2 ORDER BY id))"
		" FROM chunk LEFT JOIN boot ON boot.id = chunk.boot WHERE chunk.id=?1" },
	{ "event",
		"SELECT event.seq, alarm_id, change, period_ms, value, at_ms, event.simulated, topic, payload"
		" FROM event LEFT JOIN outbox ON stream='alarm' AND outbox.seq=event.seq WHERE event.seq=?1" },
	{ "mark",
		"SELECT id, outlet, factor, kind, flag, from_ms, until_ms, applies_ms, remark, who, at_ms, simulated"
		" FROM mark WHERE id=?1" },
};

struct proof_hash chain_start(const char *site)
{
	struct proof_hasher hasher = { 0 };

	proof_start(&hasher);
	proof_add_text(&hasher, "emisd chain 1");
	proof_add_text(&hasher, site);
	return proof_end(&hasher);
}

struct proof_hash chain_hash(const struct proof_hash *before, const struct chain_link *link)
{
	struct proof_hasher hasher = { 0 };

	proof_start(&hasher);
	proof_add_bytes(&hasher, before->bytes, sizeof(before->bytes));
	proof_add_integer(&hasher, link->id);
	proof_add_text(&hasher, link->kind);
	proof_add_text(&hasher, link->file);
	proof_add_integer(&hasher, link->row);
	proof_add_integer(&hasher, link->upto);
	proof_add_integer(&hasher, link->at_ms);
	proof_add_bytes(&hasher, link->content.bytes, sizeof(link->content.bytes));
	return proof_end(&hasher);
}

static void add_column(struct proof_hasher *hasher, sqlite3_stmt *row, int column)
{
	int type = sqlite3_column_type(row, column);
	double number;
	int64_t bits;

	proof_add_integer(hasher, type);
	switch (type) {
	case SQLITE_INTEGER:
		proof_add_integer(hasher, sqlite3_column_int64(row, column));
		return;
	case SQLITE_FLOAT:
		number = sqlite3_column_double(row, column);
		memcpy(&bits, &number, sizeof(bits));
		proof_add_integer(hasher, bits);
		return;
	case SQLITE_NULL:
		return;
	default:
		proof_add_bytes(hasher, sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
		return;
	}
}

int chain_content(struct sqlite3 *db, const struct chain_link *link, struct proof_hash *ret_content, char *error)
{
	struct proof_hasher hasher = { 0 };
	const char *sql = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		sql = strcmp(contents[i].kind, link->kind) == 0 ? contents[i].sql : sql;
	}
	sqlite3_stmt *s = sql ? store_db_prepare(db, sql, error) : NULL;
	if (!s) {
		if (!sql) {
			snprintf(error, STORE_ERROR_SIZE, "link %lld is of the unknown kind \"%s\"",
				(long long)link->id, link->kind);
		}
		return -EIO;
	}
	sqlite3_bind_int64(s, 1, link->row);
	if (sqlite3_bind_parameter_count(s) > 1) {
		sqlite3_bind_int64(s, 2, link->upto);
	}
	int step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		proof_start(&hasher);
		proof_add_text(&hasher, link->kind);
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			add_column(&hasher, s, i);
		}
		*ret_content = proof_end(&hasher);
	}
	sqlite3_finalize(s);
	if (step != SQLITE_ROW && step != SQLITE_DONE) {
		return store_db_fail(db, "cannot read", error);
	}
	return step == SQLITE_ROW;
}

/* ---- the chain of the open store ---- */

/* The newest link. */
struct chain_head {
	int64_t id; /* 0 before the first */
	struct proof_hash hash;
};

struct store_chain {
	struct chain_head head;
	struct chain_head before; /* the head when the transaction began */
	sqlite3_stmt *put;
};

static int read_head(struct store *store)
{
	struct sqlite3 *db = store_state_db(store);
	struct chain_head *head = &store->chain->head;
	sqlite3_stmt *s = store_db_prepare(db, "SELECT id, hash FROM link ORDER BY id DESC LIMIT 1", store->error);
	int step = s ? sqlite3_step(s) : SQLITE_ERROR;

	*head = (struct chain_head){ 0, chain_start(store->site->id) };
	if (step == SQLITE_ROW && sqlite3_column_bytes(s, 1) == PROOF_HASH_SIZE) {
		head->id = sqlite3_column_int64(s, 0);
		memcpy(head->hash.bytes, sqlite3_column_blob(s, 1), PROOF_HASH_SIZE);
	}
	sqlite3_finalize(s);
	return step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_db_fail(db, "cannot read", store->error);
}

int store_chain_open(struct store *store)
{
	store->chain = calloc(1, sizeof(*store->chain));
	if (!store->chain) {
		return store_out_of_memory(store);
	}
	store->chain->put = store_db_prepare(
		store_state_db(store), "INSERT INTO link VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", store->error);
	return store->chain->put ? read_head(store) : -EIO;
}

void store_chain_close(struct store *store)
{
	if (store->chain) {
		sqlite3_finalize(store->chain->put);
		free(store->chain);
		store->chain = NULL;
	}
}

void store_chain_begin(struct store *store)
{
	if (store->chain) { /* the first transactions come before it is open; they link no row */
		store->chain->before = store->chain->head;
	}
}

void store_chain_roll_back(struct store *store)
{
	if (store->chain) {
		store->chain->head = store->chain->before;
	}
}

static int put_link(struct store *store, struct sqlite3 *db, struct chain_link *link)
{
	struct chain_head *head = &store->chain->head;
	sqlite3_stmt *s = store->chain->put;

	link->id = head->id + 1;
	link->at_ms = clock_utc(store->clock).ms;
	int r = chain_content(db, link, &link->content, store->error);
	if (r <= 0) {
		if (r == 0) {
			snprintf(store->error, sizeof(store->error), "the %s %lld is gone before it was linked",
				link->kind, (long long)link->row);
		}
		return -EIO;
	}
	link->hash = chain_hash(&head->hash, link);
	sqlite3_bind_int64(s, 1, link->id);
	sqlite3_bind_text(s, 2, link->kind, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 3, link->file, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 4, link->row);
	sqlite3_bind_int64(s, 5, link->upto);
	sqlite3_bind_int64(s, 6, link->at_ms);
	sqlite3_bind_blob(s, 7, link->content.bytes, PROOF_HASH_SIZE, SQLITE_TRANSIENT);
	sqlite3_bind_blob(s, 8, link->hash.bytes, PROOF_HASH_SIZE, SQLITE_TRANSIENT);
	r = store_db_run(s, store->error);
	if (r == 0) {
		*head = (struct chain_head){ link->id, link->hash };
	}
	return r;
}

int store_chain_add(struct store *store, const char *kind, int64_t row)
{
	struct chain_link link = { .row = row };

	(void)text_copy(link.kind, sizeof(link.kind), kind); /* every kind fits */
	return put_link(store, store_state_db(store), &link);
}

/* 1 when the chunk has its link, 0 when not, or -errno. */
static int is_linked(struct store *store, const struct chain_link *link)
{
	sqlite3_stmt *s = store_db_prepare(
		store_state_db(store), "SELECT 1 FROM link WHERE kind=?1 AND file=?2 AND row=?3", store->error);
	int step = SQLITE_ERROR;

	if (s) {
		sqlite3_bind_text(s, 1, link->kind, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 2, link->file, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 3, link->row);
		step = sqlite3_step(s);
	}
	int r = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -EIO;
	if (s && r < 0) {
		r = store_db_fail(store_state_db(store), "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return r;
}

int store_chain_add_chunk(struct store *store, struct sqlite3 *db, struct chain_link *link)
{
	(void)text_copy(link->kind, sizeof(link->kind), "chunk"); /* it fits */
	int r = is_linked(store, link);

	return r == 0 ? put_link(store, db, link) : r < 0 ? r : 0;
}

void store_chain_end(const struct store *store, int64_t *ret_link, char ret_hash[PROOF_HASH_TEXT])
{
	*ret_link = store->chain->head.id;
	(void)proof_hash_text(&store->chain->head.hash, ret_hash);
}
