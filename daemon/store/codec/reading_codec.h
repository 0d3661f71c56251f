/* reading_codec.h - readings as bytes: exactly reversible, in the order in which they came. Pure.
 *
 * An instant is a run of readings with one stamp (the channels of one poll). A group is all instants of the same
 * series; a group stores one column of stamps, and for each series one column of flags and one of values. Numbers that
 * are decimal fractions, as doubles or as single-precision floats, become integers; all others keep their bits. */
#ifndef EMIS_DAEMON_STORE_CODEC_READING_CODEC_H
#define EMIS_DAEMON_STORE_CODEC_READING_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"

struct packed_reading {
	uint16_t series;
	bool late;
	struct reading reading; /* a NaN is read back as NAN; the bits of a NaN are not kept */
};

/* The stamps of one pack lie at most so far from base_ms. */
#define READING_CODEC_SPAN_MS (7 * 86400000LL)

/* The bytes of n readings, n > 0, to be freed by the caller. `deflate` makes them smaller and takes longer: for
 * readings that are kept for months. Stamps are stored relative to base_ms. NULL when out of memory or when a stamp is
 * too far from base_ms. */
unsigned char *reading_codec_pack(
	const struct packed_reading *readings, size_t n, int64_t base_ms, bool deflate, size_t *ret_size);

/* A list of readings, filled by reading_codec_collect(). Zeroed at first; free(list.readings) at the end. */
struct packed_readings {
	struct packed_reading *readings;
	size_t n;
	size_t room;
	bool failed; /* out of memory: readings are missing */
};

/* For reading_codec_unpack(): appends the reading to the struct packed_readings that is `context`. */
void reading_codec_collect(void *context, const struct packed_reading *reading);

/* Calls `take` with each reading, in the order in which they were packed. False when the bytes are damaged or when out
 * of memory; then `take` was not called. */
bool reading_codec_unpack(const unsigned char *data, size_t size, int64_t base_ms,
	void (*take)(void *context, const struct packed_reading *reading), void *context);

#endif
