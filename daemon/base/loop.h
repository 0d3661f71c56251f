/* loop.h - the main loop, built on sd-event. All code runs in this loop, on the main thread, except the link workers
 * and the callbacks on paho's own thread. */
#ifndef EMIS_DAEMON_BASE_LOOP_H
#define EMIS_DAEMON_BASE_LOOP_H

#include <stdint.h>

struct loop;
struct loop_io;
struct loop_timer;

/* NULL when out of memory or descriptors. */
struct loop *loop_create(void);
void loop_destroy(struct loop *loop);

/* SIGTERM and SIGINT then end loop_run(); SIGHUP only writes a warning to the log. Call this before any thread is
 * started, because threads inherit the signal mask. 0 or -errno. */
int loop_catch_signals(struct loop *loop);

/* Runs until loop_stop() or a signal. 0 or -errno. */
int loop_run(struct loop *loop);
/* Ends loop_run(), which then returns `result` (0 or -errno). */
void loop_stop(struct loop *loop, int result);

/* Calls back while the descriptor is ready for `events` (EPOLLIN, EPOLLOUT). NULL when it cannot be watched. The
 * descriptor stays the caller's; call loop_remove_io() before closing it. */
struct loop_io *loop_add_io(struct loop *loop, int fd, uint32_t events,
	void (*callback)(void *context, int fd, uint32_t events), void *context);
void loop_change_io(struct loop_io *io, uint32_t events);
void loop_remove_io(struct loop_io *io);

/* Creates a timer that is not set yet. NULL when out of memory. */
struct loop_timer *loop_add_timer(struct loop *loop, void (*callback)(void *context), void *context);
/* Fires once, `ns` real nanoseconds from now; replaces an earlier setting. */
void loop_set_timer(struct loop_timer *timer, int64_t ns);
void loop_remove_timer(struct loop_timer *timer);

#endif
