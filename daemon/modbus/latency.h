/* latency.h - response times: percentiles of the last hundreds of answers, and the maximum since the start. Pure. */
#ifndef EMIS_DAEMON_MODBUS_LATENCY_H
#define EMIS_DAEMON_MODBUS_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS 64

struct latency {
	uint32_t counts[LATENCY_BUCKETS]; /* bucket n ends at 0.1 ms * 2^(n/4) */
	uint32_t total;
	int64_t max_us; /* since the start */
};

void latency_add(struct latency *latency, int64_t us);

/* The time in milliseconds within which the fraction `ratio` (0..1) of the answers came. At most 9 % too long. NAN
 * without answers. */
double latency_percentile(const struct latency *latency, double ratio);

#endif
