/* wire_time.h - what reading costs on the wire, and whether a link can keep the intervals that are asked of it. Pure.
 */
#ifndef EMIS_DAEMON_CONF_WIRE_TIME_H
#define EMIS_DAEMON_CONF_WIRE_TIME_H

#include "daemon/conf/site.h"

#define WIRE_TIME_TIGHT 0.8 /* time-outs and slow answers need the rest */

struct wire_cost {
	unsigned bytes;  /* question and answer, with addresses and checksums */
	int64_t wire_ns; /* on a serial line, with the silence after both frames; 0 for TCP */
};

void wire_time_request(const struct link_conf *link, const struct request *request, struct wire_cost *ret_cost);

/* How often a request is made. */
double wire_time_interval_s(const struct instrument_conf *instrument, const struct request *request);

/* The share of the time in which a link is busy when every device answers at once: the wire, and the pauses that the
 * profiles ask for. Above 1 the intervals cannot be kept. */
double wire_time_link(const struct site *site, size_t link);

/* "busy 61 % of the time when all answer at once: can be kept" */
const char *wire_time_words(double share, char *buf, size_t size);

#endif
