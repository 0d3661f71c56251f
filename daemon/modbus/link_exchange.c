/* link_exchange.c - asks one question on a link: connects when necessary, pauses, retries and counts. bus.c sends the
 * question and receives the answer. */
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "daemon/modbus/link_internal.h"

#define ALIVE_CONNECT_MS 60000 /* a name lookup has no time-out of its own */
#define ALIVE_CLEAR_MS 120000  /* bus_clear() waits for silence at most twice, ten time-outs each */
#define LOAD_WINDOW_MS 60000
/* Questions in a row without an answer on RTU over TCP: the server may have forgotten the connection. */
#define RECONNECT_AFTER 5

void link_promise_alive(struct link *link, int64_t ms)
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
	link->silences = 0;
	set_state(link, LINK_CONNECTING, 0, 0);
}

static const char *endpoint(const struct link_conf *conf)
{
	return conf->type == LINK_RTU ? conf->device : conf->host;
}

static void on_connected(struct link *link)
{
	if (link->backoff.failures > 0) {
		log_info("link %s: connected to %s again after %u failures", link->conf->name, endpoint(link->conf),
			link->backoff.failures);
	}
	backoff_reset(&link->backoff);
	for (size_t i = 0; i < link->n_pollers; i++) {
		link->pollers[i].replan |= !link->renewing;
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
	link_promise_alive(link, ALIVE_CONNECT_MS);
	bool good = bus_connect(link->bus);
	int error = errno;
	link_promise_alive(link, ALIVE_MS);
	if (good) {
		on_connected(link);
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

static void count_exchange(struct link *link, struct poller *poller, const struct answer *answer, int64_t us)
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

static void pause_before_question(struct link *link, const struct poller *poller, const struct profile *profile)
{
	if (link->last_asked != poller && link->last_asked) {
		bus_wait_quiet(link->bus, profile->turnaround_ms);
	}
	bus_wait_quiet(link->bus, profile->delay_ms);
	link->last_asked = poller;
}

static void add_to_counter(struct link *link, uint64_t *counter, uint64_t n)
{
	pthread_mutex_lock(&link->lock);
	*counter += n;
	pthread_mutex_unlock(&link->lock);
}

/* Makes sure that the next question can be sent and that only its answer can come back. When the other side ended the
 * connection, or when bytes arrived that nobody asked for, a new connection is made, once, so that the reading is not
 * lost. False, with the trouble in `answer`, when the question cannot be sent. */
static bool make_line_ready(struct link *link, struct poller *poller, struct answer *answer)
{
	for (unsigned renewed = 0; !atomic_load(&link->stop); renewed++) {
		answer->result = ANSWER_BROKEN;
		answer->trouble = TROUBLE_CLOSED;
		if (!link_ensure_connected(link)) {
			return false;
		}
		link_promise_alive(link, ALIVE_CLEAR_MS);
		enum answer_trouble trouble = bus_clear(link->bus);
		link_promise_alive(link, ALIVE_MS);
		if (trouble == TROUBLE_NONE) {
			return true;
		}
		answer->trouble = trouble;
		if (renewed > 0) {
			count_exchange(link, poller, answer, 0);
		} else {
			add_to_counter(link, &poller->stats.troubles[trouble], 1);
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

static bool has_lost_connection(const struct link *link)
{
	return link->conf->type == LINK_RTU_TCP && link->silences >= RECONNECT_AFTER;
}

/* True when the caller should ask again at once, on a new connection: see bus_failed_before_question(). */
static bool ask_once(struct link *link, struct poller *poller, const struct request *request, bool may_ask_again,
	struct answer *answer)
{
	const struct instrument_conf *instrument = &link->site->instruments[poller->instrument];
	const struct profile *profile = instrument->profile;
	struct bus_timing timing = { profile->timeout_ms ? profile->timeout_ms : link->conf->timeout_ms,
		profile->byte_timeout_ms };

	pause_before_question(link, poller, profile);
	if (!make_line_ready(link, poller, answer)) {
		return false;
	}
	link_promise_alive(link, ALIVE_MS);
	int64_t start = clock_real_mono_us();
	bus_ask(link->bus, instrument->unit, request, &timing, answer);
	int64_t us = clock_real_mono_us() - start;
	add_to_counter(link, &poller->stats.discarded, bus_discarded(link->bus));
	bool again = may_ask_again && bus_failed_before_question(link->bus, answer);
	if (!again) {
		count_exchange(link, poller, answer, us);
	}
	link->silences = link_is_silence(answer->result) ? link->silences + 1 : 0;
	if (again || bus_needs_reconnect(link->bus, answer) || has_lost_connection(link)) {
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
		add_to_counter(link, &poller->stats.retries, 1);
	}
}
