/* driver.h - an instrument that a table cannot describe: two pure functions. They live in drivers/. */
#ifndef EMIS_CORE_DRIVER_H
#define EMIS_CORE_DRIVER_H

#include "core/decode.h"

struct driver {
	const char *name;
	/* Fills requests, at most PROFILE_REQUESTS; returns how many. They come first in profile->requests. */
	size_t (*plan)(const struct profile *profile, struct request *ret_requests);
	/* The value of a channel, by its tag, in the channel's unit; NAN with a flag other than N when there is none.
	 * Called only when all of the driver's requests were answered. */
	void (*decode)(
		const struct channel *channel, const struct answer *answers, double *ret_value, enum flag *ret_flag);
};

#endif
