/* link.h - one worker thread per Modbus link: connects, reads, reports, never writes.
 *
 * The worker polls each instrument at its own interval and posts one report per read to the mailbox. A failed link
 * reconnects after growing waits. A silent instrument is asked at growing intervals, so that the other instruments on
 * the bus keep theirs. The worker sends only function codes 1 to 4. */
#ifndef EMIS_DAEMON_MODBUS_LINK_H
#define EMIS_DAEMON_MODBUS_LINK_H

#include "core/decode.h"
#include "daemon/base/clock.h"
#include "daemon/base/mailbox.h"
#include "daemon/conf/site.h"
#include "daemon/modbus/poll_stats.h"

/* The outcome of one planned read. When the device refuses some of its registers, the others are read without them, and
 * the answer says which registers are missing. */
struct link_report {
	size_t instrument; /* index in site->instruments */
	size_t request;    /* index in its profile's requests */
	bool last;         /* the last report of this poll of the instrument */
	struct mono at;    /* when the answer came or the worker gave up; the main loop finds the wall-clock time */
	struct answer answer;
};

enum link_state { LINK_CONNECTING, LINK_UP, LINK_DOWN };

/* The state of a link for operators; a copy. */
struct link_status {
	enum link_state state;
	uint64_t requests;
	uint64_t failures;
	uint64_t reconnects;
	double load;      /* fraction of the last minute in which the link was busy; NAN in the first minute */
	unsigned silent;  /* instruments that did not answer their last poll */
	int64_t retry_ms; /* until the next attempt to connect, in the plant's time; 0 while up */
	struct answer last_failure;
	int connect_errno; /* why the last attempt to connect failed; 0 = it did not fail */
};

struct link;

/* Starts the worker of site->links[index]. `site`, `clock` and `box` are borrowed for the link's life. NULL, with errno
 * set, when the start fails. */
struct link *link_start(const struct site *site, size_t index, const struct clock *clock, struct mailbox *box);

/* link_stop() asks the worker to end; link_join() then waits for the end until `deadline_ms` (real, monotonic). False
 * when the worker did not end in time because it hangs in a read: the link must then be left alone, not destroyed. */
void link_stop(struct link *link);
bool link_join(struct link *link, int64_t deadline_ms);
void link_destroy(struct link *link);

void link_get_status(struct link *link, struct link_status *ret_status);

/* The counters of an instrument, by its index in site->instruments. False when the instrument is not on this link. */
bool link_get_stats(struct link *link, size_t instrument, struct poll_stats *ret_stats);

/* The time (real monotonic milliseconds) until which the worker promises to be alive; for the watchdog. */
int64_t link_alive_until(const struct link *link);

#endif
