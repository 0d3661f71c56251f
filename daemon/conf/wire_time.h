/* wire_time.h - how long reading takes on the wire, and whether a link can keep the configured intervals. Pure. */
#ifndef EMIS_DAEMON_CONF_WIRE_TIME_H
#define EMIS_DAEMON_CONF_WIRE_TIME_H

#include "daemon/conf/site.h"

#define WIRE_TIME_TIGHT 0.8 /* busy ratio above which a link is tight: time-outs and slow answers need the rest */

struct wire_cost {
	unsigned bytes;  /* question and answer, with addresses and checksums */
	int64_t wire_ns; /* on a serial line, with the silence after both frames; 0 for TCP */
};

/* The cost of one request on the wire. */
void wire_time_request(const struct link_conf *link, const struct request *request, struct wire_cost *ret_cost);

/* Seconds between two reads of a request. */
double wire_time_interval_s(const struct instrument_conf *instrument, const struct request *request);

/* The busy ratio of a link: the fraction of the time that the wire and the pauses of the profiles take when every
 * device answers at once. Above 1 the intervals cannot be kept. */
double wire_time_link(const struct site *site, size_t link);

/* The busy ratio in words: "busy 61 % of the time when all answer at once: can be kept". Returns buf. */
const char *wire_time_words(double busy_ratio, char *buf, size_t size);

#endif
