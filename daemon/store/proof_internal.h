/* proof_internal.h - hashes and signatures, so that a change of stored data shows: BLAKE2b with 256 bits (RFC 7693) and
 * Ed25519 (RFC 8032). Only proof.c uses libsodium. */
#ifndef EMIS_DAEMON_STORE_PROOF_INTERNAL_H
#define EMIS_DAEMON_STORE_PROOF_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/proof.h"

#define PROOF_HASH_SIZE 32

struct proof_hash {
	unsigned char bytes[PROOF_HASH_SIZE];
};

/* Each field is hashed with its length, so that moving a byte to the next field changes the hash. */
struct proof_hasher {
	_Alignas(64) unsigned char state[384];
};

void proof_start(struct proof_hasher *hasher);
void proof_add_bytes(struct proof_hasher *hasher, const void *data, size_t size);
void proof_add_text(struct proof_hasher *hasher, const char *text); /* NULL and "" differ */
void proof_add_integer(struct proof_hasher *hasher, int64_t value);
struct proof_hash proof_end(struct proof_hasher *hasher);

bool proof_same(const struct proof_hash *a, const struct proof_hash *b);
const char *proof_hash_text(const struct proof_hash *hash, char text[PROOF_HASH_TEXT]);

/* The key pair of a box. */
struct proof_key {
	unsigned char secret[64];
	unsigned char public_key[32];
};

/* Reads the file of the secret key; makes a new key and file (mode 0600) when there is none. 0, or -errno with a
 * sentence in `error` of `size` bytes: -EBADMSG when the file is not a key. */
int proof_key_load(const char *path, struct proof_key *ret_key, char *error, size_t size);
void proof_key_forget(struct proof_key *key);
const char *proof_public_text(const struct proof_key *key, char text[PROOF_KEY_TEXT]);

void proof_sign(const struct proof_key *key, const char *text, char ret_signature[PROOF_SIGNATURE_TEXT]);
/* True when the signature of the text is by that key; both in base64. */
bool proof_signed(const char *public_key, const char *text, const char *signature);

#endif
