/* link_internal.h - the inside of struct link; for link.c and link_exchange.c only. Only the worker's thread uses it,
 * except for the atomic members and the members that the lock guards. */
#ifndef EMIS_DAEMON_MODBUS_LINK_INTERNAL_H
#define EMIS_DAEMON_MODBUS_LINK_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/modbus/blocks.h"
#include "daemon/modbus/bus.h"
#include "daemon/modbus/link.h"

#define ALIVE_MS 10000 /* longer than any wait for an answer */

struct poller {
	size_t instrument;
	int64_t due_ms; /* of the next poll; clock_mono() */
	struct backoff backoff;
	bool silent; /* did not answer the last poll */
	bool slowed; /* asked less often: silent, or its failures make the others on the line wait for a silence */
	bool replan; /* after a new connection: the next poll starts from the profile's plan */
	struct blocks blocks;
	struct answer *answers;  /* by planned request, merged from the answers to its blocks */
	int64_t *request_due_ms; /* by planned request: slow registers are not read before; clock_mono() */
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

	/* used by the worker only */
	struct bus *bus;
	struct backoff backoff;
	int64_t connect_due_ms; /* no attempt to connect before; clock_mono() */
	const struct poller *last_asked;
	bool ever_connected;
	bool renewing; /* the last connection worked and is being replaced: what is known of the devices still holds */
	unsigned silences;       /* questions in a row without an answer, on this connection, to any instrument */
	int64_t window_start_ms; /* real monotonic */
	int64_t window_busy_us;

	pthread_mutex_t lock; /* of status and the pollers' stats */
	struct link_status status;
	int64_t retry_at_ms; /* of the next attempt to connect; clock_mono() */
};

/* Promises that the worker is alive for `ms` more of real time, whatever it waits for. */
void link_promise_alive(struct link *link, int64_t ms);

/* Connects unless the link is connected or the wait after a failure is not over. False while there is no connection. */
bool link_ensure_connected(struct link *link);
void link_disconnect(struct link *link);

/* Asks one question, with the profile's retries, and counts the outcome. All of ret_answer is always set. */
void link_exchange(struct link *link, struct poller *poller, const struct request *request, struct answer *ret_answer);

/* True for a time-out and for a broken answer: the instrument is not there, or the line is bad. */
bool link_is_silence(enum answer_result result);

#endif
