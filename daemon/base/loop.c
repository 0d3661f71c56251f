#include "daemon/base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "common/log.h"

struct loop {
	sd_event *event;
};

struct loop_io {
	sd_event_source *source;
	void (*callback)(void *context, int fd, uint32_t events);
	void *context;
};

struct loop_timer {
	sd_event_source *source;
	void (*callback)(void *context);
	void *context;
};

struct loop *loop_create(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop && sd_event_new(&loop->event) < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_destroy(struct loop *loop)
{
	if (loop) {
		sd_event_unref(loop->event);
		free(loop);
	}
}

/* Many daemons reload their configuration at SIGHUP. emisd does not, so it says so. */
static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	(void)source;
	(void)info;
	(void)context;
	log_warning(
		"SIGHUP: the configuration is read at the start only; check it with emisd --check, then restart emisd");
	return 0;
}

int loop_catch_signals(struct loop *loop)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	int r = -pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (r == 0) {
		r = sd_event_add_signal(loop->event, NULL, SIGTERM, NULL, NULL); /* NULL: sd-event exits the loop */
	}
	if (r >= 0) {
		r = sd_event_add_signal(loop->event, NULL, SIGINT, NULL, NULL);
	}
	if (r >= 0) {
		r = sd_event_add_signal(loop->event, NULL, SIGHUP, on_hangup, NULL);
	}
	return r < 0 ? r : 0;
}

int loop_run(struct loop *loop)
{
	int r = sd_event_loop(loop->event);

	return r < 0 ? r : 0;
}

void loop_stop(struct loop *loop, int result)
{
	(void)sd_event_exit(loop->event, result); /* fails only when the loop is exiting already */
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct loop_io *io = userdata;

	(void)source;
	io->callback(io->context, fd, events);
	return 0;
}

struct loop_io *loop_add_io(struct loop *loop, int fd, uint32_t events,
	void (*callback)(void *context, int fd, uint32_t events), void *context)
{
	struct loop_io *io = calloc(1, sizeof(*io));

	if (!io) {
		return NULL;
	}
	io->callback = callback;
	io->context = context;
	if (sd_event_add_io(loop->event, &io->source, fd, events, on_io, io) < 0) {
		free(io);
		return NULL;
	}
	return io;
}

void loop_change_io(struct loop_io *io, uint32_t events)
{
	(void)sd_event_source_set_io_events(io->source, events); /* cannot fail: the source exists */
}

void loop_remove_io(struct loop_io *io)
{
	if (io) {
		sd_event_source_disable_unref(io->source);
		free(io);
	}
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct loop_timer *timer = userdata;

	(void)source;
	(void)usec;
	timer->callback(timer->context);
	return 0;
}

struct loop_timer *loop_add_timer(struct loop *loop, void (*callback)(void *context), void *context)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer) {
		return NULL;
	}
	timer->callback = callback;
	timer->context = context;
	if (sd_event_add_time(loop->event, &timer->source, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer, timer) < 0) {
		free(timer);
		return NULL;
	}
	return timer;
}

void loop_set_timer(struct loop_timer *timer, int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 + 1 : 0;

	(void)sd_event_source_set_time_relative(timer->source, us); /* cannot fail: the source exists */
	(void)sd_event_source_set_enabled(timer->source, SD_EVENT_ONESHOT);
}

void loop_remove_timer(struct loop_timer *timer)
{
	if (timer) {
		sd_event_source_disable_unref(timer->source);
		free(timer);
	}
}
