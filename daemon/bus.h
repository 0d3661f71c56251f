/* bus.h - one open connection to Modbus devices: asks one question at a time and believes only its answer.
 *
 * TCP, RTU on a serial port, and RTU frames over TCP (serial servers, transparent DTUs). The only file that knows
 * libmodbus. It can send nothing but reads: function codes 1 to 4. For the worker of a link and for emisd --probe;
 * one thread per bus. */
#ifndef EMIS_DAEMON_BUS_H
#define EMIS_DAEMON_BUS_H

#include "core/decode.h"
#include "daemon/link_conf.h"

struct bus;

/* Times of an instrument; milliseconds of real time. */
struct bus_timing {
	int64_t timeout_ms;      /* for a whole answer */
	int64_t byte_timeout_ms; /* serial: between two bytes; 0 = only the above */
};

/* Connects within conf->timeout_ms per address. `stop_fd` becomes readable when waiting shall end; -1 = never. NULL
 * with errno: EBUSY when another process holds the serial port. */
struct bus *bus_open(const struct link_conf *conf, int stop_fd);
void bus_close(struct bus *bus);

/* Asks once; ret_answer is set whole. */
void bus_ask(struct bus *bus, int unit, const struct request *request, const struct bus_timing *timing,
	struct answer *ret_answer);

/* After an answer that was none: makes sure that nothing late can pass for the next one. False when only a new
 * connection can. Waits up to ten time-outs on a line that does not fall silent. */
bool bus_settle(struct bus *bus, const struct bus_timing *timing);

/* Waits until `ms` have gone by since the last byte on the bus. */
void bus_rest(struct bus *bus, int64_t ms);

#endif
