#include "daemon/modbus/poll_stats.h"

void poll_stats_count(struct poll_stats *stats, const struct answer *answer, int64_t us)
{
	stats->requests++;
	if (answer->result == ANSWER_OK) {
		stats->answers++;
		latency_add(&stats->latency, us);
	} else if (answer->result == ANSWER_TIMEOUT) {
		stats->timeouts++;
	} else if (answer->result == ANSWER_BROKEN) {
		stats->troubles[answer->trouble]++;
	} else {
		stats->exceptions[answer->exception < EXCEPTION_CODES ? answer->exception : 0]++;
	}
}
