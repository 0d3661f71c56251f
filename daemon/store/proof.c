#include "daemon/store/proof_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"

_Static_assert(sizeof(((struct proof_hasher *)0)->state) >= sizeof(crypto_generichash_state), "the state fits");

static crypto_generichash_state *state_of(struct proof_hasher *hasher)
{
	return (crypto_generichash_state *)(void *)hasher->state;
}

void proof_start(struct proof_hasher *hasher)
{
	(void)crypto_generichash_init(state_of(hasher), NULL, 0, PROOF_HASH_SIZE); /* fails for wrong sizes only */
}

void proof_add_bytes(struct proof_hasher *hasher, const void *data, size_t size)
{
	unsigned char length[8];

	bytes_store64(length, size);
	(void)crypto_generichash_update(state_of(hasher), length, sizeof(length));
	(void)crypto_generichash_update(state_of(hasher), data, size);
}

void proof_add_text(struct proof_hasher *hasher, const char *text)
{
	if (text) {
		proof_add_bytes(hasher, text, strlen(text));
	} else {
		proof_add_integer(hasher, -1); /* the length of a text is never -1 */
	}
}

void proof_add_integer(struct proof_hasher *hasher, int64_t value)
{
	unsigned char bytes[8];

	bytes_store64(bytes, (uint64_t)value);
	(void)crypto_generichash_update(state_of(hasher), bytes, sizeof(bytes));
}

struct proof_hash proof_end(struct proof_hasher *hasher)
{
	struct proof_hash hash;

	(void)crypto_generichash_final(state_of(hasher), hash.bytes, sizeof(hash.bytes));
	return hash;
}

bool proof_same(const struct proof_hash *a, const struct proof_hash *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

const char *proof_hash_text(const struct proof_hash *hash, char text[PROOF_HASH_TEXT])
{
	return sodium_bin2hex(text, PROOF_HASH_TEXT, hash->bytes, sizeof(hash->bytes));
}

/* ---- keys ---- */

static int fail(char *error, size_t size, const char *path, const char *what)
{
	int r = errno ? -errno : -EIO;

	snprintf(error, size, "the key %s cannot be %s: %s", path, what, strerror(-r));
	return r;
}

/* Temporary file, fsync, rename, fsync of the folder: after a power cut the file is whole or not there. */
static int write_key(const char *path, const struct proof_key *key, char *error, size_t size)
{
	char temporary[4200], folder[4200];

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	*(slash ? slash : folder) = '\0';
	errno = 0;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		return fail(error, size, path, "made");
	}
	bool good = write(fd, key->secret, sizeof(key->secret)) == (ssize_t)sizeof(key->secret) && fsync(fd) == 0;
	if (close(fd) < 0 || !good || rename(temporary, path) < 0) {
		return fail(error, size, path, "written");
	}
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0) {
		close(fd);
	}
	return good ? 0 : fail(error, size, path, "synced");
}

/* The secret is a seed with the public key that follows from it. Sets key->public_key. */
static bool belongs_together(struct proof_key *key)
{
	unsigned char secret[crypto_sign_SECRETKEYBYTES];

	(void)crypto_sign_seed_keypair(key->public_key, secret, key->secret); /* cannot fail */
	bool same = sodium_memcmp(secret, key->secret, sizeof(secret)) == 0;
	sodium_memzero(secret, sizeof(secret));
	return same;
}

int proof_key_load(const char *path, struct proof_key *ret_key, char *error, size_t size)
{
	struct proof_key key;
	unsigned char more;

	if (sodium_init() < 0) {
		snprintf(error, size, "libsodium finds no source of random numbers");
		return -EIO;
	}
	errno = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT) {
		return fail(error, size, path, "read");
	}
	if (fd < 0) {
		crypto_sign_keypair(key.public_key, key.secret);
		*ret_key = key;
		return write_key(path, &key, error, size);
	}
	ssize_t n = read(fd, key.secret, sizeof(key.secret));
	bool whole = n == (ssize_t)sizeof(key.secret) && read(fd, &more, 1) == 0;
	close(fd);
	if (!whole || !belongs_together(&key)) {
		snprintf(error, size, "%s is not a key", path);
		sodium_memzero(&key, sizeof(key));
		return -EBADMSG;
	}
	*ret_key = key;
	return 0;
}

void proof_key_forget(struct proof_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

const char *proof_public_text(const struct proof_key *key, char text[PROOF_KEY_TEXT])
{
	return sodium_bin2base64(
		text, PROOF_KEY_TEXT, key->public_key, sizeof(key->public_key), sodium_base64_VARIANT_ORIGINAL);
}

void proof_sign(const struct proof_key *key, const char *text, char ret_signature[PROOF_SIGNATURE_TEXT])
{
	unsigned char signature[crypto_sign_BYTES];

	(void)crypto_sign_detached(
		signature, NULL, (const unsigned char *)text, strlen(text), key->secret); /* cannot fail */
	sodium_bin2base64(
		ret_signature, PROOF_SIGNATURE_TEXT, signature, sizeof(signature), sodium_base64_VARIANT_ORIGINAL);
}

static bool from_base64(const char *text, unsigned char *bytes, size_t size)
{
	size_t n = 0;

	return sodium_base642bin(bytes, size, text, strlen(text), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) ==
		0 &&
		n == size;
}

bool proof_signed(const char *public_key, const char *text, const char *signature)
{
	unsigned char key[crypto_sign_PUBLICKEYBYTES], bytes[crypto_sign_BYTES];

	return sodium_init() >= 0 && from_base64(public_key, key, sizeof(key)) &&
		from_base64(signature, bytes, sizeof(bytes)) &&
		crypto_sign_verify_detached(bytes, (const unsigned char *)text, strlen(text), key) == 0;
}
