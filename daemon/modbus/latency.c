#include "daemon/modbus/latency.h"

#include <math.h>

#define FORGET_AT 1000 /* answers; then all counts are halved, so that the last hundreds weigh most */
#define FIRST_US 100.0
#define STEPS_PER_DOUBLING 4.0

void latency_add(struct latency *latency, int64_t us)
{
	double steps = (double)us > FIRST_US ? ceil(log2((double)us / FIRST_US) * STEPS_PER_DOUBLING) : 0.0;
	unsigned bucket = steps < LATENCY_BUCKETS - 1 ? (unsigned)steps : LATENCY_BUCKETS - 1;

	latency->max_us = us > latency->max_us ? us : latency->max_us;
	latency->counts[bucket]++;
	latency->total++;
	if (latency->total < FORGET_AT) {
		return;
	}
	latency->total = 0;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		latency->counts[i] /= 2;
		latency->total += latency->counts[i];
	}
}

double latency_percentile(const struct latency *latency, double ratio)
{
	double wanted = ratio * latency->total, seen = 0.0;

	if (latency->total == 0) {
		return NAN;
	}
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		seen += latency->counts[i];
		if (seen >= wanted) {
			double end_ms = FIRST_US / 1000.0 * exp2(i / STEPS_PER_DOUBLING);
			return end_ms < (double)latency->max_us / 1000.0 ? end_ms : (double)latency->max_us / 1000.0;
		}
	}
	return (double)latency->max_us / 1000.0;
}
