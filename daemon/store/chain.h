/* chain.h - the chain over rows that must not change, as its writer and its verifier see it; for store*.c only.
 *
 * content = BLAKE2b over the kind and all columns of the row, each with its type.
 * hash    = BLAKE2b over the link before, this link's id, kind, file, row, upto and moment, and the content. The first
 *           link follows CHAIN_START. */
#ifndef EMIS_DAEMON_STORE_CHAIN_H
#define EMIS_DAEMON_STORE_CHAIN_H

#include "daemon/store/proof.h"

struct sqlite3;

struct chain_link {
	int64_t id;
	char kind[16]; /* audit, event, mark: a row of state.db; chunk: readings of a finished hour */
	char file[32]; /* of chunks, "raw-YYYYMMDD.db"; else empty */
	int64_t row;
	int64_t upto;  /* of chunks: the names of series up to this id are part of the content */
	int64_t at_ms; /* when it was linked */
	struct proof_hash content;
	struct proof_hash hash;
};

/* What stands before the first link of a site. */
struct proof_hash chain_start(const char *site);

/* The hash that a link has after the one before. */
struct proof_hash chain_hash(const struct proof_hash *before, const struct chain_link *link);

/* The content of the row that the link is about; db is the file it lies in. 1, 0 when there is no such row, or -EIO
 * with a sentence in `error` (STORE_ERROR_SIZE). */
int chain_content(struct sqlite3 *db, const struct chain_link *link, struct proof_hash *ret_content, char *error);

#endif
