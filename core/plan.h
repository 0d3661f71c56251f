/* plan.h - the fewest reads that bring all fields of a profile.
 * A field is never split over two reads; holes are read over only up to profile->max_gap. */
#ifndef EMIS_CORE_PLAN_H
#define EMIS_CORE_PLAN_H

#include <stdbool.h>

#include "core/profile.h"

/* Fills profile->requests. 0; -ENOSPC when they would be more than PROFILE_REQUESTS, -EMSGSIZE when one field alone is
 * longer than max_registers. */
int plan_requests(struct profile *profile);

/* Cuts a request in two at the field boundary nearest to its middle, so that what the device refuses can be found.
 * False when no cut leaves all fields whole; both parts then stay untouched. */
bool plan_split(const struct profile *profile, const struct request *whole, struct request *ret_first,
	struct request *ret_second);

/* The request that covers the field; NULL for a field that was not planned. */
const struct request *plan_request_of(const struct profile *profile, const struct reg_field *field);

#endif
