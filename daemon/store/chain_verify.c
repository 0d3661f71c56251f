#include "daemon/store/chain_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/store/chain_internal.h"
#include "daemon/store/db_internal.h"

struct verifier {
	struct chain_query *query;
	void (*find)(void *context, const struct chain_finding *finding);
	void *context;
	struct sqlite3 *state;
	struct sqlite3 *raw; /* the file of the last chunk; NULL when it cannot be read */
	char raw_name[32];
	struct chain_result result;
};

static void find(struct verifier *v, enum chain_fault fault, int64_t number, const char *text)
{
	v->result.failures += fault != CHECKPOINT_OTHER_KEY;
	v->find(v->context, &(struct chain_finding){ fault, number, text });
}

/* ---- rows ---- */

/* The number that a query gives; 0 when it fails, after a finding. `parameter` may be NULL. */
static int64_t count(struct verifier *v, const char *sql, const char *parameter)
{
	sqlite3_stmt *s = store_db_prepare(v->state, sql, v->query->error);
	int64_t n = 0;

	if (!s) {
		find(v, CHAIN_QUERY_FAILED, 0, v->query->error);
		return 0;
	}
	if (parameter) {
		sqlite3_bind_text(s, 1, parameter, -1, SQLITE_STATIC);
	}
	int step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		n = sqlite3_column_int64(s, 0);
	} else {
		(void)store_db_fail(v->state, "cannot read", v->query->error); /* only its sentence is wanted */
		find(v, CHAIN_QUERY_FAILED, 0, v->query->error);
	}
	sqlite3_finalize(s);
	return n;
}

/* The file with the row of the link; NULL when it is not there or cannot be read. */
static struct sqlite3 *file_of(struct verifier *v, const struct chain_link *link)
{
	char path[PATH_SIZE * 2];

	if (!link->file[0]) {
		return v->state;
	}
	if (strcmp(v->raw_name, link->file) != 0) {
		sqlite3_close(v->raw);
		snprintf(path, sizeof(path), "%s/%s", v->query->directory, link->file);
		v->raw = access(path, F_OK) == 0 ? store_db_open_read(path, v->query->error) : NULL;
		snprintf(v->raw_name, sizeof(v->raw_name), "%s", link->file);
	}
	return v->raw;
}

static void check_content(struct verifier *v, const struct chain_link *link)
{
	struct sqlite3 *db = file_of(v, link);
	struct proof_hash content;
	char what[64];

	if (!db) {
		snprintf(what, sizeof(what), "delete %s", link->file);
		if (count(v, "SELECT count(*) FROM audit WHERE what=?1", what) > 0) {
			v->result.retired++;
		} else {
			find(v, CHAIN_FILE_MISSING, link->id, link->file);
		}
		return;
	}
	int r = chain_content(db, link, &content, v->query->error);
	v->result.compared++;
	if (r < 0) {
		find(v, CHAIN_ROW_UNREADABLE, link->id, v->query->error);
	} else if (r == 0) {
		find(v, CHAIN_ROW_MISSING, link->id, link->kind);
	} else if (!proof_same(&content, &link->content)) {
		find(v, CHAIN_ROW_CHANGED, link->id, link->kind);
	}
}

static bool read_link(sqlite3_stmt *row, struct chain_link *link)
{
	memset(link, 0, sizeof(*link));
	link->id = sqlite3_column_int64(row, 0);
	bool good = text_copy(link->kind, sizeof(link->kind), store_db_column(row, 1)) &&
		text_copy(link->file, sizeof(link->file), store_db_column(row, 2));
	link->row = sqlite3_column_int64(row, 3);
	link->upto = sqlite3_column_int64(row, 4);
	link->at_ms = sqlite3_column_int64(row, 5);
	if (!good || sqlite3_column_bytes(row, 6) != PROOF_HASH_SIZE ||
		sqlite3_column_bytes(row, 7) != PROOF_HASH_SIZE || strchr(link->file, '/')) {
		return false;
	}
	memcpy(link->content.bytes, sqlite3_column_blob(row, 6), PROOF_HASH_SIZE);
	memcpy(link->hash.bytes, sqlite3_column_blob(row, 7), PROOF_HASH_SIZE);
	return true;
}

static void check_link(struct verifier *v, const struct proof_hash *before, const struct chain_link *link)
{
	struct proof_hash hash = chain_hash(before, link);
	char text[PROOF_HASH_TEXT];

	if (!proof_same(&hash, &link->hash)) {
		find(v, CHAIN_LINK_BROKEN, link->id, "");
	}
	if (link->at_ms >= v->query->from.ms && link->at_ms <= v->query->to.ms) {
		check_content(v, link);
	}
	if (link->id == v->query->against && strcmp(proof_hash_text(&link->hash, text), v->query->against_hash) != 0) {
		find(v, CHAIN_LINK_REPLACED, link->id, "");
	}
}

static void check_links(struct verifier *v)
{
	sqlite3_stmt *site = store_db_prepare(v->state, "SELECT value FROM meta WHERE key='site'", v->query->error);
	sqlite3_stmt *s = store_db_prepare(v->state,
		"SELECT id, kind, file, row, upto, at_ms, content, hash FROM link ORDER BY id", v->query->error);
	struct chain_link link;
	char last[24];
	int step = SQLITE_ERROR;

	if (site && s && sqlite3_step(site) == SQLITE_ROW) {
		struct proof_hash before = chain_start(store_db_column(site, 0));
		while ((step = sqlite3_step(s)) == SQLITE_ROW) {
			if (!read_link(s, &link)) {
				find(v, CHAIN_LINK_DAMAGED, sqlite3_column_int64(s, 0), "");
				continue;
			}
			if (link.id != v->result.links + 1) {
				snprintf(last, sizeof(last), "%" PRId64, link.id - 1);
				find(v, CHAIN_LINK_MISSING, v->result.links + 1, last);
			}
			check_link(v, &before, &link);
			before = link.hash;
			v->result.links = link.id;
		}
	}
	if (step != SQLITE_DONE) {
		find(v, CHAIN_UNREADABLE, v->result.links, sqlite3_errmsg(v->state));
	}
	if (v->query->against > v->result.links) {
		find(v, CHAIN_TOO_SHORT, v->result.links, "");
	}
	sqlite3_finalize(site);
	sqlite3_finalize(s);
}

/* Finds rows that were inserted without a link. */
static void find_unlinked(struct verifier *v)
{
	static const struct {
		const char *what;
		const char *sql;
	} queries[] = {
		{ "events",
			"SELECT count(*) FROM event WHERE NOT EXISTS(SELECT 1 FROM link WHERE kind='event' AND "
			"row=seq)" },
		{ "audit rows",
			"SELECT count(*) FROM audit WHERE NOT EXISTS(SELECT 1 FROM link WHERE kind='audit' AND "
			"row=audit.id)" },
		{ "marks",
			"SELECT count(*) FROM mark WHERE NOT EXISTS(SELECT 1 FROM link WHERE kind='mark' AND "
			"row=mark.id)" },
		{ "alarm messages",
			"SELECT count(*) FROM outbox WHERE stream='alarm' AND NOT EXISTS(SELECT 1 FROM event WHERE "
			"event.seq="
			"outbox.seq)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		int64_t n = count(v, queries[i].sql, NULL);
		if (n > 0) {
			find(v, CHAIN_ROWS_UNLINKED, n, queries[i].what);
		}
	}
}

/* ---- checkpoints ---- */

/* Finds the line "name WORD" in the body and copies WORD. False without such a line. */
static bool word_of(const char *body, const char *name, char *buf, size_t size)
{
	size_t n = strlen(name);

	for (const char *line = body; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, name, n) == 0 && line[n] == ' ') {
			snprintf(buf, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
			return true;
		}
	}
	return false;
}

static void check_checkpoint(struct verifier *v, sqlite3_stmt *row)
{
	int64_t number = sqlite3_column_int64(row, 0);
	const char *body = store_db_column(row, 1);
	const char *signature = store_db_column(row, 2);
	const char *wanted = v->query->key;
	const char *key = wanted[0] ? wanted : store_db_column(row, 4);
	char *signer = v->result.signer;
	char link[32], hash[PROOF_HASH_TEXT];

	if (signer[0] && strcmp(signer, key) != 0) {
		find(v, CHECKPOINT_OTHER_KEY, number, key);
	}
	(void)text_copy(signer, sizeof(v->result.signer), key); /* a text that does not fit is not a key: see below */
	if (!proof_signed(key, body, signature)) {
		find(v, CHECKPOINT_UNSIGNED, number, key);
	} else if (!wanted[0] && count(v, "SELECT count(*) FROM audit WHERE what='key made' AND new=?1", key) == 0) {
		find(v, CHECKPOINT_KEY_UNKNOWN, number, key);
	} else if (!word_of(body, "link", link, sizeof(link)) || !word_of(body, "hash", hash, sizeof(hash))) {
		find(v, CHECKPOINT_DAMAGED, number, "");
	} else if (sqlite3_column_type(row, 3) == SQLITE_NULL) {
		find(v, CHECKPOINT_LINK_MISSING, number, link);
	} else if (strcmp(hash, store_db_column(row, 3)) != 0) {
		find(v, CHECKPOINT_LINK_CHANGED, number, link);
	}
}

static int64_t check_checkpoints(struct verifier *v)
{
	sqlite3_stmt *s = store_db_prepare(v->state,
		"SELECT number, body, signature, iif(link.id IS NULL, NULL, lower(hex(hash))), public_key FROM "
		"checkpoint"
		" LEFT JOIN link ON link.id = checkpoint.link ORDER BY number",
		v->query->error);
	int64_t n = 0;
	int step = SQLITE_ERROR;

	while (s && (step = sqlite3_step(s)) == SQLITE_ROW) {
		if (sqlite3_column_int64(s, 0) != ++n) {
			find(v, CHECKPOINT_MISSING, n, "");
			n = sqlite3_column_int64(s, 0);
		}
		check_checkpoint(v, s);
	}
	if (step != SQLITE_DONE) {
		find(v, CHECKPOINTS_UNREADABLE, 0, sqlite3_errmsg(v->state));
	}
	sqlite3_finalize(s);
	return n;
}

/* ---- the whole ---- */

int chain_verify(struct chain_query *query, void (*find_one)(void *context, const struct chain_finding *finding),
	void *context, struct chain_result *ret_result)
{
	struct verifier v = { .query = query, .find = find_one, .context = context };
	char path[PATH_SIZE * 2];

	query->error[0] = '\0';
	snprintf(path, sizeof(path), "%s/state.db", query->directory);
	v.state = access(path, R_OK) == 0 ? store_db_open_read(path, query->error) : NULL;
	if (!v.state) {
		return -EIO;
	}
	check_links(&v);
	find_unlinked(&v);
	v.result.checkpoints = check_checkpoints(&v);
	sqlite3_close(v.raw);
	sqlite3_close(v.state);
	*ret_result = v.result;
	return 0;
}
