/* fuzz_reading_codec.c - any bytes as a pack of readings are refused or read; readings that were read can be packed
 * and read again with the same result. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/codec/reading_codec.h"

struct taken {
	struct packed_reading *readings;
	size_t n;
};

static void take(void *context, const struct packed_reading *reading)
{
	struct taken *taken = context;
	struct packed_reading *grown = realloc(taken->readings, (taken->n + 1) * sizeof(*grown));

	if (!grown) {
		abort();
	}
	taken->readings = grown;
	taken->readings[taken->n++] = *reading;
}

static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taken first = { 0 }, second = { 0 };
	size_t packed_size = 0;

	if (reading_codec_unpack(data, size, 0, take, &first) && first.n < 10000) {
		unsigned char *packed = reading_codec_pack(first.readings, first.n, 0, false, &packed_size);
		if (!packed || !reading_codec_unpack(packed, packed_size, 0, take, &second) || first.n != second.n) {
			abort();
		}
		for (size_t i = 0; i < first.n; i++) {
			const struct packed_reading *a = &first.readings[i], *b = &second.readings[i];
			bool same = isnan(a->reading.value) ? isnan(b->reading.value)
							    : bits_of(a->reading.value) == bits_of(b->reading.value);
			if (!same || a->series != b->series || a->late != b->late ||
				a->reading.at.ms != b->reading.at.ms || a->reading.flag != b->reading.flag) {
				abort();
			}
		}
		free(packed);
	}
	free(first.readings);
	free(second.readings);
	return 0;
}
