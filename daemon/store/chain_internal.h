/* chain_internal.h - the chain of hashes over rows that must not change, for those who write rows and for the verifier.
 *
 * content = BLAKE2b over the kind and all columns of the row, each with its type.
 * hash    = BLAKE2b over the hash of the link before, this link's id, kind, file, row, upto and at_ms, and the content.
 *           The first link follows chain_start(). */
#ifndef EMIS_DAEMON_STORE_CHAIN_INTERNAL_H
#define EMIS_DAEMON_STORE_CHAIN_INTERNAL_H

#include <stdint.h>

#include "daemon/store/proof_internal.h"

struct sqlite3;
struct store;

struct chain_link {
	int64_t id;
	char kind[16]; /* audit, event, mark: a row of state.db; chunk: readings of a finished hour */
	char file[32]; /* "raw-YYYYMMDD.db" of a chunk; else empty */
	int64_t row;
	int64_t upto;  /* of a chunk: the names of series up to this id are part of the content */
	int64_t at_ms; /* when it was linked */
	struct proof_hash content;
	struct proof_hash hash;
};

/* The hash that the first link of a site follows. */
struct proof_hash chain_start(const char *site);

/* The hash of a link that follows the hash `before`. */
struct proof_hash chain_hash(const struct proof_hash *before, const struct chain_link *link);

/* The content of the row that the link is about; db is the file of that row. 1, 0 when there is no such row, or -EIO
 * with a sentence in `error` (STORE_ERROR_SIZE). */
int chain_content(struct sqlite3 *db, const struct chain_link *link, struct proof_hash *ret_content, char *error);

/* ---- the chain of the open store ---- */

int store_chain_open(struct store *store);
void store_chain_close(struct store *store);

/* Links a row of state.db, within the transaction that wrote it. kind: audit, event, mark. 0 or -errno. */
int store_chain_add(struct store *store, const char *kind, int64_t row);

/* Links a chunk of readings in `db` unless it has a link, within a transaction of state.db. Of `link`, file, row and
 * upto are set. 0 or -errno. */
int store_chain_add_chunk(struct store *store, struct sqlite3 *db, struct chain_link *link);

/* For store_begin() and store_end(): what was linked since store_chain_begin() is forgotten. */
void store_chain_begin(struct store *store);
void store_chain_roll_back(struct store *store);

/* ---- the key (checkpoint.c) ---- */

/* Reads the key of this box, makes one when there is none, and names a new one in the audit log. 0 or -errno. */
int store_key_open(struct store *store);
void store_key_close(struct store *store);

#endif
