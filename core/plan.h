/* plan.h - plans the fewest reads that bring all fields of a profile.
 * A field is never split over two reads. One read may include up to profile->max_gap unused registers between two
 * fields, but no forbidden ones. */
#ifndef EMIS_CORE_PLAN_H
#define EMIS_CORE_PLAN_H

#include <stdbool.h>

#include "core/profile.h"

/* Fills profile->requests. 0; -ENOSPC when more than PROFILE_REQUESTS are needed, -EMSGSIZE when one field alone is
 * longer than max_registers. */
int plan_requests(struct profile *profile);

/* Cuts a request in two at the field boundary nearest to its middle, to find the registers that the device refuses.
 * False when every cut splits a field or leaves a part empty; *ret_first and *ret_second are then untouched. */
bool plan_split(const struct profile *profile, const struct request *whole, struct request *ret_first,
	struct request *ret_second);

/* The request that covers the field; NULL for a field that was not planned. */
const struct request *plan_request_of(const struct profile *profile, const struct reg_field *field);

#endif
