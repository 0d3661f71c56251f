/* column_codec.h - columns of numbers as bytes, exactly reversible, and the deflating of what was made of them. Pure.
 */
#ifndef EMIS_DAEMON_STORE_CODEC_COLUMN_CODEC_H
#define EMIS_DAEMON_STORE_CODEC_COLUMN_CODEC_H

#include "common/bytes.h"

/* n numbers, each read back bit for bit; which NaN a NaN was is kept, too. */
void column_put_numbers(struct bytes_out *out, const double *numbers, size_t n);
/* False when the bytes are damaged. */
bool column_get_numbers(struct bytes_in *in, double *ret_numbers, size_t n);

/* n means, each nearly a decimal fraction divided by its divisor: read back bit for bit, and small when they are. */
void column_put_quotients(struct bytes_out *out, const double *numbers, const double *divisors, size_t n);
bool column_get_quotients(struct bytes_in *in, const double *divisors, double *ret_numbers, size_t n);

/* n small integers as runs of equal ones. */
void column_put_runs(struct bytes_out *out, const uint8_t *values, size_t n);
bool column_get_runs(struct bytes_in *in, uint8_t *ret_values, size_t n);

/* n integers that change by nearly the same step: the differences of their differences. */
void column_put_steps(struct bytes_out *out, const int64_t *values, size_t n);
bool column_get_steps(struct bytes_in *in, int64_t *ret_values, size_t n);

/* Takes `plain` and gives its deflated bytes, or itself when that is shorter or `deflate` is false, with a head
 * that says which. Check ->failed. */
struct bytes_out column_close(struct bytes_out plain, bool deflate);

/* The plain bytes of what column_close() gave, to be freed by the caller. NULL when damaged, longer than `limit`
 * bytes or out of memory. */
unsigned char *column_open(const unsigned char *data, size_t size, size_t limit, size_t *ret_size);

#endif
