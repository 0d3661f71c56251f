/* driver.h - the driver of an instrument that a table cannot describe: two pure functions. Drivers live in drivers/. */
#ifndef EMIS_CORE_DRIVER_H
#define EMIS_CORE_DRIVER_H

#include "core/decode.h"

struct driver {
	const char *name;
	/* Fills ret_requests with at most PROFILE_REQUESTS requests and returns their number. They come first in
	 * profile->requests. */
	size_t (*plan)(const struct profile *profile, struct request *ret_requests);
	/* The value of a channel, found by its tag, in the channel's unit; NAN with a flag other than N when there
	 * is none. Called only when all requests of the driver were answered. */
	void (*decode)(
		const struct channel *channel, const struct answer *answers, double *ret_value, enum flag *ret_flag);
};

#endif
