/* column_codec.h - columns of numbers as bytes, exactly reversible, and the deflating of all columns together. Pure:
 * no I/O; memory comes from malloc(). A get function returns false when the bytes are damaged; its results then mean
 * nothing. */
#ifndef EMIS_DAEMON_STORE_CODEC_COLUMN_CODEC_H
#define EMIS_DAEMON_STORE_CODEC_COLUMN_CODEC_H

#include "common/bytes.h"

/* n numbers, each read back bit for bit, NaNs included. */
void column_codec_put_numbers(struct bytes_out *out, const double *numbers, size_t n);
bool column_codec_get_numbers(struct bytes_in *in, double *ret_numbers, size_t n);

/* n means, read back bit for bit. The bytes are few when each mean is nearly a decimal fraction over its divisor. */
void column_codec_put_quotients(struct bytes_out *out, const double *numbers, const double *divisors, size_t n);
bool column_codec_get_quotients(struct bytes_in *in, const double *divisors, double *ret_numbers, size_t n);

/* n small integers as runs of equal ones. */
void column_codec_put_runs(struct bytes_out *out, const uint8_t *values, size_t n);
bool column_codec_get_runs(struct bytes_in *in, uint8_t *ret_values, size_t n);

/* n integers, stored as differences of their differences: small when they grow by nearly the same step. */
void column_codec_put_steps(struct bytes_out *out, const int64_t *values, size_t n);
bool column_codec_get_steps(struct bytes_in *in, int64_t *ret_values, size_t n);

/* Consumes `plain`. Returns a head byte and then the deflated bytes, or the plain bytes when those are shorter or
 * `deflate` is false. Check ->failed (out of memory); the caller frees ->data. */
struct bytes_out column_codec_close(struct bytes_out plain, bool deflate);

/* The plain bytes of a result of column_codec_close(), to be freed by the caller. NULL when the data are damaged, the
 * plain bytes are more than `limit`, or out of memory. */
unsigned char *column_codec_open(const unsigned char *data, size_t size, size_t limit, size_t *ret_size);

#endif
