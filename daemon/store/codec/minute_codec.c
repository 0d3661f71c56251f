/* minute_codec.c - one column for each field of a mean, then all deflated: a field changes little from minute to
 * minute. The order of columns is that of minute_codec_pack(). */
#include "daemon/store/codec/minute_codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/codec/column_codec.h"

#define MAX_PLAIN ((size_t)DAY_SLOTS * 256)
#define FLAG_MASK 0x0F
#define VALID_BIT 0x10
/* Which numbers of a minute are finite. */
enum { HAS_VALUE = 1, HAS_MIN = 2, HAS_MAX = 4, HAS_AMOUNT = 8, HAS_ALL = 15 };

/* The slots that are present, and room for one column of them. */
struct day_columns {
	const struct day_minute *minutes[DAY_SLOTS];
	size_t n;
	int64_t integers[DAY_SLOTS];
	uint8_t bytes[DAY_SLOTS];
	double numbers[DAY_SLOTS];
	double divisors[DAY_SLOTS];
	struct bytes_out out;
};

static unsigned numbers_of(const struct day_minute *m)
{
	return (isfinite(m->mean.value) ? HAS_VALUE : 0) | (isfinite(m->mean.min) ? HAS_MIN : 0) |
		(isfinite(m->mean.max) ? HAS_MAX : 0) | (isfinite(m->amount) ? HAS_AMOUNT : 0);
}

static double number_of(const struct day_minute *m, unsigned which)
{
	return which == HAS_VALUE  ? m->mean.value
		: which == HAS_MIN ? m->mean.min
		: which == HAS_MAX ? m->mean.max
				   : m->amount;
}

static void set_number(struct day_minute *m, unsigned which, double number)
{
	*(which == HAS_VALUE               ? &m->mean.value
			: which == HAS_MIN ? &m->mean.min
			: which == HAS_MAX ? &m->mean.max
					   : &m->amount) = number;
}

static void put_flags(struct day_columns *c)
{
	for (size_t i = 0; i < c->n; i++) {
		c->bytes[i] =
			(uint8_t)((unsigned)c->minutes[i]->mean.flag | (c->minutes[i]->mean.valid ? VALID_BIT : 0));
	}
	column_codec_put_runs(&c->out, c->bytes, c->n);
	for (size_t i = 0; i < c->n; i++) {
		c->bytes[i] = (uint8_t)numbers_of(c->minutes[i]);
	}
	column_codec_put_runs(&c->out, c->bytes, c->n);
}

/* A mean is a sum over n_valid, and a sum of decimal fractions is a decimal fraction: so n_valid is the divisor. */
static void put_numbers(struct day_columns *c, unsigned which)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (numbers_of(c->minutes[i]) & which) {
			c->divisors[n] = c->minutes[i]->mean.n_valid;
			c->numbers[n++] = number_of(c->minutes[i], which);
		}
	}
	if (which == HAS_VALUE) {
		column_codec_put_quotients(&c->out, c->numbers, c->divisors, n);
	} else {
		column_codec_put_numbers(&c->out, c->numbers, n);
	}
}

static void put_counts(struct day_columns *c)
{
	unsigned used = 0;

	for (size_t i = 0; i < c->n; i++) {
		for (unsigned f = 0; f < FLAG_COUNT; f++) {
			used |= c->minutes[i]->mean.counts[f] > 0 ? 1U << f : 0;
		}
	}
	bytes_put_u8(&c->out, (uint8_t)used);
	for (unsigned f = 0; f < FLAG_COUNT; f++) {
		for (size_t i = 0; i < c->n; i++) {
			c->integers[i] = c->minutes[i]->mean.counts[f];
		}
		if (used & (1U << f)) {
			column_codec_put_steps(&c->out, c->integers, c->n);
		}
	}
}

unsigned char *minute_codec_pack(const struct day_minute *slots, size_t *ret_size)
{
	struct day_columns *c = calloc(1, sizeof(*c));

	if (!c) {
		return NULL;
	}
	for (size_t i = 0; i < DAY_SLOTS; i++) {
		if (slots[i].present) {
			c->integers[c->n] = (int64_t)i;
			c->minutes[c->n++] = &slots[i];
		}
	}
	bytes_put_unsigned(&c->out, c->n);
	column_codec_put_steps(&c->out, c->integers, c->n);
	put_flags(c);
	for (size_t i = 0; i < c->n; i++) {
		c->integers[i] = c->minutes[i]->mean.n_valid;
	}
	column_codec_put_steps(&c->out, c->integers, c->n);
	for (size_t i = 0; i < c->n; i++) {
		c->integers[i] = c->minutes[i]->mean.n_due;
	}
	column_codec_put_steps(&c->out, c->integers, c->n);
	put_counts(c);
	for (unsigned which = HAS_VALUE; which <= HAS_AMOUNT; which <<= 1) {
		put_numbers(c, which);
	}
	struct bytes_out out = column_codec_close(c->out, true);
	free(c);
	if (out.failed) {
		free(out.data);
		return NULL;
	}
	*ret_size = out.n;
	return out.data;
}

/* ---- unpacking ---- */

struct day_reading {
	struct bytes_in in;
	struct day_minute *minutes[DAY_SLOTS];
	size_t n;
	int64_t integers[DAY_SLOTS];
	uint8_t bytes[DAY_SLOTS];
	double numbers[DAY_SLOTS];
	double divisors[DAY_SLOTS];
};

static bool get_places(struct day_reading *r, struct day_minute *slots)
{
	uint64_t n = bytes_get_unsigned(&r->in);

	if (n == 0 || n > DAY_SLOTS || !column_codec_get_steps(&r->in, r->integers, n)) {
		return false;
	}
	for (r->n = 0; r->n < n; r->n++) {
		int64_t place = r->integers[r->n];
		if (place < 0 || place >= DAY_SLOTS || slots[place].present) {
			return false;
		}
		slots[place].present = true;
		r->minutes[r->n] = &slots[place];
	}
	return true;
}

static bool get_flags(struct day_reading *r)
{
	if (!column_codec_get_runs(&r->in, r->bytes, r->n)) {
		return false;
	}
	for (size_t i = 0; i < r->n; i++) {
		unsigned flag = r->bytes[i] & FLAG_MASK;
		if (flag >= FLAG_COUNT || r->bytes[i] > (FLAG_MASK | VALID_BIT)) {
			return false;
		}
		r->minutes[i]->mean.flag = (enum flag)flag;
		r->minutes[i]->mean.valid = r->bytes[i] & VALID_BIT;
	}
	return column_codec_get_runs(&r->in, r->bytes, r->n); /* HAS_ bits, for get_numbers() */
}

/* Reads integers from 0 to UINT32_MAX into r->integers. */
static bool get_small(struct day_reading *r)
{
	if (!column_codec_get_steps(&r->in, r->integers, r->n)) {
		return false;
	}
	for (size_t i = 0; i < r->n; i++) {
		if (r->integers[i] < 0 || r->integers[i] > UINT32_MAX) {
			return false;
		}
	}
	return true;
}

static bool get_counts(struct day_reading *r)
{
	if (!get_small(r)) {
		return false;
	}
	for (size_t i = 0; i < r->n; i++) {
		r->minutes[i]->mean.n_valid = (unsigned)r->integers[i];
	}
	if (!get_small(r)) {
		return false;
	}
	for (size_t i = 0; i < r->n; i++) {
		r->minutes[i]->mean.n_due = (unsigned)r->integers[i];
	}
	unsigned used = bytes_get_u8(&r->in);
	for (unsigned f = 0; f < FLAG_COUNT; f++) {
		if (!(used & (1U << f))) {
			continue;
		}
		if (!get_small(r)) {
			return false;
		}
		for (size_t i = 0; i < r->n; i++) {
			r->minutes[i]->mean.counts[f] = (unsigned)r->integers[i];
		}
	}
	return true;
}

static bool get_numbers(struct day_reading *r, unsigned which)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (r->bytes[i] & which) {
			r->divisors[n++] = r->minutes[i]->mean.n_valid;
		}
		if (r->bytes[i] > HAS_ALL) {
			return false;
		}
	}
	bool good = which == HAS_VALUE ? column_codec_get_quotients(&r->in, r->divisors, r->numbers, n)
				       : column_codec_get_numbers(&r->in, r->numbers, n);
	n = 0;
	for (size_t i = 0; good && i < r->n; i++) {
		set_number(r->minutes[i], which, r->bytes[i] & which ? r->numbers[n++] : NAN);
	}
	return good;
}

bool minute_codec_unpack(const unsigned char *data, size_t size, struct day_minute *slots)
{
	struct day_reading r; /* 48 KB on the stack: emisctl history reads years of days in a row */
	size_t plain_size = 0;
	unsigned char *plain = column_codec_open(data, size, MAX_PLAIN, &plain_size);
	bool good = plain;

	memset(slots, 0, DAY_SLOTS * sizeof(*slots));
	if (good) {
		r.in = (struct bytes_in){ .data = plain, .left = plain_size };
		good = get_places(&r, slots) && get_flags(&r) && get_counts(&r);
		for (unsigned which = HAS_VALUE; good && which <= HAS_AMOUNT; which <<= 1) {
			good = get_numbers(&r, which);
		}
		good = good && r.in.left == 0 && !r.in.failed;
	}
	free(plain);
	return good;
}
