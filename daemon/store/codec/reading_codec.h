/* reading_codec.h - readings as bytes: exactly reversible, in the order in which they came. Pure.
 *
 * Readings that follow each other with one stamp are an instant (the channels of one poll). Instants of the same series
 * are a group: they share their stamps, and each series has its flags and its values beside each other. Numbers that
 * are decimal fractions, as doubles or as single-precision floats, become integers; all others keep their bits. */
#ifndef EMIS_DAEMON_STORE_CODEC_READING_CODEC_H
#define EMIS_DAEMON_STORE_CODEC_READING_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"

struct packed {
	uint16_t series;
	bool late;
	struct reading reading; /* a value that is not a number is just that: which NaN it was is not kept */
};

/* Stamps of one pack lie so close together. */
#define PACK_SPAN_MS (7 * 86400000LL)

/* The bytes of n readings, at least one, to be freed by the caller. `deflate` makes them small, for what is kept long.
 * Stamps are stored relative to base_ms. NULL when out of memory or when a stamp is too far from base_ms. */
unsigned char *pack_readings(const struct packed *readings, size_t n, int64_t base_ms, bool deflate, size_t *ret_size);

/* Readings collected by unpack_readings() with packed_list_take(); readings is owned, free() it. */
struct packed_list {
	struct packed *readings;
	size_t n;
	size_t room;
	bool failed; /* out of memory: some are missing */
};

/* context is a struct packed_list. */
void packed_list_take(void *context, const struct packed *reading);

/* Hands the readings out as they were. False when the bytes are damaged (what was handed out before is of no use then)
 * or when out of memory. */
bool unpack_readings(const unsigned char *data, size_t size, int64_t base_ms,
	void (*take)(void *context, const struct packed *reading), void *context);

#endif
