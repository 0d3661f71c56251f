#include "common/bytes.h"

#include <stdlib.h>
#include <string.h>

#define MORE 0x80U      /* set in every byte of a varint except the last */
#define VARINT_BYTES 10 /* for 64 bits */

void bytes_put(struct bytes_out *out, const void *data, size_t n)
{
	if (out->room - out->n < n && !out->failed) {
		size_t room = (out->n + n) * 2 > 64 ? (out->n + n) * 2 : 64;
		unsigned char *grown = realloc(out->data, room);
		if (grown) {
			out->data = grown;
			out->room = room;
		}
		out->failed = !grown;
	}
	if (!out->failed && n > 0) {
		memcpy(out->data + out->n, data, n);
		out->n += n;
	}
}

void bytes_put_u8(struct bytes_out *out, uint8_t value)
{
	bytes_put(out, &value, 1);
}

void bytes_put_unsigned(struct bytes_out *out, uint64_t value)
{
	unsigned char text[VARINT_BYTES];
	size_t n = 0;

	while (value >= MORE) {
		text[n++] = (unsigned char)(value | MORE);
		value >>= 7;
	}
	text[n++] = (unsigned char)value;
	bytes_put(out, text, n);
}

void bytes_put_signed(struct bytes_out *out, int64_t value)
{
	uint64_t bits = (uint64_t)value;

	bytes_put_unsigned(out, value < 0 ? ~(bits << 1) : bits << 1);
}

const unsigned char *bytes_get(struct bytes_in *in, size_t n)
{
	if (in->failed || in->left < n) {
		in->failed = true;
		return NULL;
	}
	const unsigned char *data = in->data;
	in->data += n;
	in->left -= n;
	return data;
}

uint8_t bytes_get_u8(struct bytes_in *in)
{
	const unsigned char *byte = bytes_get(in, 1);

	return byte ? *byte : 0;
}

uint64_t bytes_get_unsigned(struct bytes_in *in)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = bytes_get_u8(in);
		value |= (uint64_t)(byte & ~MORE) << shift;
		if (!(byte & MORE)) {
			return in->failed ? 0 : value;
		}
	}
	in->failed = true;
	return 0;
}

int64_t bytes_get_signed(struct bytes_in *in)
{
	uint64_t bits = bytes_get_unsigned(in);

	return (int64_t)(bits & 1 ? ~(bits >> 1) : bits >> 1);
}

void bytes_store64(unsigned char *out, uint64_t value)
{
	for (int i = 0; i < 8; i++) {
		out[i] = (unsigned char)(value >> (8 * i));
	}
}

uint64_t bytes_load64(const unsigned char *in)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++) {
		value |= (uint64_t)in[i] << (8 * i);
	}
	return value;
}
