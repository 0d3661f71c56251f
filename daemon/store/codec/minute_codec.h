/* minute_codec.h - the minutes of one series of one day as bytes: exactly reversible. Pure. */
#ifndef EMIS_DAEMON_STORE_CODEC_MINUTE_CODEC_H
#define EMIS_DAEMON_STORE_CODEC_MINUTE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "core/mean.h"

#define DAY_SLOTS 1440 /* minutes of a day; water uses every tenth */

/* A minute mean. mean.rule, .start and .end are not stored: they follow from the place of the slot. */
struct day_minute {
	bool present;
	struct mean mean;
	double amount;
};

/* The bytes of DAY_SLOTS slots, of which at least one must be present; the caller frees them. A number that is not
 * finite is read back as NAN. NULL when out of memory. */
unsigned char *minute_codec_pack(const struct day_minute *slots, size_t *ret_size);

/* Fills DAY_SLOTS slots. False when the bytes are damaged or when out of memory; the slots then mean nothing. */
bool minute_codec_unpack(const unsigned char *data, size_t size, struct day_minute *slots);

#endif
