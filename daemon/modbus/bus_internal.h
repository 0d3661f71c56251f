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
	modbus_t *modbus;      /* RTU and RTU over TCP; NULL while not connected */
	int fd;                /* Modbus TCP; -1 while not connected */
	int64_t quiet_ns;      /* the last byte went or came then; monotonic */
	int64_t owed_until_ns; /* without ids: no question before; 0 = nothing is owed */
	unsigned careful;      /* without ids: so many more right answers owe a silence, too, in case a copy follows */
	unsigned answered;     /* questions on this connection */
	bool served;           /* this connection had answered before the last question */
	bool misframed;        /* the last answer did not begin where a frame must begin */
	unsigned discarded;    /* frames, during the last question */
	bool received;         /* a byte, during the last question */
	uint16_t transaction;  /* of the last question; goes on over connections */
	uint8_t right[TCP_FRAME_SIZE]; /* without ids: the last right answer, as it came */
	size_t n_right;                /* 0: the last answer was not right */
	uint8_t stray[TCP_FRAME_SIZE]; /* what came behind it */
	size_t n_stray;
	uint8_t in[TCP_FRAME_SIZE];
	size_t n_in; /* received and not yet looked at */
};

/* ---- bus_tcp.c ---- */

/* The socket, connected and blocking; tries the addresses of a name one after the other. -1 with errno. */
int bus_tcp_connect(const struct link_conf *conf);

/* Asks once by Modbus TCP; `ret_answer` starts as ANSWER_BROKEN. */
void bus_tcp_ask(struct bus *bus, int unit, const struct request *request, const struct bus_timing *timing,
	struct answer *ret_answer);

/* ---- bus_pdu.c ---- */

int64_t bus_now_ns(void);
struct timespec bus_timespec(int64_t ns);

/* What unit id, function and so on say to the question. ANSWER_BROKEN: it is no answer to it. */
enum answer_result bus_check_pdu(
	int unit, const struct request *request, const uint8_t *pdu, size_t size, struct answer *answer);

/* The question as sent, from the unit id on: 6 bytes. */
void bus_question(int unit, const struct request *request, uint8_t *ret_bytes);

#endif
