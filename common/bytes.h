/* bytes.h - a growing run of bytes, and a cautious walk through one. Integers are varints (7 bits a byte, lowest
 * first); signed ones are zigzag. Errors stick: look at `failed` once, at the end. */
#ifndef EMIS_COMMON_BYTES_H
#define EMIS_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts as { 0 }; `data` is freed by the caller, also after a failure. */
struct bytes_out {
	unsigned char *data;
	size_t n;
	size_t room;
	bool failed; /* out of memory */
};

void bytes_put(struct bytes_out *out, const void *data, size_t n);
void bytes_put_u8(struct bytes_out *out, uint8_t value);
void bytes_put_unsigned(struct bytes_out *out, uint64_t value);
void bytes_put_signed(struct bytes_out *out, int64_t value);

struct bytes_in {
	const unsigned char *data;
	size_t left;
	bool failed; /* more was asked for than there is; whatever was got then is 0 */
};

/* NULL when there are fewer. */
const unsigned char *bytes_get(struct bytes_in *in, size_t n);
uint8_t bytes_get_u8(struct bytes_in *in);
uint64_t bytes_get_unsigned(struct bytes_in *in);
int64_t bytes_get_signed(struct bytes_in *in);

/* Little-endian. */
void bytes_store64(unsigned char *out, uint64_t value);
uint64_t bytes_load64(const unsigned char *in);

#endif
