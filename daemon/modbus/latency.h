/* latency.h - response times: their median, 95th percentile and maximum, of recent hundreds. Pure. */
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

/* Milliseconds within which `share` (0..1) of the answers came, 9 % too much at most; NAN without any. */
double latency_within(const struct latency *latency, double share);

#endif
