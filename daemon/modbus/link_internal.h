/* link_internal.h - the inside of struct link; for link.c and link_exchange.c only. All on the worker's thread, but for
 * what the lock guards. */
#ifndef EMIS_DAEMON_MODBUS_LINK_INTERNAL_H
#define EMIS_DAEMON_MODBUS_LINK_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/modbus/blocks.h"
#include "daemon/modbus/bus.h"
#include "daemon/modbus/link.h"

#define VOUCH_MS 10000 /* longer than any wait for an answer */

struct poller {
	size_t instrument;
	int64_t due_ms; /* clock_mono() */
	struct backoff backoff;
	bool silent;
	bool slowed; /* asked less often: silent, or what it answers costs the others on the line a silence */
	bool afresh; /* a new connection: plan anew with the next poll */
	struct blocks blocks;
	struct answer *answers;  /* by planned request, put together from its parts */
	int64_t *request_due_ms; /* by planned request: those of slow registers rest; clock_mono() */
	struct poll_stats stats; /* under the link's lock */
};

struct link {
	const struct site *site;
	const struct link_conf *conf;
	const struct clock *clock;
	struct mailbox *box;
	struct poller *pollers;
	size_t n_pollers;
	int wake_fd;
	atomic_bool stop;
	_Atomic int64_t alive_until;
	pthread_t thread;

	/* the worker's own */
	struct bus *bus;
	struct backoff backoff;
	int64_t connect_due_ms;     /* clock_mono() */
	const struct poller *asked; /* the last one that was asked */
	bool ever_connected;
	bool renewing; /* the other side ended an orderly connection: what is known of the devices still holds */
	unsigned deaf; /* failures in a row of anybody */
	int64_t window_start_ms; /* real monotonic */
	int64_t window_busy_us;

	pthread_mutex_t lock; /* of status and the pollers' stats */
	struct link_status status;
	int64_t retry_at_ms;
};

/* The worker is well for `ms` more, whatever it waits for. */
void link_vouch(struct link *link, int64_t ms);

/* Connects if it is time to; false while there is no connection. */
bool link_ensure_connected(struct link *link);
void link_disconnect(struct link *link);

/* Asks one question, with the profile's retries, and counts it. */
void link_exchange(struct link *link, struct poller *poller, const struct request *request, struct answer *ret_answer);

/* Nothing came, or nothing of use: the instrument is not there, or the line is bad. */
bool link_is_silence(enum answer_result result);

#endif
