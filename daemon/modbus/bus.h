/* bus.h - the way to Modbus devices: asks one question at a time and believes only its answer.
 *
 * TCP, RTU on a serial port, and RTU frames over TCP (serial servers, transparent DTUs). It can send nothing but
 * reads: function codes 1 to 4. For the worker of a link and for emisd --probe; one thread per bus.
 *
 * What keeps a late answer from passing for the next one:
 * - Modbus TCP: every question carries an id of its own, counted, never 0. Only the frame with this id and the unit,
 *   function and length of the question is its answer. A frame with another id is dropped and counted, and waiting goes
 *   on; one with this id that is wrong in anything else ends the question.
 * - RTU, RTU over TCP, and Modbus TCP with transaction_ids = "ignored" have no such mark. After anything but a complete
 *   right answer the next question waits until the line has been silent for the slowest answer of the bus, also
 *   when the connection was made anew in between. */
#ifndef EMIS_DAEMON_MODBUS_BUS_H
#define EMIS_DAEMON_MODBUS_BUS_H

#include "core/decode.h"
#include "daemon/conf/link_conf.h"

struct bus;

/* Times of an instrument; milliseconds of real time. */
struct bus_timing {
	int64_t timeout_ms;      /* for a whole answer */
	int64_t byte_timeout_ms; /* serial: between two bytes; 0 = only the above */
};

/* Not connected yet. `conf` is borrowed for the life of the bus. `slowest_ms` is the longest time-out of all
 * instruments on it. `stop_fd` becomes readable when waiting shall end; -1 = never. NULL when out of memory. */
struct bus *bus_create(const struct link_conf *conf, int64_t slowest_ms, int stop_fd);
void bus_destroy(struct bus *bus);

/* Connects within conf->timeout_ms per address. False with errno: EBUSY when another process holds the serial port. */
bool bus_connect(struct bus *bus);
bool bus_is_connected(const struct bus *bus);
void bus_disconnect(struct bus *bus);

/* To be called before each question: makes sure that the next bytes can be its answer. Without ids it waits for the
 * silence that the last question left owing, at most ten times the slowest time-out. TROUBLE_NONE: ask.
 * TROUBLE_CLOSED: the other side ended the connection. TROUBLE_STALE: bytes that nobody asked for, or no silence. After
 * either, a new connection helps; TROUBLE_STALE on a connection that was just made leaves the bytes dropped. */
enum answer_trouble bus_clear(struct bus *bus);

/* Asks once; ret_answer is set whole. */
void bus_ask(struct bus *bus, int unit, const struct request *request, const struct bus_timing *timing,
	struct answer *ret_answer);

/* After an answer: only a new connection makes sure that the next question gets its own answer. */
bool bus_needs_reconnect(const struct bus *bus, const struct answer *answer);

/* True when what spoilt the last answer began before its question, on a connection that had served until then: the
 * other side ended it, or bytes behind an earlier answer stood in the way. The question is worth asking again at once
 * on a new connection. */
bool bus_spoilt_before(const struct bus *bus, const struct answer *answer);

/* Frames that were no answer to the last question and were dropped while waiting for it. */
unsigned bus_discarded(const struct bus *bus);

/* Waits until `ms` have gone by since the last byte on the bus. */
void bus_rest(struct bus *bus, int64_t ms);

#endif
