/* link_exchange.c - one question on a link: the connection, made when need be, the pauses, the retries and the
 * counters. bus.c does the asking. */
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "daemon/modbus/link_internal.h"

#define VOUCH_CONNECT_MS 60000 /* a name lookup has no bound of its own */
#define VOUCH_CLEAR_MS 120000  /* a line that never falls silent is given up after ten time-outs, twice */
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
	bus_disconnect(link->bus);
	link->deaf = 0;
	set_state(link, LINK_CONNECTING, 0, 0);
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
		link->pollers[i].afresh |= !link->renewing;
	}
	link->renewing = false;
	set_state(link, LINK_UP, 0, 0);
	pthread_mutex_lock(&link->lock);
	link->status.reconnects += link->ever_connected;
	link->ever_connected = true;
	pthread_mutex_unlock(&link->lock);
}

bool link_ensure_connected(struct link *link)
{
	if (bus_is_connected(link->bus)) {
		return true;
	}
	if (clock_mono(link->clock).ms < link->connect_due_ms) {
		return false;
	}
	set_state(link, LINK_CONNECTING, 0, 0);
	link_vouch(link, VOUCH_CONNECT_MS);
	bool good = bus_connect(link->bus);
	int error = errno;
	link_vouch(link, VOUCH_MS);
	if (good) {
		connected(link);
		return true;
	}
	link->renewing = false;
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

static void count_apart(struct link *link, uint64_t *counter, uint64_t n)
{
	pthread_mutex_lock(&link->lock);
	*counter += n;
	pthread_mutex_unlock(&link->lock);
}

/* A connection on which the next question may go out, and its answer come back alone. A connection that the other side
 * ended, or on which something arrived that nobody asked for, costs a new one, once, and not the reading. */
static bool make_ready(struct link *link, struct poller *poller, struct answer *answer)
{
	for (unsigned renewed = 0; !atomic_load(&link->stop); renewed++) {
		answer->result = ANSWER_BROKEN;
		answer->trouble = TROUBLE_CLOSED;
		if (!link_ensure_connected(link)) {
			return false;
		}
		link_vouch(link, VOUCH_CLEAR_MS);
		enum answer_trouble trouble = bus_clear(link->bus);
		link_vouch(link, VOUCH_MS);
		if (trouble == TROUBLE_NONE) {
			return true;
		}
		answer->trouble = trouble;
		if (renewed > 0) {
			count(link, poller, answer, 0);
		} else {
			count_apart(link, &poller->stats.troubles[trouble], 1);
		}
		if (link->conf->type != LINK_RTU || trouble == TROUBLE_CLOSED) {
			link->renewing = true;
			link_disconnect(link);
		}
		if (renewed > 0) {
			return false;
		}
	}
	return false;
}

static bool is_deaf(const struct link *link)
{
	return link->conf->type == LINK_RTU_TCP && link->deaf >= BUS_DEAF_AFTER;
}

/* True when the question is worth asking again at once, on a new connection: see bus_spoilt_before(). */
static bool ask_once(struct link *link, struct poller *poller, const struct request *request, bool may_ask_again,
	struct answer *answer)
{
	const struct instrument_conf *instrument = &link->site->instruments[poller->instrument];
	const struct profile *profile = instrument->profile;
	struct bus_timing timing = { profile->timeout_ms ? profile->timeout_ms : link->conf->timeout_ms,
		profile->byte_timeout_ms };

	pause_before(link, poller, profile);
	if (!make_ready(link, poller, answer)) {
		return false;
	}
	link_vouch(link, VOUCH_MS);
	int64_t start = clock_real_mono_us();
	bus_ask(link->bus, instrument->unit, request, &timing, answer);
	int64_t us = clock_real_mono_us() - start;
	count_apart(link, &poller->stats.discarded, bus_discarded(link->bus));
	bool again = may_ask_again && bus_spoilt_before(link->bus, answer);
	if (!again) {
		count(link, poller, answer, us);
	}
	link->deaf = link_is_silence(answer->result) ? link->deaf + 1 : 0;
	if (again || bus_needs_reconnect(link->bus, answer) || is_deaf(link)) {
		link->renewing = again;
		link_disconnect(link);
	}
	return again;
}

void link_exchange(struct link *link, struct poller *poller, const struct request *request, struct answer *answer)
{
	unsigned retries = link->site->instruments[poller->instrument].profile->retries;
	unsigned attempt = 0;
	bool asked_again = false;

	memset(answer, 0, sizeof(*answer));
	answer->result = ANSWER_BROKEN;
	answer->trouble = TROUBLE_CLOSED;
	while (!atomic_load(&link->stop)) {
		if (!link_ensure_connected(link)) {
			return;
		}
		if (ask_once(link, poller, request, !asked_again, answer)) {
			asked_again = true;
		} else if (!link_is_silence(answer->result) || attempt++ >= retries) {
			return;
		}
		count_apart(link, &poller->stats.retries, 1);
	}
}
