/* checkpoint.h - the chain of hashes over the stored rows, and signed statements of where it ends. Errors and thread:
 * store.h. */
#ifndef EMIS_DAEMON_STORE_CHECKPOINT_H
#define EMIS_DAEMON_STORE_CHECKPOINT_H

#include <stdint.h>

#include "daemon/store/proof.h"
#include "daemon/store/store.h"

/* A signed statement of where the chain ends. */
struct store_checkpoint {
	int64_t number; /* gapless */
	struct utc at;
	char body[512]; /* what is signed */
	char signature[PROOF_SIGNATURE_TEXT];
	char public_key[PROOF_KEY_TEXT];
};

/* Composes and signs the next checkpoint. Stores nothing. 0 or -errno. */
int store_checkpoint_make(struct store *store, struct store_checkpoint *ret_checkpoint);

/* Stores the checkpoint with its message, one transaction. 0 or -errno. */
int store_checkpoint_commit(
	struct store *store, const struct store_checkpoint *checkpoint, const char *topic, const char *payload);

/* When the newest checkpoint was made; INT64_MIN when there is none. 0 or -errno. */
int store_checkpoint_last(struct store *store, struct utc *ret_at);

/* The number and hash of the newest link of the chain; number 0 before the first. */
void store_chain_end(const struct store *store, int64_t *ret_link, char ret_hash[PROOF_HASH_TEXT]);

/* Writes the public key of this box in base64 into `text` and returns `text`. */
const char *store_public_key(const struct store *store, char text[PROOF_KEY_TEXT]);

#endif
