#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "daemon/base/notify.h"
#include "daemon/config_audit.h"
#include "daemon/health.h"
#include "daemon/store/alarm.h"
#include "daemon/store/audit.h"
#include "daemon/store/check.h"
#include "daemon/store/raw.h"
#include "daemon/store/space.h"
#include "daemon/timekeeper.h"

#define MAILBOX_ROOM 1024
#define REPORTS_PER_TURN 256 /* taken at once; then the loop serves its other sources */
#define STOP_LINKS_MS 1000   /* this and STOP_BROKER_MS are parts of the two seconds that stopping may take */
#define STOP_BROKER_MS 500
#define ROOM_EVERY_S 10

/* ---- retained states for late joiners ---- */

static size_t number_of_points(const struct site *site)
{
	size_t n = 0;

	for (size_t o = 0; o < site->n_outlets; o++) {
		n += site->outlets[o].n_points;
	}
	return n;
}

/* For struct outbox_handler: `index` counts the points of all outlets; one more is the health message. */
static char *compose_state(void *context, size_t index, char *topic)
{
	struct daemon *d = context;
	struct point_view view;
	size_t o = 0;

	while (o < d->site->n_outlets && index >= d->site->outlets[o].n_points) {
		index -= d->site->outlets[o++].n_points;
	}
	if (o == d->site->n_outlets) {
		const struct health_sources sources = { &d->context, d->store, d->outbox, d->links, d->n_links,
			timekeeper_clock_state(&d->keeper), d->started };
		return health_compose(&sources, topic);
	}
	const struct outlet *outlet = &d->site->outlets[o];
	pipeline_view(d->keeper.pipeline, o, index, clock_utc(&d->clock), &view);
	message_state_topic(&d->context, outlet, &outlet->points[index], topic);
	return message_state(&d->context, outlet, &outlet->points[index], &view);
}

static void on_health(void *context)
{
	struct daemon *d = context;

	outbox_publish_health(d->outbox);
	loop_set_timer(d->health_timer, d->site->mqtt.health_ms * 1000000);
}

static void on_parked(void *context, int64_t id, const char *reason)
{
	struct daemon *d = context;

	gateway_raise(d->gateway, GATEWAY_MESSAGE_PARKED,
		"message %lld was set aside: %s; emisctl outbox lists it, emisctl release sends it again",
		(long long)id, reason);
}

static void on_waiting(void *context, const char *reason)
{
	struct daemon *d = context;

	if (reason) {
		gateway_raise(d->gateway, GATEWAY_MESSAGES_WAIT,
			"the broker refuses messages: %s; they are tried again; emisctl outbox lists them", reason);
	} else {
		gateway_clear(d->gateway, GATEWAY_MESSAGES_WAIT);
	}
}

static void on_rival(void *context, const char *words)
{
	struct daemon *d = context;

	gateway_raise(d->gateway, GATEWAY_SESSION_TAKEN, "%s", words);
}

/* ---- stepping the pipeline ---- */

static void arm_step_timer(struct daemon *d)
{
	int64_t ahead = pipeline_due(d->keeper.pipeline).ms - clock_utc(&d->clock).ms;

	/* In real time, wake at least once a second: the wall clock may have been set. */
	ahead = ahead > SECOND_MS && !d->clock.simulated ? SECOND_MS : ahead;
	loop_set_timer(d->step_timer, clock_real_ns(&d->clock, ahead < MINUTE_MS ? ahead : MINUTE_MS));
}

/* Closes and judges the periods that have ended, commits the results, and lets the outbox send messages. */
static void step_pipeline(struct daemon *d)
{
	struct pipeline_sink sink = recorder_sink(d->recorder);
	struct utc now = clock_utc(&d->clock);
	bool stepped = false, hour = false;
	int64_t seq = store_next_seq(d->store);

	if (!d->clock.simulated && clock_watch_has_jumped(&d->keeper.watch, now, clock_mono(&d->clock))) {
		/* The pipeline would close every minute between the old and the new time, for example since 1970. The
		 * step timer calls timekeeper_check_clock() within a second. */
		return;
	}
	if (!timekeeper_judges(&d->keeper)) {
		while (pipeline_step(d->keeper.pipeline, now, &sink)) { /* this pipeline reports nothing */
		}
		return;
	}
	while (pipeline_step(d->keeper.pipeline, now, &sink)) {
		struct utc until = pipeline_closed_until(d->keeper.pipeline);
		stepped = true;
		hour |= time_floor(until, HOUR_MS, d->site->judging.offset_min).ms == until.ms;
		(void)recorder_commit(d->recorder, until, false); /* logged there; the next commit tries again */
	}
	if (!stepped) {
		return;
	}
	outbox_periods_closed(d->outbox);
	if (hour || store_next_seq(d->store) != seq) {
		outbox_publish_states(d->outbox);
	}
	arm_step_timer(d);
}

/* Raises the conditions that the store reports, and commits all conditions of the box. */
static void report_conditions(struct daemon *d)
{
	unsigned damages;
	const char *words = store_damage(d->store, &damages);

	for (; d->reported_damages < damages; d->reported_damages++) {
		gateway_raise(d->gateway, GATEWAY_STORE_DAMAGE, "%s", words);
	}
	if (store_raw_dropped(d->store) > d->reported_dropped) {
		d->reported_dropped = store_raw_dropped(d->store);
		gateway_raise(d->gateway, GATEWAY_READINGS_DROPPED,
			"%llu readings were dropped since the start, because they could not be written for too long; "
			"check the disk",
			(unsigned long long)d->reported_dropped);
	}
	if (gateway_commit(d->gateway)) {
		outbox_send_new(d->outbox);
	}
}

static void on_step_timer(void *context)
{
	struct daemon *d = context;

	if (!timekeeper_check_clock(&d->keeper)) {
		log_error(
			"cannot rebuild the open periods; exiting so that the next start rebuilds them from the store");
		loop_stop(d->loop, -EIO);
		return;
	}
	step_pipeline(d);
	if (timekeeper_judges(&d->keeper) && recorder_retry(d->recorder, pipeline_closed_until(d->keeper.pipeline))) {
		outbox_send_new(d->outbox);
	}
	report_conditions(d);
	arm_step_timer(d);
}

static void on_batch_timer(void *context)
{
	struct daemon *d = context;

	/* Failures of both are logged there; the next batch tries again. */
	(void)recorder_flush_raw(d->recorder);
	if (timekeeper_judges(&d->keeper) &&
		recorder_finish_raw(d->recorder, pipeline_closed_until(d->keeper.pipeline)) == 1) {
		outbox_send_new(d->outbox);
	}
	loop_set_timer(d->batch_timer, d->site->store.batch_ms * 1000000);
}

/* Runs every ROOM_EVERY_S of real time, also when time is simulated: the disk fills in real time. */
static void on_room_timer(void *context)
{
	struct daemon *d = context;
	bool was_low = store_space_low(d->store);

	if (d->check && !store_check_step(d->check)) {
		store_check_end(d->check);
		d->check = NULL;
	}
	if (store_keep_room(d->store) < 0) {
		log_error("%s", store_error(d->store));
	}
	if (store_space_low(d->store)) {
		gateway_raise(d->gateway, GATEWAY_DISK_LOW,
			"the disk of %s has less free space than the configured reserve: readings wait in memory, "
			"alarms are still sent; free some space",
			d->site->store.path);
	} else {
		gateway_clear(d->gateway, GATEWAY_DISK_LOW);
	}
	if (store_is_read_only(d->store) != d->logged_read_only) {
		d->logged_read_only = !d->logged_read_only;
		log_error("the disk of %s is %s", d->site->store.path,
			d->logged_read_only ? "read-only: nothing can be stored or sent; look at the kernel's log"
					    : "writable again");
	}
	if (store_space_low(d->store) != was_low) {
		log_warning("the disk of %s has %s", d->site->store.path,
			was_low ? "room again"
				: "less free space than the configured reserve: readings wait in memory, alarms are "
				  "still sent; free some space");
	}
	loop_set_timer(d->room_timer, (int64_t)ROOM_EVERY_S * SECOND_MS * 1000000);
}

static void on_reports(void *context, int fd, uint32_t events)
{
	struct daemon *d = context;
	struct link_report report;

	(void)fd;
	(void)events;
	for (int i = 0; i < REPORTS_PER_TURN && mailbox_take(d->box, &report); i++) {
		step_pipeline(d);
		acquire_take_report(d->acquire, &report);
	}
}

/* ---- watchdog ---- */

/* Keeps systemd's watchdog quiet while all link workers are alive. When a worker hangs longer than it announced, the
 * watchdog is left to restart emisd. */
static void on_watchdog(void *context)
{
	struct daemon *d = context;
	int64_t now = clock_real_mono_ms();
	bool alive = true;

	for (size_t i = 0; i < d->n_links; i++) {
		if (link_alive_until(d->links[i]) < now) {
			log_error("link %s: its worker hangs in a read; the watchdog will restart emisd",
				d->site->links[i].name);
			alive = false;
		}
	}
	if (alive) {
		notify_alive();
	}
	loop_set_timer(d->watchdog_timer, notify_watchdog_ms() * 1000000 / 3);
}

/* ---- start and stop ---- */

static int start_links(struct daemon *d)
{
	d->links = calloc(d->site->n_links + 1, sizeof(struct link *));
	if (!d->links) {
		return -ENOMEM;
	}
	for (; d->n_links < d->site->n_links; d->n_links++) {
		d->links[d->n_links] = link_start(d->site, d->n_links, &d->clock, d->box);
		if (!d->links[d->n_links]) {
			log_error("link %s: cannot start its worker: %s", d->site->links[d->n_links].name,
				strerror(errno));
			return -errno;
		}
	}
	return 0;
}

static int start_timers(struct daemon *d)
{
	d->box_io = loop_add_io(d->loop, mailbox_fd(d->box), EPOLLIN, on_reports, d);
	d->step_timer = loop_add_timer(d->loop, on_step_timer, d);
	d->batch_timer = loop_add_timer(d->loop, on_batch_timer, d);
	d->room_timer = loop_add_timer(d->loop, on_room_timer, d);
	d->health_timer = loop_add_timer(d->loop, on_health, d);
	d->watchdog_timer = loop_add_timer(d->loop, on_watchdog, d);
	if (!d->box_io || !d->step_timer || !d->batch_timer || !d->room_timer || !d->health_timer ||
		!d->watchdog_timer) {
		log_error("out of memory or descriptors");
		return -ENOMEM;
	}
	arm_step_timer(d);
	loop_set_timer(d->batch_timer, 0);
	loop_set_timer(d->room_timer, 0);
	if (d->site->mqtt.health_ms > 0) {
		loop_set_timer(d->health_timer, d->site->mqtt.health_ms * 1000000);
	}
	if (notify_watchdog_ms() > 0) {
		loop_set_timer(d->watchdog_timer, 0);
	}
	return 0;
}

/* Starts all that needs no thread and no device: the store, the pipeline with its open periods, the outbox. */
static int start_core(struct daemon *d)
{
	char error[1500];

	d->loop = loop_create();
	d->box = mailbox_create(MAILBOX_ROOM, sizeof(struct link_report));
	if (!d->loop || !d->box || loop_catch_signals(d->loop) < 0) {
		log_error("out of memory or descriptors");
		return -ENOMEM;
	}
	d->store = store_open(d->site, &d->clock, error, sizeof(error));
	if (!d->store) {
		log_error("%s", error);
		return -EIO;
	}
	if (store_audit(d->store, "emisd", "start", "", EMISD_VERSION) < 0) {
		log_error("cannot write the start into the audit log: %s; check the disk of the store",
			store_error(d->store));
		return -EIO;
	}
	if (config_audit(d->site, d->store) < 0) {
		log_error("cannot write the changed settings into the audit log: %s; check the disk of the store",
			store_error(d->store));
		return -EIO;
	}
	if (store_check_start(d->store, &d->check) < 0) {
		log_warning("the files of readings are not checked after the unclean stop: out of memory");
	}
	d->gateway = gateway_create(&d->context, d->store);
	d->recorder = recorder_create(&d->context, d->store);
	d->acquire = acquire_create(d->site, d->store);
	if (!d->gateway || !d->recorder || !d->acquire) {
		log_error("out of memory");
		return -ENOMEM;
	}
	if (gateway_restore(d->gateway) < 0) {
		log_error("cannot read the alarms of the box from the store: %s", store_error(d->store));
		return -EIO;
	}
	d->keeper = (struct timekeeper){ .site = d->site,
		.clock = &d->clock,
		.store = d->store,
		.gateway = d->gateway,
		.recorder = d->recorder,
		.acquire = d->acquire };
	int r = timekeeper_start(&d->keeper);
	if (r < 0) {
		return r; /* logged in timekeeper_start() */
	}
	const struct outbox_setup outbox = { &d->context, d->store, d->loop,
		{ compose_state, on_parked, on_waiting, on_rival, d, number_of_points(d->site) } };
	d->outbox = outbox_create(&outbox, error, sizeof(error));
	if (!d->outbox) {
		log_error("%s", error);
		return -EIO;
	}
	return 0;
}

int daemon_start(struct daemon *d, const struct site *site, const struct clock *clock)
{
	memset(d, 0, sizeof(*d));
	d->site = site;
	d->clock = *clock;
	d->context = (struct message_context){ site, &d->clock };
	d->started = clock_mono(&d->clock);
	int r = start_core(d);
	r = r == 0 ? start_timers(d) : r;
	return r == 0 ? start_links(d) : r;
}

int daemon_run(struct daemon *d)
{
	log_info("%s: %zu outlets, %zu instruments on %zu links%s", d->site->id, d->site->n_outlets,
		d->site->n_instruments, d->site->n_links, d->clock.simulated ? "; time is simulated" : "");
	notify_ready("acquiring");
	return loop_run(d->loop);
}

static bool stop_links(struct daemon *d)
{
	int64_t deadline = clock_real_mono_ms() + STOP_LINKS_MS;
	bool all = true;

	for (size_t i = 0; i < d->n_links; i++) {
		link_stop(d->links[i]);
	}
	if (d->box) {
		mailbox_close(d->box);
	}
	for (size_t i = 0; i < d->n_links; i++) {
		if (link_join(d->links[i], deadline)) {
			link_destroy(d->links[i]);
		} else {
			log_warning("link %s: still waits for a device; ending without it", d->site->links[i].name);
			all = false;
		}
	}
	free(d->links);
	d->links = NULL;
	d->n_links = 0;
	return all;
}

/* Takes the reports that are left in the mailbox, so that their readings are stored. */
static void drain_reports(struct daemon *d)
{
	struct link_report report;

	while (d->acquire && mailbox_take(d->box, &report)) {
		step_pipeline(d);
		acquire_take_report(d->acquire, &report);
	}
}

bool daemon_stop(struct daemon *d)
{
	notify_stopping();
	bool all = stop_links(d);
	if (d->outbox) {
		drain_reports(d);
	}
	loop_remove_io(d->box_io);
	loop_remove_timer(d->step_timer);
	loop_remove_timer(d->batch_timer);
	loop_remove_timer(d->room_timer);
	loop_remove_timer(d->health_timer);
	loop_remove_timer(d->watchdog_timer);
	if (d->keeper.pipeline &&
		(timekeeper_judges(&d->keeper)
				? recorder_commit(d->recorder, pipeline_closed_until(d->keeper.pipeline), true)
				: recorder_flush_raw(d->recorder)) == 0) {
		/* If this row cannot be stored, the audit log shows the next start without a stop before it. */
		(void)store_audit(d->store, "emisd", "stop", "", "");
	}
	bool quiet = outbox_finish(d->outbox, STOP_BROKER_MS);
	acquire_destroy(d->acquire);
	timekeeper_finish(&d->keeper);
	recorder_destroy(d->recorder);
	gateway_destroy(d->gateway);
	store_check_end(d->check);
	store_close(d->store);
	if (all) {
		mailbox_destroy(d->box);
	}
	loop_destroy(d->loop);
	return all && quiet;
}
