/* daemon.h - the running emisd: main.c starts it, and the commands of the control socket read it. Main loop only. */
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
	struct store_check *check; /* of the files of readings after an unclean stop; NULL when it is done */
	struct gateway *gateway;
	struct timekeeper keeper;  /* owns the pipeline */
	unsigned reported_damages; /* how many of store_damage() were reported */
	bool logged_read_only;     /* the log says that the disk is read-only */
	uint64_t reported_dropped; /* how many of store_raw_dropped() were reported */
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

/* Starts everything but the control socket, each part after the parts that it needs. `site` is borrowed, `clock` is
 * copied. 0, or -errno after a line in the log; call daemon_stop() in either case. */
int daemon_start(struct daemon *daemon, const struct site *site, const struct clock *clock);

/* Tells systemd that emisd is ready, and runs until a signal. 0 or -errno. */
int daemon_run(struct daemon *daemon);

/* Stops everything in the reverse order, in less than two seconds even while a device hangs. True when all threads
 * ended and all memory is free. False: a thread still uses memory of this process; call _exit() at once. */
bool daemon_stop(struct daemon *daemon);

#endif
