#include "daemon/base/backoff.h"

#include <sys/random.h>

void backoff_init(struct backoff *backoff, int64_t first_ms, int64_t last_ms)
{
	*backoff = (struct backoff){ .first_ms = first_ms, .last_ms = last_ms };
}

int64_t backoff_next(struct backoff *backoff)
{
	int64_t doubled = backoff->delay_ms == 0 ? backoff->first_ms : backoff->delay_ms * 2;

	backoff->delay_ms = doubled < backoff->last_ms ? doubled : backoff->last_ms;
	backoff->failures++;
	return backoff->delay_ms;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->delay_ms = 0;
	backoff->failures = 0;
}

bool backoff_worth_a_line(const struct backoff *backoff)
{
	return (backoff->failures & (backoff->failures - 1)) == 0;
}

int64_t backoff_jitter(int64_t ms)
{
	uint16_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
		return ms;
	}
	return ms * 3 / 4 + ms / 2 * random / UINT16_MAX;
}
