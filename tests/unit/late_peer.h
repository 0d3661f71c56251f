/* late_peer.h - a Modbus device whose answers come late, after every other answer that there is: for test_late.c.
 *
 * Serves one line, on a thread of its own. Register A of unit U always holds late_register(U, A), so that a value of
 * another register or unit shows. An answer never leaves later than twice the time-out after its question: when the
 * machine was slower than that, it does not leave at all. */
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
	unsigned connection; /* only on this one; 0 = on any */
	size_t size;
	uint8_t bytes[LATE_FRAME];
};

struct late_peer {
	bool tcp;     /* MBAP frames; else RTU */
	bool own_ids; /* answers with ids of its own */
	int listener; /* -1: a serial line */
	int fd;       /* of the connection, or the master of the pseudo terminal; -1 = none */
	int64_t timeout_ms;
	const struct link *link; /* who asks; tells when it did */
	uint64_t random;
	uint16_t id; /* own_ids: the next */
	uint8_t in[256];
	size_t n_in;
	struct late_frame pending[LATE_PENDING];
	size_t n_pending;
	unsigned connections;
	unsigned late; /* answers that left after something else or after the time-out */
	atomic_bool stop;
	pthread_t thread;
};

uint16_t late_register(int unit, unsigned address);

/* True with a thread that runs. `peer` must be filled in but for fd (TCP), pending and thread. */
bool late_peer_start(struct late_peer *peer);
void late_peer_stop(struct late_peer *peer);

/* xorshift */
uint64_t late_random(uint64_t *state);

#endif
