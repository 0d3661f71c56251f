/* bus.h - asks Modbus devices one question at a time and accepts only the answer to that question.
 *
 * TCP, RTU on a serial port, and RTU frames over TCP (serial servers, transparent DTUs). A bus sends only reads:
 * function codes 1 to 4. Used by the worker of a link and by emisd --probe; one thread per bus.
 *
 * A late answer must not be taken for the answer to the next question:
 * - Modbus TCP: every question carries its own transaction id, counted up, never 0. Only a frame with this id and with
 *   the unit, function and length of the question is its answer. A frame with another id is dropped and counted, and
 *   the bus waits on. A frame with this id that is wrong in anything else ends the question.
 * - RTU, RTU over TCP, and Modbus TCP with transaction_ids = "ignored" have no usable id. After anything but a complete
 *   right answer, the next question waits until the line has been silent for as long as the slowest answer of the bus
 *   may take. A new connection does not shorten this wait. */
#ifndef EMIS_DAEMON_MODBUS_BUS_H
#define EMIS_DAEMON_MODBUS_BUS_H

#include "core/decode.h"
#include "daemon/conf/link_conf.h"

struct bus;

/* Times of an instrument; milliseconds of real time. */
struct bus_timing {
	int64_t timeout_ms;      /* for a whole answer */
	int64_t byte_timeout_ms; /* serial: between two bytes; 0 = only timeout_ms applies */
};

/* Creates a bus that is not connected yet. `conf` is borrowed for the life of the bus. `slowest_ms` is the longest
 * time-out of all instruments on it. When `stop_fd` becomes readable, every wait ends; -1 = never. The caller keeps
 * `stop_fd`. NULL when out of memory. */
struct bus *bus_create(const struct link_conf *conf, int64_t slowest_ms, int stop_fd);
void bus_destroy(struct bus *bus);

/* Connects within conf->timeout_ms per address. False with errno: EBUSY when another process holds the serial port. */
bool bus_connect(struct bus *bus);
bool bus_is_connected(const struct bus *bus);
void bus_disconnect(struct bus *bus);

/* Call this before each question. Drops the bytes that arrived before, so that the next bytes can be the answer.
 * Without ids this function also waits for the silence that the last question requires, at most ten times the slowest
 * time-out, and once more when an old answer came meanwhile. TROUBLE_NONE: the question may be sent. TROUBLE_CLOSED:
 * the other side ended the connection. TROUBLE_STALE: bytes came that nobody asked for, or the line did not fall
 * silent. After either, a new connection helps. */
enum answer_trouble bus_clear(struct bus *bus);

/* Sends the question once and waits for its answer. All of ret_answer is always set. */
void bus_ask(struct bus *bus, int unit, const struct request *request, const struct bus_timing *timing,
	struct answer *ret_answer);

/* Call this after an answer. True when only a new connection makes sure that the next question gets its own answer. */
bool bus_needs_reconnect(const struct bus *bus, const struct answer *answer);

/* True when the last question failed for a reason older than the question, on a connection that had answered before:
 * the other side had ended the connection, or bytes behind an earlier answer came first. The caller should then ask
 * again at once, on a new connection. */
bool bus_failed_before_question(const struct bus *bus, const struct answer *answer);

/* The number of frames that were dropped during the last question because they did not answer it. */
unsigned bus_discarded(const struct bus *bus);

/* Waits until `ms` have passed since the last byte on the bus. */
void bus_wait_quiet(struct bus *bus, int64_t ms);

#endif
