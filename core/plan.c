#include "core/plan.h"

#include <errno.h>
#include <stdbool.h>

/* Strictly before, by function and address. */
static bool before(const struct reg_field *a, const struct reg_field *b)
{
	return a->function != b->function ? a->function < b->function : a->address < b->address;
}

/* Sorts by insertion: a profile has tens of fields and is planned once. */
static size_t collect_fields(const struct profile *profile, const struct reg_field **fields)
{
	size_t n = 0;

	for (size_t i = 0; i < profile->n_channels + profile->n_statuses; i++) {
		const struct reg_field *field = i < profile->n_channels
			? &profile->channels[i].field
			: &profile->statuses[i - profile->n_channels].field;
		size_t at = n++;
		for (; at > 0 && before(field, fields[at - 1]); at--) {
			fields[at] = fields[at - 1];
		}
		fields[at] = field;
	}
	return n;
}

/* Grows the request to hold the field; false when it may not. */
static bool grow(struct request *request, const struct reg_field *field, const struct profile *profile)
{
	unsigned end = request->address + (unsigned)request->count;
	unsigned field_end = field->address + field_width(field);

	if (field->function != request->function || field->address > end + profile->max_gap) {
		return false;
	}
	if (field_end <= end) {
		return true;
	}
	if (field_end - request->address > profile->max_registers) {
		return false;
	}
	request->count = (uint16_t)(field_end - request->address);
	return true;
}

int plan_requests(struct profile *profile)
{
	const struct reg_field *fields[PROFILE_CHANNELS + PROFILE_STATUSES];
	size_t n_fields = collect_fields(profile, fields);

	profile->n_requests = 0;
	for (size_t i = 0; i < n_fields; i++) {
		struct request *last = profile->n_requests ? &profile->requests[profile->n_requests - 1] : NULL;
		if (last && grow(last, fields[i], profile)) {
			continue;
		}
		if (profile->n_requests == PROFILE_REQUESTS) {
			return -ENOSPC;
		}
		profile->requests[profile->n_requests++] = (struct request){
			.function = fields[i]->function,
			.address = fields[i]->address,
			.count = (uint16_t)field_width(fields[i]),
		};
	}
	return 0;
}

const struct request *plan_request_of(const struct profile *profile, const struct reg_field *field)
{
	for (size_t i = 0; i < profile->n_requests; i++) {
		const struct request *r = &profile->requests[i];
		if (r->function == field->function && field->address >= r->address &&
			field->address + field_width(field) <= (unsigned)r->address + r->count) {
			return r;
		}
	}
	return NULL;
}
