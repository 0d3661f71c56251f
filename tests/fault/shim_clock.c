/* shim_clock.c - a wall clock that a test sets: CLOCK_REALTIME is the real time plus the milliseconds (int64_t) in
 * the file CLOCK_SHIM. Monotonic clocks and timers are not changed.
 *
 * We do not use libfaketime, because it changes timerfd too: with an offset larger than the machine's uptime sd-event
 * gets EINVAL. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_ms;

__attribute__((constructor)) static void open_file(void)
{
	const char *path = getenv("CLOCK_SHIM");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		void *map = mmap(NULL, sizeof(*offset_ms), PROT_READ, MAP_SHARED, fd, 0);
		offset_ms = map == MAP_FAILED ? NULL : map;
		close(fd);
	}
}

static void add_ms(struct timespec *ts, int64_t ms)
{
	int64_t ns = ts->tv_nsec + ms % 1000 * 1000000;

	ts->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
	ts->tv_nsec = ns >= 1000000000 ? ns - 1000000000 : ns < 0 ? ns + 1000000000 : ns;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	if (r == 0 && offset_ms && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		add_ms(ts, *offset_ms);
	}
	return r;
}

int gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &ts) < 0) {
		return -1;
	}
	*tv = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *ret_time)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
	if (ret_time) {
		*ret_time = ts.tv_sec;
	}
	return ts.tv_sec;
}

/* The deadline is a time of our wall clock; the kernel needs the real time. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline)
{
	int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
	struct timespec ts = *deadline;

	*(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	add_ms(&ts, offset_ms ? -*offset_ms : 0);
	return real(cond, mutex, &ts);
}
