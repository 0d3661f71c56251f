#include "daemon/conf/wire_time.h"

#include <stdio.h>

#define RTU_QUESTION 8 /* unit, function, address, count, checksum */
#define RTU_ANSWER 5   /* unit, function, length, checksum */
#define TCP_QUESTION 12
#define TCP_ANSWER 9
#define DEVICE_NS 5000000.0 /* a device needs some milliseconds before it answers */

void wire_time_request(const struct link_conf *link, const struct request *request, struct wire_cost *ret_cost)
{
	unsigned data = request->function <= 2 ? (request->count + 7U) / 8U : request->count * 2U;
	bool tcp = link->type == LINK_TCP;

	ret_cost->bytes = data + (tcp ? TCP_QUESTION + TCP_ANSWER : RTU_QUESTION + RTU_ANSWER);
	ret_cost->wire_ns = 0;
	if (link->type == LINK_RTU) {
		ret_cost->wire_ns = ret_cost->bytes * link_character_ns(link) + 2 * link_gap_ns(link);
	}
}

double wire_time_interval_s(const struct instrument_conf *instrument, const struct request *request)
{
	double poll_s = (double)instrument->poll_ms / 1000.0;

	return (double)request->every_s > poll_s ? (double)request->every_s : poll_s;
}

double wire_time_link(const struct site *site, size_t link)
{
	double busy = 0.0;

	for (size_t i = 0; i < site->n_instruments; i++) {
		const struct instrument_conf *instrument = &site->instruments[i];
		const struct profile *profile = instrument->profile;
		for (size_t k = 0; instrument->link == link && k < profile->n_requests; k++) {
			struct wire_cost cost;
			wire_time_request(&site->links[link], &profile->requests[k], &cost);
			int64_t pause_ms = profile->delay_ms + (k == 0 ? profile->turnaround_ms : 0);
			double ns = (double)cost.wire_ns + DEVICE_NS + (double)pause_ms * 1e6;
			busy += ns / 1e9 / wire_time_interval_s(instrument, &profile->requests[k]);
		}
	}
	return busy;
}

const char *wire_time_words(double busy_ratio, char *buf, size_t size)
{
	const char *verdict = "can be kept";

	if (busy_ratio > WIRE_TIME_TIGHT) {
		verdict = busy_ratio > 1.0 ? "the intervals cannot be kept" : "tight: a slow answer costs a poll";
	}
	snprintf(buf, size, "busy %.0f %% of the time when all answer at once: %s", 100.0 * busy_ratio, verdict);
	return buf;
}
