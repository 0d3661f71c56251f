/* poll_stats.h - counters of an instrument since the start: answers, failures by kind, response times. Pure. */
#ifndef EMIS_DAEMON_MODBUS_POLL_STATS_H
#define EMIS_DAEMON_MODBUS_POLL_STATS_H

#include "core/decode.h"
#include "daemon/modbus/latency.h"

#define EXCEPTION_CODES 12

struct poll_stats {
	uint64_t requests;
	uint64_t answers;
	uint64_t timeouts;
	uint64_t troubles[TROUBLE_COUNT];
	uint64_t exceptions[EXCEPTION_CODES]; /* by code; larger codes count as 0 */
	uint64_t retries;
	uint64_t discarded; /* frames that answer no open question, dropped while waiting for the right answer */
	uint64_t skipped;   /* polls that were due while the last one still ran */
	unsigned refused;   /* blocks that the device refuses at present */
	struct latency latency;
};

/* Counts one request and its outcome, which took `us` microseconds. */
void poll_stats_count(struct poll_stats *stats, const struct answer *answer, int64_t us);

#endif
