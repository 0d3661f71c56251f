/* late_peer.h - a Modbus device whose right answers come late, after all kinds of other answers: for test_late.c.
 *
 * The device serves one line on its own thread. Register A of unit U always holds late_register(U, A), so that a
 * value of another register or unit is recognised. An answer is never sent later than twice the time-out after its
 * request: if the machine was slower than that, the answer is not sent at all. */
#ifndef EMIS_TESTS_UNIT_LATE_PEER_H
#define EMIS_TESTS_UNIT_LATE_PEER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/modbus/link.h"

#define LATE_PENDING 16
#define LATE_FRAME 64

struct late_frame {
	int64_t due_ns;
	int64_t too_late_ns;
	unsigned connection; /* send only on this connection; 0 = on any */
	size_t size;
	uint8_t bytes[LATE_FRAME];
};

struct late_peer {
	bool tcp;     /* MBAP frames; otherwise RTU frames */
	bool own_ids; /* answers with its own transaction ids */
	int listener; /* -1 for a serial line */
	int fd;       /* the connection, or the master of the pseudo-terminal; -1 = none */
	int64_t timeout_ms;
	const struct link *link; /* the link that sends requests; it gives the time of sending */
	uint64_t random;
	uint16_t id; /* the next id, with own_ids */
	uint8_t in[256];
	size_t n_in;
	struct late_frame pending[LATE_PENDING];
	size_t n_pending;
	unsigned connections;
	unsigned late; /* answers that were sent after another answer or after the time-out */
	atomic_bool stop;
	pthread_t thread;
};

uint16_t late_register(int unit, unsigned address);

/* True when the thread runs. The caller fills in `peer` except fd (TCP), pending and thread. */
bool late_peer_start(struct late_peer *peer);
void late_peer_stop(struct late_peer *peer);

/* xorshift */
uint64_t late_random(uint64_t *state);

#endif
