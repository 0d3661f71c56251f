#include "daemon/mqtt/poison.h"

#define SUSPICIOUS 3  /* connections in a row */
#define TRUSTED 20    /* acknowledgements after which rows need not go one by one any more */
#define SOON_MS 10000 /* a connection that ends so soon may have been ended for what was sent */
#define QUIET_MS 600000

void poison_connected(struct poison *p, int64_t now_ms)
{
	p->connected_ms = now_ms;
	p->proven = false;
}

void poison_prove_connection(struct poison *p)
{
	p->proven = true;
}

void poison_count_acknowledgement(struct poison *p)
{
	p->unanswered = 0;
	if (p->careful && ++p->acknowledged >= TRUSTED) {
		p->careful = false;
	}
}

unsigned poison_lost(struct poison *p, size_t in_flight, int64_t now_ms)
{
	bool soon = in_flight == 0 && now_ms - p->connected_ms < SOON_MS;
	unsigned found = p->careful && p->proven && in_flight == 1 ? POISON_CULPRIT : POISON_NOTHING;

	p->unanswered = in_flight > 0 ? p->unanswered + 1 : 0;
	p->short_lived = soon ? p->short_lived + 1 : 0;
	if (p->short_lived >= SUSPICIOUS && now_ms >= p->quiet_until_ms) {
		p->quiet_until_ms = now_ms + QUIET_MS;
		found |= POISON_QUIET;
	}
	if (p->unanswered >= SUSPICIOUS && !p->careful) {
		p->careful = true;
		p->acknowledged = 0;
		found |= POISON_CAREFUL;
	}
	return found;
}

size_t poison_window(const struct poison *p, size_t window)
{
	if (!p->careful) {
		return window;
	}
	return p->proven ? 1 : 0;
}

bool poison_quiet(const struct poison *p, int64_t now_ms)
{
	return p->careful || now_ms < p->quiet_until_ms;
}
