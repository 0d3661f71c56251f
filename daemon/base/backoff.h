/* backoff.h - ever longer waits between attempts, and which of them deserve a line in the log. */
#ifndef EMIS_DAEMON_BASE_BACKOFF_H
#define EMIS_DAEMON_BASE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
	int64_t first_ms;
	int64_t last_ms;
	int64_t delay_ms;  /* the present wait; 0 before the first failure */
	unsigned failures; /* in a row */
};

void backoff_init(struct backoff *backoff, int64_t first_ms, int64_t last_ms);

/* One more failure: doubles the wait, from first_ms to last_ms, and returns it. */
int64_t backoff_next(struct backoff *backoff);

/* A success. */
void backoff_reset(struct backoff *backoff);

/* Failures 1, 2, 4, 8 ... : repeated trouble is logged at growing intervals. */
bool backoff_worth_a_line(const struct backoff *backoff);

/* The same wait, +-25 % at random: hundreds of boxes shall not come back in the same second. */
int64_t backoff_jitter(int64_t ms);

#endif
