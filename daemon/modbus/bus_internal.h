/* bus_internal.h - the inside of struct bus; for bus.c, which speaks RTU by libmodbus, and bus_tcp.c, which opens
 * sockets and speaks Modbus TCP itself. */
#ifndef EMIS_DAEMON_MODBUS_BUS_INTERNAL_H
#define EMIS_DAEMON_MODBUS_BUS_INTERNAL_H

#include <time.h>

#include "daemon/modbus/bus.h"

#define MBAP_BYTES 6       /* transaction id, protocol id, length: before the unit id */
#define TCP_FRAME_SIZE 260 /* Modbus messaging on TCP/IP 1.0b, 4.1 */

typedef struct _modbus modbus_t;

struct bus {
	const struct link_conf *conf;
	int64_t slowest_ms;
	int stop_fd;
	modbus_t *modbus;        /* RTU and RTU over TCP; NULL while not connected */
	int fd;                  /* Modbus TCP; -1 while not connected */
	int64_t last_byte_ns;    /* when the last byte was sent or received; monotonic */
	int64_t silent_until_ns; /* without ids: no question before this time; 0 = no silence is required */
	unsigned copy_checks;    /* without ids: so many more right answers require a silence, too: a copy may follow */
	unsigned n_answered;     /* questions answered on this connection */
	bool answered_before;    /* this connection had answered before the last question */
	bool misframed;          /* the last answer did not begin where a frame must begin */
	unsigned discarded;      /* frames dropped during the last question */
	bool received;           /* a byte came during the last question */
	uint16_t transaction;    /* id of the last question; a new connection does not restart it */
	uint8_t last_answer[TCP_FRAME_SIZE]; /* without ids: the bytes of the last right answer */
	size_t n_last_answer;                /* 0: the last answer was not right */
	uint8_t stray[TCP_FRAME_SIZE];       /* the first bytes that came behind last_answer */
	size_t n_stray;
	uint8_t in[TCP_FRAME_SIZE];
	size_t n_in; /* bytes received and not yet examined */
};

/* ---- bus_tcp.c ---- */

/* Returns a connected, blocking socket; tries all addresses of a name one after the other. -1 with errno. */
int bus_tcp_connect(const struct link_conf *conf);

/* Sends the question once by Modbus TCP and waits for its answer. `ret_answer` must be set to ANSWER_BROKEN before. */
void bus_tcp_ask(struct bus *bus, int unit, const struct request *request, const struct bus_timing *timing,
	struct answer *ret_answer);

/* ---- bus_pdu.c ---- */

int64_t bus_now_ns(void);
struct timespec bus_timespec(int64_t ns);

/* Checks whether `pdu`, which begins with the unit id, answers the question. Fills the registers or the exception of
 * `answer`. ANSWER_BROKEN: the PDU does not answer the question. */
enum answer_result bus_check_pdu(
	int unit, const struct request *request, const uint8_t *pdu, size_t size, struct answer *answer);

/* Writes the question as it is sent, from the unit id on: 6 bytes. */
void bus_write_question(int unit, const struct request *request, uint8_t *ret_bytes);

#endif
