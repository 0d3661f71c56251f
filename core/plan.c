#include "core/plan.h"

#include <errno.h>
#include <stdbool.h>

#include "core/driver.h"

/* True when a comes strictly before b, by function, interval and address. */
static bool comes_before(const struct reg_field *a, const struct reg_field *b)
{
	if (a->function != b->function) {
		return a->function < b->function;
	}
	return a->every_s != b->every_s ? a->every_s < b->every_s : a->address < b->address;
}

/* Insertion sort: a profile has tens of fields and is planned once. */
static void sort_fields(const struct reg_field **fields, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct reg_field *field = fields[i];
		size_t at = i;
		for (; at > 0 && comes_before(field, fields[at - 1]); at--) {
			fields[at] = fields[at - 1];
		}
		fields[at] = field;
	}
}

static bool hole_is_allowed(const struct profile *profile, uint8_t function, unsigned from, unsigned to)
{
	for (size_t i = 0; i < profile->n_forbidden; i++) {
		const struct forbidden *f = &profile->forbidden[i];
		if (f->function == function && f->first < to && f->last >= from) {
			return false;
		}
	}
	return to <= from + profile->max_gap;
}

/* Extends the request to hold the field; false when that is not allowed. */
static bool extend_request(struct request *request, const struct reg_field *field, const struct profile *profile)
{
	unsigned end = request->address + (unsigned)request->count;
	unsigned field_end = field->address + field_width(field);

	if (field->function != request->function || field->every_s != request->every_s ||
		(field->address > end && !hole_is_allowed(profile, field->function, end, field->address))) {
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
	const struct reg_field *fields[PROFILE_FIELDS];
	size_t n_fields = profile_fields(profile, fields);

	sort_fields(fields, n_fields);
	size_t of_driver = profile->driver ? profile->driver->plan(profile, profile->requests) : 0;
	profile->n_requests = of_driver;
	for (size_t i = 0; i < n_fields; i++) {
		struct request *last =
			profile->n_requests > of_driver ? &profile->requests[profile->n_requests - 1] : NULL;
		if (last && extend_request(last, fields[i], profile)) {
			continue;
		}
		if (profile->n_requests == PROFILE_REQUESTS) {
			return -ENOSPC;
		}
		if (field_width(fields[i]) > profile->max_registers) {
			return -EMSGSIZE;
		}
		profile->requests[profile->n_requests++] = (struct request){
			.function = fields[i]->function,
			.address = fields[i]->address,
			.count = (uint16_t)field_width(fields[i]),
			.every_s = fields[i]->every_s,
		};
	}
	return 0;
}

const struct request *plan_request_of(const struct profile *profile, const struct reg_field *field)
{
	for (size_t i = 0; i < profile->n_requests; i++) {
		const struct request *r = &profile->requests[i];
		if (r->function == field->function && r->every_s == field->every_s && field->address >= r->address &&
			field->address + field_width(field) <= (unsigned)r->address + r->count) {
			return r;
		}
	}
	return NULL;
}

static bool lies_in(const struct reg_field *field, const struct request *request)
{
	return field->function == request->function && field->every_s == request->every_s &&
		field->address >= request->address &&
		field->address + field_width(field) <= (unsigned)request->address + request->count;
}

/* True when no field of the request begins before the address and ends behind it. */
static bool is_boundary(const struct reg_field *const *fields, size_t n, const struct request *whole, unsigned at)
{
	for (size_t i = 0; i < n; i++) {
		if (lies_in(fields[i], whole) && fields[i]->address < at &&
			fields[i]->address + field_width(fields[i]) > at) {
			return false;
		}
	}
	return true;
}

/* The part of the request between `from` and `to`: from its first field to the end of its last, without holes at the
 * ends. */
static struct request part_of(
	const struct reg_field *const *fields, size_t n, const struct request *whole, unsigned from, unsigned to)
{
	struct request r = { .function = whole->function, .every_s = whole->every_s };
	unsigned first = to, end = from;

	for (size_t i = 0; i < n; i++) {
		unsigned field_end = fields[i]->address + field_width(fields[i]);
		if (lies_in(fields[i], whole) && fields[i]->address >= from && field_end <= to) {
			first = fields[i]->address < first ? fields[i]->address : first;
			end = field_end > end ? field_end : end;
		}
	}
	r.address = (uint16_t)first;
	r.count = (uint16_t)(end > first ? end - first : 0);
	return r;
}

bool plan_split(const struct profile *profile, const struct request *whole, struct request *ret_first,
	struct request *ret_second)
{
	const struct reg_field *fields[PROFILE_FIELDS];
	size_t n = profile_fields(profile, fields);
	unsigned start = whole->address, end = start + whole->count, middle = start + whole->count / 2U;

	for (unsigned distance = 0; distance < whole->count; distance++) {
		const unsigned candidates[2] = { middle - distance, middle + distance };
		for (int i = 0; i < 2; i++) {
			unsigned at = candidates[i];
			if (at <= start || at >= end || !is_boundary(fields, n, whole, at)) {
				continue;
			}
			struct request first = part_of(fields, n, whole, start, at),
				       second = part_of(fields, n, whole, at, end);
			if (first.count > 0 && second.count > 0) {
				*ret_first = first;
				*ret_second = second;
				return true;
			}
		}
	}
	return false;
}
