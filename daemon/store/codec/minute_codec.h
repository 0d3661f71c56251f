/* minute_codec.h - the minutes of one series of one day as bytes: exactly reversible. Pure. */
#ifndef EMIS_DAEMON_STORE_CODEC_MINUTE_CODEC_H
#define EMIS_DAEMON_STORE_CODEC_MINUTE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "core/mean.h"

#define DAY_SLOTS 1440 /* minutes of a day; water uses every tenth */

/* A minute mean; of `mean` all but rule, start and end, which its place tells. */
struct day_minute {
	bool present;
	struct mean mean;
	double amount;
};

/* The bytes of DAY_SLOTS slots, at least one of them present, to be freed by the caller. A number that is not finite
 * comes back as NAN. NULL when out of memory. */
unsigned char *pack_day(const struct day_minute *slots, size_t *ret_size);

/* Fills DAY_SLOTS slots. False when the bytes are damaged (the slots are of no use then) or when out of memory. */
bool unpack_day(const unsigned char *data, size_t size, struct day_minute *slots);

#endif
