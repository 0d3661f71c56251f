/* link_ask.c - one question on a link: the connection, made when need be, the pauses, the retries and the counters.
 * bus.c does the asking. */
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "daemon/link_parts.h"

#define VOUCH_CONNECT_MS 60000 /* a name lookup has no bound of its own */
#define LOAD_WINDOW_MS 60000
#define BUS_DEAF_AFTER 5 /* failures in a row on RTU over TCP: the server may have forgotten the connection */

void link_vouch(struct link *link, int64_t ms)
{
	atomic_store(&link->alive_until, clock_real_mono_ms() + ms);
}

bool link_is_silence(enum answer_result result)
{
	return result == ANSWER_TIMEOUT || result == ANSWER_BROKEN;
}

/* ---- connecting ---- */

static void set_state(struct link *link, enum link_state state, int connect_errno, int64_t retry_ms)
{
	pthread_mutex_lock(&link->lock);
	link->status.state = state;
	link->status.connect_errno = connect_errno;
	link->retry_at_ms = clock_mono(link->clock).ms + retry_ms;
	pthread_mutex_unlock(&link->lock);
}

void link_disconnect(struct link *link)
{
	bus_close(link->bus);
	link->bus = NULL;
	link->deaf = 0;
}

static const char *endpoint(const struct link_conf *conf)
{
	return conf->type == LINK_RTU ? conf->device : conf->host;
}

static void connected(struct link *link)
{
	if (link->backoff.failures > 0) {
		log_info("link %s: connected to %s again after %u failures", link->conf->name, endpoint(link->conf),
			link->backoff.failures);
	}
	backoff_reset(&link->backoff);
	for (size_t i = 0; i < link->n_pollers; i++) {
		link->pollers[i].afresh = true;
	}
	set_state(link, LINK_UP, 0, 0);
	pthread_mutex_lock(&link->lock);
	link->status.reconnects += link->ever_connected;
	link->ever_connected = true;
	pthread_mutex_unlock(&link->lock);
}

bool link_ensure_connected(struct link *link)
{
	if (link->bus) {
		return true;
	}
	if (clock_mono(link->clock).ms < link->connect_due_ms) {
		return false;
	}
	set_state(link, LINK_CONNECTING, 0, 0);
	link_vouch(link, VOUCH_CONNECT_MS);
	link->bus = bus_open(link->conf, link->wake_fd);
	int error = errno;
	link_vouch(link, VOUCH_MS);
	if (link->bus) {
		connected(link);
		return true;
	}
	int64_t retry_ms = backoff_next(&link->backoff);
	link->connect_due_ms = clock_mono(link->clock).ms + retry_ms;
	set_state(link, LINK_DOWN, error, retry_ms);
	if (backoff_worth_a_line(&link->backoff)) {
		log_warning("link %s: no connection to %s: %s; attempt %u, trying again", link->conf->name,
			endpoint(link->conf), error == EBUSY ? "another process holds it" : strerror(error),
			link->backoff.failures);
	}
	return false;
}

/* ---- counting ---- */

static void count(struct link *link, struct poller *poller, const struct answer *answer, int64_t us)
{
	int64_t now = clock_real_mono_ms();

	pthread_mutex_lock(&link->lock);
	link->status.requests++;
	poll_stats_count(&poller->stats, answer, us);
	if (answer->result != ANSWER_OK) {
		link->status.failures++;
		link->status.last_failure = *answer;
	}
	link->window_busy_us += us;
	if (now - link->window_start_ms >= LOAD_WINDOW_MS) {
		link->status.load = (double)link->window_busy_us / 1000.0 / (double)(now - link->window_start_ms);
		link->window_start_ms = now;
		link->window_busy_us = 0;
	}
	pthread_mutex_unlock(&link->lock);
}

/* ---- one read ---- */

static void pause_before(struct link *link, const struct poller *poller, const struct profile *profile)
{
	if (link->asked != poller && link->asked) {
		bus_rest(link->bus, profile->turnaround_ms);
	}
	bus_rest(link->bus, profile->delay_ms);
	link->asked = poller;
}

static void ask_once(struct link *link, struct poller *poller, const struct request *request, struct answer *answer)
{
	const struct instrument_conf *instrument = &link->site->instruments[poller->instrument];
	const struct profile *profile = instrument->profile;
	struct bus_timing timing = { profile->timeout_ms ? profile->timeout_ms : link->conf->timeout_ms,
		profile->byte_timeout_ms };

	link_vouch(link, VOUCH_MS);
	pause_before(link, poller, profile);
	int64_t start = clock_real_mono_us();
	bus_ask(link->bus, instrument->unit, request, &timing, answer);
	count(link, poller, answer, clock_real_mono_us() - start);
	if (!link_is_silence(answer->result)) {
		link->deaf = 0;
		return;
	}
	link->deaf++;
	link_vouch(link, VOUCH_CONNECT_MS);
	bool deaf = link->conf->type == LINK_RTU_TCP && link->deaf >= BUS_DEAF_AFTER;
	if (answer->trouble == TROUBLE_CLOSED || deaf || !bus_settle(link->bus, &timing)) {
		link_disconnect(link);
		set_state(link, LINK_CONNECTING, 0, 0);
	}
}

void link_ask(struct link *link, struct poller *poller, const struct request *request, struct answer *answer)
{
	unsigned retries = link->site->instruments[poller->instrument].profile->retries;

	memset(answer, 0, sizeof(*answer));
	answer->result = ANSWER_BROKEN;
	answer->trouble = TROUBLE_CLOSED;
	for (unsigned attempt = 0; !atomic_load(&link->stop); attempt++) {
		if (!link_ensure_connected(link)) {
			return;
		}
		ask_once(link, poller, request, answer);
		if (!link_is_silence(answer->result) || attempt >= retries) {
			return;
		}
		pthread_mutex_lock(&link->lock);
		poller->stats.retries++;
		pthread_mutex_unlock(&link->lock);
	}
}
