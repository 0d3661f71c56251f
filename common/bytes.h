/* bytes.h - writes values into a growing buffer of bytes, and reads them back with bounds checks. Integers are
 * varints (7 bits a byte, lowest bits first); signed integers are zigzag encoded first. `failed` stays set after the
 * first error, so a caller checks it once, at the end. */
#ifndef EMIS_COMMON_BYTES_H
#define EMIS_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Initialise with { 0 }. The caller frees `data`, also after a failure. */
struct bytes_out {
	unsigned char *data;
	size_t n;    /* bytes written */
	size_t room; /* bytes allocated */
	bool failed; /* out of memory */
};

void bytes_put(struct bytes_out *out, const void *data, size_t n);
void bytes_put_u8(struct bytes_out *out, uint8_t value);
void bytes_put_unsigned(struct bytes_out *out, uint64_t value);
void bytes_put_signed(struct bytes_out *out, int64_t value);

struct bytes_in {
	const unsigned char *data;
	size_t left;
	/* A read went past the end, or a varint has more than 10 bytes. This read and all later ones give 0 or NULL. */
	bool failed;
};

/* The next n bytes, borrowed from the input; NULL when fewer are left. */
const unsigned char *bytes_get(struct bytes_in *in, size_t n);
uint8_t bytes_get_u8(struct bytes_in *in);
uint64_t bytes_get_unsigned(struct bytes_in *in);
int64_t bytes_get_signed(struct bytes_in *in);

/* Write and read 8 bytes, little-endian. */
void bytes_store64(unsigned char *out, uint64_t value);
uint64_t bytes_load64(const unsigned char *in);

#endif
