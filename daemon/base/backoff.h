/* backoff.h - the waits between failed attempts: each wait is twice as long as the one before. Also says which failures
 * to log. Pure, except backoff_jitter(). */
#ifndef EMIS_DAEMON_BASE_BACKOFF_H
#define EMIS_DAEMON_BASE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
	int64_t first_ms;
	int64_t last_ms;
	int64_t delay_ms;  /* the current wait; 0 before the first failure */
	unsigned failures; /* in a row */
};

void backoff_init(struct backoff *backoff, int64_t first_ms, int64_t last_ms);

/* Counts one more failure. Returns the wait after it: first_ms at the first failure, then doubled, last_ms at most. */
int64_t backoff_next(struct backoff *backoff);

/* Call after a success: forgets the failures and the wait. */
void backoff_reset(struct backoff *backoff);

/* True when the latest failure should be logged: number 1, 2, 4, 8 ... in a row. Also true without any failure. */
bool backoff_worth_a_line(const struct backoff *backoff);

/* The given wait, changed at random by up to 25 %, so that hundreds of boxes do not reconnect in the same second. `ms`
 * itself when the kernel has no random number yet. */
int64_t backoff_jitter(int64_t ms);

#endif
