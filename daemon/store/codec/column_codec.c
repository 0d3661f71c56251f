#include "daemon/store/codec/column_codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAX_DECIMALS 9
#define DEFLATE_LEVEL 3      /* level 6 saves 3 % more bytes and costs a third more time */
#define NUMBERS_PER_PATCH 16 /* at most one number in 16 may be patched */
#define PATCH_DIGITS 25      /* a patch takes ten bytes, as many as 25 decimal digits of numbers */
#define MAX_QUOTIENT_DECIMALS 6
#define LAST_BITS 4096           /* rounding of a sum of readings moves the mean by fewer representable numbers */
#define EXACT 9007199254740992.0 /* 2^53: integers up to here are exact in a double */

/* How the numbers of a column are written. Of DECIMAL, FLOAT and QUOTIENT the low four bits are the decimals d. */
enum form {
	FORM_DECIMAL = 0x00, /* k / 10^d, computed in double */
	FORM_FLOAT = 0x10,   /* k / 10^d, then rounded to single precision */
	FORM_BITS32 = 0x20,  /* the bits of a single-precision number */
	FORM_BITS64 = 0x30,
	FORM_PATCHED = 0x80,  /* added to DECIMAL or FLOAT: the bits of numbers that do not fit follow */
	FORM_QUOTIENT = 0x40, /* k / 10^d / divisor; the difference in the last bits follows */
};
#define DECIMALS_MASK 0x0F

/* Exact powers of ten. */
static const double powers[MAX_DECIMALS + 1] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };

enum head { HEAD_PLAIN = 1, HEAD_DEFLATED = 2 };

static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static bool fits_float(double value)
{
	/* The conversion is undefined beyond FLT_MAX. Bits are compared, so NaN differs from other NaN. */
	return fabs(value) < 3e38 && bits_of((double)(float)value) == bits_of(value);
}

static double read_decimal(int64_t k, enum form form, int decimals)
{
	double value = (double)k / powers[decimals];

	return form == FORM_FLOAT ? (double)(float)value : value;
}

/* The integer of a number; false when the number does not come back from it. */
static bool to_integer(double value, enum form form, int decimals, int64_t *ret_k)
{
	double scaled = value * powers[decimals];

	if (!(fabs(scaled) < EXACT)) {
		return false;
	}
	/* Faster than a call of llrint(), in the innermost loop. */
	*ret_k = (int64_t)(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
	return bits_of(read_decimal(*ret_k, form, decimals)) == bits_of(value);
}

/* Counts the numbers that need more decimals; stops when there are more than `most`. */
static size_t count_misfits(const double *numbers, size_t n, enum form form, int decimals, size_t most)
{
	size_t misfits = 0;
	int64_t k;

	for (size_t i = 0; i < n && misfits <= most; i++) {
		misfits += !to_integer(numbers[i], form, decimals, &k);
	}
	return misfits;
}

/* The number of decimals that makes the column smallest, or -1. *ret_misfits numbers have more decimals and are to be
 * patched. */
static int decimals_of(const double *numbers, size_t n, enum form form, size_t *ret_misfits)
{
	size_t most = n / NUMBERS_PER_PATCH, misfits = 0;
	int decimals = 0, best = -1;
	int64_t k;

	/* Enough decimals for every number, except for those that no count is enough for. */
	for (size_t i = 0; i < n; i++) {
		int wanted = decimals;
		while (wanted <= MAX_DECIMALS && !to_integer(numbers[i], form, wanted, &k)) {
			wanted++;
		}
		decimals = wanted <= MAX_DECIMALS ? wanted : decimals;
		misfits += wanted > MAX_DECIMALS;
		if (misfits > most) {
			return -1;
		}
	}
	for (; decimals >= 0; decimals--) {
		size_t more = count_misfits(numbers, n, form, decimals, most);
		if (more > most || (best >= 0 && more > misfits && (more - misfits) * PATCH_DIGITS > n)) {
			break;
		}
		best = decimals;
		*ret_misfits = misfits = more;
	}
	return best;
}

static void put_decimals(struct bytes_out *out, const double *numbers, size_t n, enum form form, int decimals)
{
	int64_t k = 0, before = 0;

	for (size_t i = 0; i < n; i++) {
		if (to_integer(numbers[i], form, decimals, &k)) {
			bytes_put_signed(out, k - before);
			before = k;
		} else {
			bytes_put_signed(out, 0);
		}
	}
}

static void put_patches(struct bytes_out *out, const double *numbers, size_t n, enum form form, int decimals)
{
	size_t before = 0;
	int64_t k;

	for (size_t i = 0; i < n; i++) {
		unsigned char bits[8];
		if (!to_integer(numbers[i], form, decimals, &k)) {
			bytes_put_unsigned(out, i - before);
			bytes_store64(bits, bits_of(numbers[i]));
			bytes_put(out, bits, sizeof(bits));
			before = i;
		}
	}
}

/* First the lowest byte of every number, then the next: high bytes of similar numbers are equal and deflate well. */
static void put_bits(struct bytes_out *out, const double *numbers, size_t n, enum form form)
{
	bytes_put_u8(out, (uint8_t)form);
	for (unsigned plane = 0; plane < (form == FORM_BITS32 ? 4 : 8); plane++) {
		for (size_t i = 0; i < n; i++) {
			float single = form == FORM_BITS32 ? (float)numbers[i] : 0.0F;
			uint32_t bits32;
			memcpy(&bits32, &single, sizeof(bits32));
			uint64_t bits = form == FORM_BITS32 ? bits32 : bits_of(numbers[i]);
			bytes_put_u8(out, (uint8_t)(bits >> (8 * plane)));
		}
	}
}

void column_codec_put_numbers(struct bytes_out *out, const double *numbers, size_t n)
{
	size_t misfits = 0;
	bool single = true;

	/* Numbers that fit into single precision are read back exactly from FLOAT as well as from DECIMAL. */
	for (size_t i = 0; single && i < n; i++) {
		single = fits_float(numbers[i]);
	}
	enum form form = single ? FORM_FLOAT : FORM_DECIMAL;
	int decimals = decimals_of(numbers, n, form, &misfits);
	if (decimals < 0) {
		put_bits(out, numbers, n, single ? FORM_BITS32 : FORM_BITS64);
		return;
	}
	bytes_put_u8(out, (uint8_t)((unsigned)form | (unsigned)decimals | (misfits > 0 ? FORM_PATCHED : 0)));
	put_decimals(out, numbers, n, form, decimals);
	if (misfits > 0) {
		bytes_put_unsigned(out, misfits);
		put_patches(out, numbers, n, form, decimals);
	}
}

/* ---- quotients ---- */

/* *ret_off counts the representable numbers between k / 10^d / divisor and `number`. False when there are too many, or
 * when k is too large. */
static bool to_quotient(double number, double divisor, int decimals, int64_t *ret_k, int64_t *ret_off)
{
	double scaled = number * divisor * powers[decimals];

	if (!(fabs(scaled) < EXACT)) {
		return false;
	}
	*ret_k = llrint(scaled);
	/* Bits of numbers with different signs are far apart: then false is returned below. */
	if (__builtin_sub_overflow(
		    (int64_t)bits_of(number), (int64_t)bits_of((double)*ret_k / powers[decimals] / divisor), ret_off)) {
		return false;
	}
	return *ret_off<LAST_BITS && * ret_off> - LAST_BITS;
}

/* The fewest decimals that are enough for all numbers, or -1. */
static int quotient_decimals(const double *numbers, const double *divisors, size_t n)
{
	int decimals = 0;
	int64_t k, off;

	for (size_t i = 0; i < n; i++) {
		while (!to_quotient(numbers[i], divisors[i], decimals, &k, &off)) {
			if (++decimals > MAX_QUOTIENT_DECIMALS) {
				return -1;
			}
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (!to_quotient(numbers[i], divisors[i], decimals, &k, &off)) {
			return -1;
		}
	}
	return decimals;
}

void column_codec_put_quotients(struct bytes_out *out, const double *numbers, const double *divisors, size_t n)
{
	int decimals = quotient_decimals(numbers, divisors, n);
	size_t misfits = 0;
	int64_t k = 0, before = 0, off = 0;

	if (decimals < 0 || decimals_of(numbers, n, FORM_DECIMAL, &misfits) >= 0) {
		column_codec_put_numbers(out, numbers, n);
		return;
	}
	bytes_put_u8(out, (uint8_t)((int)FORM_QUOTIENT | decimals));
	/* to_quotient() cannot fail: quotient_decimals() has tried every number. */
	for (size_t i = 0; i < n; i++) {
		(void)to_quotient(numbers[i], divisors[i], decimals, &k, &off);
		bytes_put_signed(out, k - before);
		before = k;
	}
	for (size_t i = 0; i < n; i++) {
		(void)to_quotient(numbers[i], divisors[i], decimals, &k, &off);
		bytes_put_signed(out, off);
	}
}

bool column_codec_get_quotients(struct bytes_in *in, const double *divisors, double *ret_numbers, size_t n)
{
	int64_t k = 0;

	if (in->left == 0 || (in->data[0] & ~DECIMALS_MASK) != FORM_QUOTIENT) {
		return column_codec_get_numbers(in, ret_numbers, n);
	}
	int decimals = bytes_get_u8(in) & DECIMALS_MASK;
	if (decimals > MAX_QUOTIENT_DECIMALS) {
		return false;
	}
	for (size_t i = 0; i < n && !in->failed; i++) {
		if (__builtin_add_overflow(k, bytes_get_signed(in), &k)) {
			return false;
		}
		ret_numbers[i] = (double)k / powers[decimals] / divisors[i];
	}
	for (size_t i = 0; i < n && !in->failed; i++) {
		uint64_t bits = bits_of(ret_numbers[i]) + (uint64_t)bytes_get_signed(in);
		memcpy(&ret_numbers[i], &bits, sizeof(bits));
	}
	return !in->failed;
}

static void get_bits(struct bytes_in *in, double *ret_numbers, size_t n, enum form form)
{
	unsigned width = form == FORM_BITS32 ? 4 : 8;
	const unsigned char *planes = n > in->left / width ? NULL : bytes_get(in, n * width);

	in->failed |= !planes;
	for (size_t i = 0; planes && i < n; i++) {
		uint64_t bits = 0;
		for (unsigned plane = 0; plane < width; plane++) {
			bits |= (uint64_t)planes[plane * n + i] << (8 * plane);
		}
		if (form == FORM_BITS32) {
			uint32_t bits32 = (uint32_t)bits;
			float single;
			memcpy(&single, &bits32, sizeof(single));
			ret_numbers[i] = (double)single;
		} else {
			memcpy(&ret_numbers[i], &bits, sizeof(bits));
		}
	}
}

static bool get_patches(struct bytes_in *in, double *numbers, size_t n)
{
	uint64_t patches = bytes_get_unsigned(in), at = 0;

	for (; patches > 0 && !in->failed; patches--) {
		uint64_t step = bytes_get_unsigned(in);
		const unsigned char *bits = bytes_get(in, 8);
		if (!bits || step >= n - at) {
			return false;
		}
		at += step;
		uint64_t value = bytes_load64(bits);
		memcpy(&numbers[at], &value, sizeof(value));
	}
	return !in->failed;
}

bool column_codec_get_numbers(struct bytes_in *in, double *ret_numbers, size_t n)
{
	uint8_t head = bytes_get_u8(in);
	enum form form = (enum form)(head & ~(DECIMALS_MASK | FORM_PATCHED));
	int decimals = head & DECIMALS_MASK;
	int64_t k = 0;

	if (form == FORM_BITS32 || form == FORM_BITS64) {
		get_bits(in, ret_numbers, n, form);
		return !in->failed && head == (uint8_t)form;
	}
	if (form > FORM_FLOAT || decimals > MAX_DECIMALS) {
		return false;
	}
	for (size_t i = 0; i < n && !in->failed; i++) {
		int64_t step = bytes_get_signed(in);
		if (__builtin_add_overflow(k, step, &k)) {
			return false;
		}
		ret_numbers[i] = read_decimal(k, form, decimals);
	}
	return !in->failed && (!(head & FORM_PATCHED) || get_patches(in, ret_numbers, n));
}

void column_codec_put_runs(struct bytes_out *out, const uint8_t *values, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;
		while (end < n && values[end] == values[i]) {
			end++;
		}
		bytes_put_unsigned(out, end - i);
		bytes_put_u8(out, values[i]);
		i = end;
	}
}

bool column_codec_get_runs(struct bytes_in *in, uint8_t *ret_values, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint64_t run = bytes_get_unsigned(in);
		uint8_t value = bytes_get_u8(in);
		if (in->failed || run == 0 || run > n - i) {
			return false;
		}
		memset(ret_values + i, value, run);
		i += run;
	}
	return true;
}

void column_codec_put_steps(struct bytes_out *out, const int64_t *values, size_t n)
{
	int64_t before = 0, step = 0;

	for (size_t i = 0; i < n; i++) {
		bytes_put_signed(out, values[i] - before - step);
		step = i == 0 ? 0 : values[i] - before;
		before = values[i];
	}
}

bool column_codec_get_steps(struct bytes_in *in, int64_t *ret_values, size_t n)
{
	int64_t before = 0, step = 0;

	for (size_t i = 0; i < n && !in->failed; i++) {
		int64_t value;
		if (__builtin_add_overflow(bytes_get_signed(in), step, &value) ||
			__builtin_add_overflow(value, before, &value) || __builtin_sub_overflow(value, before, &step)) {
			return false;
		}
		step = i == 0 ? 0 : step;
		ret_values[i] = before = value;
	}
	return !in->failed;
}

struct bytes_out column_codec_close(struct bytes_out plain, bool deflate)
{
	struct bytes_out closed = { 0 };
	uLongf size = deflate ? compressBound(plain.n) : 0;
	unsigned char *small = deflate && !plain.failed ? malloc(size) : NULL;

	if (small && compress2(small, &size, plain.data, plain.n, DEFLATE_LEVEL) == Z_OK && size < plain.n) {
		bytes_put_u8(&closed, HEAD_DEFLATED);
		bytes_put_unsigned(&closed, plain.n);
		bytes_put(&closed, small, size);
	} else {
		bytes_put_u8(&closed, HEAD_PLAIN);
		bytes_put(&closed, plain.data, plain.n);
	}
	closed.failed |= plain.failed;
	free(small);
	free(plain.data);
	return closed;
}

unsigned char *column_codec_open(const unsigned char *data, size_t size, size_t limit, size_t *ret_size)
{
	struct bytes_in in = { .data = data, .left = size };
	uint8_t head = bytes_get_u8(&in);
	uint64_t plain_size = head == HEAD_DEFLATED ? bytes_get_unsigned(&in) : in.left;

	if (in.failed || (head != HEAD_PLAIN && head != HEAD_DEFLATED) || plain_size > limit) {
		return NULL;
	}
	unsigned char *plain = malloc(plain_size + 1);
	uLongf n = plain_size;
	if (plain && head == HEAD_PLAIN) {
		memcpy(plain, in.data, plain_size);
	} else if (plain && (uncompress(plain, &n, in.data, in.left) != Z_OK || n != plain_size)) {
		free(plain);
		return NULL;
	}
	*ret_size = plain_size;
	return plain;
}
