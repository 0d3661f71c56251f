#include "daemon/mqtt/poison.h"

#define ENOUGH 3      /* connections in a row */
#define CALM 20       /* acknowledgements after which nothing is suspected any more */
#define SOON_MS 10000 /* a connection that ends so soon may have been ended for what was sent */
#define QUIET_MS 600000

void poison_connected(struct poison *s, int64_t now_ms)
{
	s->connected_ms = now_ms;
	s->proven = false;
}

void poison_proven(struct poison *s)
{
	s->proven = true;
}

void poison_taken(struct poison *s)
{
	s->unanswered = 0;
	if (s->careful && ++s->calm >= CALM) {
		s->careful = false;
	}
}

unsigned poison_lost(struct poison *s, size_t in_flight, int64_t now_ms)
{
	bool soon = in_flight == 0 && now_ms - s->connected_ms < SOON_MS;
	unsigned found = s->careful && s->proven && in_flight == 1 ? FOUND_CULPRIT : FOUND_NOTHING;

	s->unanswered = in_flight > 0 ? s->unanswered + 1 : 0;
	s->short_lived = soon ? s->short_lived + 1 : 0;
	if (s->short_lived >= ENOUGH && now_ms >= s->quiet_until_ms) {
		s->quiet_until_ms = now_ms + QUIET_MS;
		found |= FOUND_QUIET;
	}
	if (s->unanswered >= ENOUGH && !s->careful) {
		s->careful = true;
		s->calm = 0;
		found |= FOUND_CAREFUL;
	}
	return found;
}

size_t poison_window(const struct poison *s, size_t window)
{
	return !s->careful ? window : s->proven ? 1 : 0;
}

bool poison_quiet(const struct poison *s, int64_t now_ms)
{
	return s->careful || now_ms < s->quiet_until_ms;
}
