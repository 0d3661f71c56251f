/* fuzz_minute_codec.c - any bytes as the minutes of a day are refused or read; minutes that were read can be packed
 * and read again with the same result. */
#include <math.h>
#include <stdlib.h>

#include "daemon/store/codec/minute_codec.h"

static bool same_number(double a, double b)
{
	return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static bool same(const struct day_minute *a, const struct day_minute *b)
{
	bool equal = same_number(a->mean.value, b->mean.value) && same_number(a->mean.min, b->mean.min) &&
		same_number(a->mean.max, b->mean.max) && same_number(a->amount, b->amount) &&
		a->mean.valid == b->mean.valid && a->mean.flag == b->mean.flag && a->mean.n_valid == b->mean.n_valid &&
		a->mean.n_due == b->mean.n_due;

	for (int i = 0; i < FLAG_COUNT; i++) {
		equal = equal && a->mean.counts[i] == b->mean.counts[i];
	}
	return equal;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct day_minute first[DAY_SLOTS], second[DAY_SLOTS];
	size_t packed_size = 0;

	if (!minute_codec_unpack(data, size, first)) {
		return 0;
	}
	for (size_t i = 0; i < DAY_SLOTS; i++) { /* a mean is never infinite */
		struct mean *m = &first[i].mean;
		m->value = isfinite(m->value) ? m->value : NAN;
		m->min = isfinite(m->min) ? m->min : NAN;
		m->max = isfinite(m->max) ? m->max : NAN;
		first[i].amount = isfinite(first[i].amount) ? first[i].amount : NAN;
	}
	unsigned char *packed = minute_codec_pack(first, &packed_size);
	if (!packed || !minute_codec_unpack(packed, packed_size, second)) {
		abort();
	}
	for (size_t i = 0; i < DAY_SLOTS; i++) {
		if (first[i].present != second[i].present || (first[i].present && !same(&first[i], &second[i]))) {
			abort();
		}
	}
	free(packed);
	return 0;
}
