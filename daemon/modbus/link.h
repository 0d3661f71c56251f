/* link.h - one worker thread per Modbus link: connects, reads, reports, never writes.
 *
 * The worker polls its instruments by their own intervals and posts one report per read to the mailbox.
 * A link that fails reconnects with backoff; an instrument that is silent is asked ever less often, and
 * its neighbours on the bus keep their turn. Nothing but function codes 1 to 4 leaves. */
#ifndef EMIS_DAEMON_MODBUS_LINK_H
#define EMIS_DAEMON_MODBUS_LINK_H

#include "core/decode.h"
#include "daemon/base/clock.h"
#include "daemon/base/mailbox.h"
#include "daemon/conf/site.h"
#include "daemon/modbus/poll_stats.h"

/* The outcome of one planned read. When the device refuses a part of it, the rest is read without that part and
 * the answer says which registers are missing. */
struct link_report {
	size_t instrument; /* index in site->instruments */
	size_t request;    /* index in its profile's requests */
	bool last;         /* of this poll of the instrument */
	struct mono at;    /* the moment of the answer, or of giving up; what time that was, the main loop says */
	struct answer answer;
};

enum link_state { LINK_CONNECTING, LINK_UP, LINK_DOWN };

/* What operators see of a link; a copy. */
struct link_status {
	enum link_state state;
	uint64_t requests;
	uint64_t failures;
	uint64_t reconnects;
	double load;      /* share of the last minute in which the link was busy; NAN in the first minute */
	unsigned silent;  /* instruments that did not answer their last poll */
	int64_t retry_ms; /* until the next attempt to connect, in the plant's time; 0 while up */
	struct answer last_failure;
	int connect_errno; /* why connecting failed; 0 */
};

struct link;

/* `site`, `clock` and `box` are borrowed for the link's life. Starts the worker. NULL, with errno set,
 * when that fails. */
struct link *link_start(const struct site *site, size_t index, const struct clock *clock, struct mailbox *box);

/* Asks the worker to end; link_join() then waits for it until real monotonic `deadline_ms`. False when it did
 * not end in time (it hangs in a read): the link must then be left alone. */
void link_stop(struct link *link);
bool link_join(struct link *link, int64_t deadline_ms);
void link_destroy(struct link *link);

void link_get_status(struct link *link, struct link_status *ret_status);

/* Of an instrument of this link, by its index in site->instruments. False when it is none of this link's. */
bool link_get_stats(struct link *link, size_t instrument, struct poll_stats *ret_stats);

/* Real monotonic milliseconds until which the worker vouches to be alive; for the watchdog. */
int64_t link_alive_until(const struct link *link);

#endif
