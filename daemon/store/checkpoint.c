/* checkpoint.c - the key of this box, and the checkpoints that it signs. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/alarm.h"
#include "daemon/store/audit.h"
#include "daemon/store/chain_internal.h"
#include "daemon/store/checkpoint.h"
#include "daemon/store/numbers_internal.h"
#include "daemon/store/salvage_internal.h"
#include "daemon/store/state_internal.h"

#define KEY_FILE "identity.key"

/* ---- the key ---- */

struct store_key {
	struct proof_key pair;
};

const char *store_public_key(const struct store *store, char text[PROOF_KEY_TEXT])
{
	return proof_public_text(&store->key->pair, text);
}

/* Moves a damaged key away. Signatures made with it can still be checked: the bureau has its public key. */
static int set_key_aside(struct store *store, const char *path)
{
	char aside[96], to[PATH_SIZE * 2];

	store_aside_name(store, KEY_FILE, aside, sizeof(aside));
	store_path(store, aside, to, sizeof(to));
	if (rename(path, to) < 0) {
		return -errno;
	}
	store_note_damage(store, KEY_FILE " was damaged; it is kept as %s, and a new key signs from now on", aside);
	return 0;
}

/* Writes the audit row that names the key, unless there is one: a power cut may have come between the file and the
 * row. */
static int name_key(struct store *store)
{
	sqlite3_stmt *s = store_db_prepare(
		store_state_db(store), "SELECT 1 FROM audit WHERE what='key made' AND new=?1 LIMIT 1", store->error);
	char key[PROOF_KEY_TEXT];
	int step = SQLITE_ERROR;

	if (s) {
		sqlite3_bind_text(s, 1, store_public_key(store, key), -1, SQLITE_STATIC);
		step = sqlite3_step(s);
	}
	int r = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : -EIO;
	if (s && r < 0) {
		r = store_db_fail(store_state_db(store), "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? store_audit(store, "emisd", "key made", "", key) : r;
}

int store_key_open(struct store *store)
{
	char path[PATH_SIZE * 2];

	store->key = calloc(1, sizeof(*store->key));
	if (!store->key) {
		return store_out_of_memory(store);
	}
	store_path(store, KEY_FILE, path, sizeof(path));
	int r = proof_key_load(path, &store->key->pair, store->error, sizeof(store->error));
	if (r == -EBADMSG && set_key_aside(store, path) == 0) {
		r = proof_key_load(path, &store->key->pair, store->error, sizeof(store->error));
	}
	return r == 0 ? name_key(store) : r;
}

void store_key_close(struct store *store)
{
	if (store->key) {
		proof_key_forget(&store->key->pair);
		free(store->key);
		store->key = NULL;
	}
}

/* ---- checkpoints ---- */

int store_checkpoint_last(struct store *store, struct utc *ret_at)
{
	sqlite3_stmt *s = store_db_prepare(
		store_state_db(store), "SELECT at_ms FROM checkpoint ORDER BY number DESC LIMIT 1", store->error);
	int step = s ? sqlite3_step(s) : SQLITE_ERROR;
	int r = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : -EIO;

	if (r == 0) {
		ret_at->ms = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : INT64_MIN;
	} else if (s) {
		r = store_db_fail(store_state_db(store), "cannot read", store->error);
	}
	sqlite3_finalize(s);
	return r;
}

int store_checkpoint_make(struct store *store, struct store_checkpoint *ret_checkpoint)
{
	struct store_checkpoint *c = ret_checkpoint;
	char hash[PROOF_HASH_TEXT], at[TIME_TEXT_SIZE];
	int64_t last = 0, link = 0, kept = store_numbers_checkpoint(store);
	int r = store_last_number(store, "checkpoint", &last);

	if (r < 0) {
		return r;
	}
	memset(c, 0, sizeof(*c));
	c->number = (last > kept ? last : kept) + 1;
	c->at = clock_utc(store->clock);
	store_chain_end(store, &link, hash);
	snprintf(c->body, sizeof(c->body),
		"emisd checkpoint 1\nsite %s\nnumber %lld\nlink %lld\nhash %s\nseq %lld\nat %s\nboot %s\nsimulated "
		"%d\n",
		store->site->id, (long long)c->number, (long long)link, hash, (long long)store_next_seq(store) - 1,
		time_format(c->at, store->site->judging.offset_min, at), store->boot, store->clock->simulated);
	proof_sign(&store->key->pair, c->body, c->signature);
	(void)store_public_key(store, c->public_key);
	return 0;
}

int store_checkpoint_commit(
	struct store *store, const struct store_checkpoint *c, const char *topic, const char *payload)
{
	const struct outbox_message message = { "checkpoint", c->number, topic, payload };
	char hash[PROOF_HASH_TEXT];
	int64_t link = 0;
	sqlite3_stmt *s = store_db_prepare(
		store_state_db(store), "INSERT INTO checkpoint VALUES(?1, ?2, ?3, ?4, ?5, ?6)", store->error);
	int r = s ? store_begin(store) : -EIO;

	if (r == 0) {
		store_chain_end(store, &link, hash);
		sqlite3_bind_int64(s, 1, c->number);
		sqlite3_bind_int64(s, 2, link);
		sqlite3_bind_int64(s, 3, c->at.ms);
		sqlite3_bind_text(s, 4, c->body, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 5, c->signature, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 6, c->public_key, -1, SQLITE_STATIC);
		r = store_db_run(s, store->error);
		r = r == 0 ? store_outbox_put(store, &message) : r;
		r = store_end(store, r);
	}
	if (r == 0) {
		store_numbers_keep(store, 0, c->number);
	}
	sqlite3_finalize(s);
	return r;
}
