/* daemon.h - the running emisd: what main.c starts and the control socket asks. Main loop only. */
#ifndef EMIS_DAEMON_DAEMON_H
#define EMIS_DAEMON_DAEMON_H

#include "core/pipeline.h"
#include "daemon/acquire.h"
#include "daemon/base/loop.h"
#include "daemon/gateway.h"
#include "daemon/modbus/link.h"
#include "daemon/mqtt/message.h"
#include "daemon/mqtt/outbox.h"
#include "daemon/recorder.h"
#include "daemon/store/store.h"
#include "daemon/timekeeper.h"

struct store_check;

struct daemon {
	const struct site *site;
	struct clock clock;
	struct message_context context;
	struct loop *loop;
	struct store *store;
	struct store_check *check; /* NULL when it is done */
	struct gateway *gateway;
	struct timekeeper keeper; /* and with it the pipeline */
	unsigned told_damages;    /* of store_damage() */
	bool told_read_only;      /* the disk */
	uint64_t told_dropped;    /* of store_raw_dropped() */
	struct recorder *recorder;
	struct acquire *acquire;
	struct outbox *outbox;
	struct mono started;

	struct mailbox *box;
	struct loop_io *box_io;
	struct link **links; /* by index of the site's links */
	size_t n_links;
	struct loop_timer *step_timer;
	struct loop_timer *batch_timer;
	struct loop_timer *room_timer;
	struct loop_timer *health_timer;
	struct loop_timer *watchdog_timer;
};

/* Starts everything but the control socket, in the order in which it depends on each other. 0, or -errno after a line
 * in the log; call daemon_stop() in either case. `clock` is copied. */
int daemon_start(struct daemon *daemon, const struct site *site, const struct clock *clock);

/* Tells systemd that emisd is ready, and runs until a signal. 0 or -errno. */
int daemon_run(struct daemon *daemon);

/* Ends everything in the reverse order, in less than two seconds even while a device hangs. True when all threads
 * ended and all memory is free; otherwise the process must be left at once. */
bool daemon_stop(struct daemon *daemon);

#endif
