/* link.c - the worker of a link: decides when each instrument is read, and what follows a failure. link_exchange.c asks
 * the single questions. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/modbus/link_internal.h"

/* ---- waiting ---- */

/* Sleeps for `ns`; link_stop() ends the sleep early. */
static void wait_ns(struct link *link, int64_t ns)
{
	struct pollfd pfd = { .fd = link->wake_fd, .events = POLLIN };

	while (ns > 0 && !atomic_load(&link->stop)) {
		int64_t part = ns < 1000000000LL ? ns : 1000000000LL;
		struct timespec ts = { .tv_sec = part / 1000000000LL, .tv_nsec = part % 1000000000LL };
		link_promise_alive(link, ALIVE_MS);
		if (ppoll(&pfd, 1, &ts, NULL) != 0) {
			return;
		}
		ns -= part;
	}
}

/* ---- polling ---- */

/* Forgets refusals and reads everything with the next poll. */
static void restart_plan(struct poller *poller)
{
	blocks_reset(&poller->blocks);
	for (size_t i = 0; i < poller->blocks.profile->n_requests; i++) {
		poller->request_due_ms[i] = INT64_MIN; /* slow registers are due, too */
	}
	poller->replan = false;
}

/* Stores that the device refuses a block, and logs a new refusal. */
static void note_refusal(struct link *link, struct poller *poller, size_t index, const struct answer *answer)
{
	const struct request *request = &poller->blocks.list[index].request;
	char words[64];

	if (blocks_refuse(&poller->blocks, index, answer->exception, clock_mono(link->clock).ms)) {
		log_warning(
			"instrument %s on link %s: function %u, %u registers from %u (0x%04X): %s; the rest is read "
			"without them",
			link->site->instruments[poller->instrument].name, link->conf->name, (unsigned)request->function,
			(unsigned)request->count, (unsigned)request->address, (unsigned)request->address,
			answer_text(answer, words, sizeof(words)));
	}
	pthread_mutex_lock(&link->lock);
	poller->stats.refused = (unsigned)blocks_count_refused(&poller->blocks);
	pthread_mutex_unlock(&link->lock);
}

static bool may_ask(const struct link *link, const struct block *block)
{
	return !block->refused || clock_mono(link->clock).ms >= block->again_ms;
}

/* The answer to a refused block that is not asked now: the device's last exception. */
static void repeat_refusal(const struct block *block, struct answer *ret_answer)
{
	memset(ret_answer, 0, sizeof(*ret_answer));
	ret_answer->result = ANSWER_EXCEPTION;
	ret_answer->exception = block->exception;
}

/* Reads the blocks of one planned request. *index is the first of them, and afterwards the block behind the last.
 * `worst` is the worst answer of this poll so far. After a silence no more blocks are asked: each would cost the other
 * instruments on the bus one time-out. */
static void read_planned_request(struct link *link, struct poller *poller, size_t *index, struct answer *worst)
{
	struct blocks *blocks = &poller->blocks;
	size_t planned = blocks->list[*index].planned;
	struct answer *whole = &poller->answers[planned], found;
	bool any = false;

	memset(whole, 0, sizeof(*whole));
	whole->result = ANSWER_OK;
	while (*index < blocks->n && blocks->list[*index].planned == planned) {
		bool asked = !link_is_silence(worst->result) && may_ask(link, &blocks->list[*index]);
		if (asked) {
			link_exchange(link, poller, &blocks->list[*index].request, &found);
		} else if (link_is_silence(worst->result)) {
			found = *worst;
		} else {
			repeat_refusal(&blocks->list[*index], &found);
		}
		if (asked && blocks_is_refusal(&found)) {
			if (!blocks->list[*index].refused && blocks_split(blocks, *index)) {
				continue; /* ask the two halves instead */
			}
			if (blocks->n > 1) {
				note_refusal(link, poller, *index, &found);
			}
		} else if (asked && found.result == ANSWER_OK) {
			blocks->list[*index].refused = false;
		}
		blocks_merge_answer(blocks, *index, &found, whole, &any);
		if (link_is_silence(found.result)) {
			*worst = found;
		}
		(*index)++;
	}
	if (whole->result == ANSWER_OK && !any) {
		whole->result = ANSWER_EXCEPTION;
	}
	if (whole->result != ANSWER_OK && worst->result == ANSWER_OK) {
		*worst = *whole;
	}
}

/* Logs failures and their end, and sets whether the instrument is asked less often. */
static void note_outcome(struct link *link, struct poller *poller, const struct answer *worst)
{
	const char *name = link->site->instruments[poller->instrument].name;
	bool silent = link_is_silence(worst->result);
	char words[64];

	if (worst->result != ANSWER_OK) {
		(void)backoff_next(&poller->backoff);
		if (backoff_worth_a_line(&poller->backoff)) {
			log_warning("instrument %s on link %s: %s; failure %u in a row", name, link->conf->name,
				answer_text(worst, words, sizeof(words)), poller->backoff.failures);
		}
	} else if (poller->backoff.failures > 0) {
		log_info("instrument %s on link %s answers again after %u failures", name, link->conf->name,
			poller->backoff.failures);
		backoff_reset(&poller->backoff);
	}
	poller->slowed = silent || (worst->result != ANSWER_OK && !link_has_ids(link->conf));
	if (silent != poller->silent) {
		poller->silent = silent;
		pthread_mutex_lock(&link->lock);
		link->status.silent += silent ? 1U : -1U;
		pthread_mutex_unlock(&link->lock);
	}
}

/* Slow registers are not read again before their own interval is over. */
static void set_next_read(struct poller *poller, const struct request *request, size_t planned, int64_t now)
{
	bool read = poller->answers[planned].result == ANSWER_OK;

	poller->request_due_ms[planned] = read && request->every_s > 0 ? now + request->every_s * 1000LL : INT64_MIN;
}

/* Reads the requests of an instrument that are due, and posts a report for each. */
static void poll_instrument(struct link *link, struct poller *poller)
{
	const struct profile *profile = link->site->instruments[poller->instrument].profile;
	struct answer worst = { .result = ANSWER_OK };
	int64_t now = clock_mono(link->clock).ms;
	size_t index = 0, last = profile->n_requests;

	(void)link_ensure_connected(link); /* the result is ignored: each read checks the connection */
	if (poller->replan) {
		restart_plan(poller);
	}
	for (size_t i = 0; i < profile->n_requests; i++) {
		last = poller->request_due_ms[i] <= now ? i : last;
	}
	for (size_t i = 0; i < profile->n_requests; i++) {
		if (poller->request_due_ms[i] > now) {
			while (index < poller->blocks.n && poller->blocks.list[index].planned == i) {
				index++;
			}
			continue;
		}
		read_planned_request(link, poller, &index, &worst);
		if (atomic_load(&link->stop)) {
			return; /* the stop ended this read; the outcome says nothing about the instrument */
		}
		set_next_read(poller, &profile->requests[i], i, now);
		struct link_report report = { .instrument = poller->instrument, .request = i };
		report.answer = poller->answers[i];
		report.at = clock_mono(link->clock);
		report.last = i == last;
		if (!mailbox_post(link->box, &report, !report.last)) {
			return; /* the daemon is ending */
		}
	}
	if (last < profile->n_requests) {
		note_outcome(link, poller, &worst);
	}
}

/* Sets the time of the next poll. An instrument that answers keeps its fixed raster. Polls that would lie in the past
 * are skipped and counted, never queued. */
static void schedule_poll(struct link *link, struct poller *poller)
{
	int64_t poll_ms = link->site->instruments[poller->instrument].poll_ms;
	int64_t now = clock_mono(link->clock).ms;

	if (poller->slowed && poller->backoff.delay_ms > poll_ms) {
		poller->due_ms = now + poller->backoff.delay_ms;
		return;
	}
	poller->due_ms += poll_ms;
	if (poller->due_ms <= now) {
		int64_t skipped = (now - poller->due_ms) / poll_ms + 1;
		poller->due_ms += skipped * poll_ms;
		pthread_mutex_lock(&link->lock);
		poller->stats.skipped += (uint64_t)skipped;
		pthread_mutex_unlock(&link->lock);
	}
}

static struct poller *next_due(struct link *link)
{
	struct poller *next = &link->pollers[0];

	for (size_t i = 1; i < link->n_pollers; i++) {
		if (link->pollers[i].due_ms < next->due_ms) {
			next = &link->pollers[i];
		}
	}
	return next;
}

static void *run_worker(void *context)
{
	struct link *link = context;

	while (!atomic_load(&link->stop)) {
		struct poller *poller = next_due(link);
		int64_t ahead = poller->due_ms - clock_mono(link->clock).ms;
		if (ahead > 0) {
			wait_ns(link, clock_real_ns(link->clock, ahead));
			continue;
		}
		poll_instrument(link, poller);
		schedule_poll(link, poller);
	}
	bus_disconnect(link->bus);
	return NULL;
}

/* ---- life ---- */

static bool create_plan(struct poller *poller, const struct profile *profile)
{
	const size_t n = profile->n_requests + 1; /* not 0: calloc() might return NULL */
	poller->answers = calloc(n, sizeof(*poller->answers));
	poller->request_due_ms = calloc(n, sizeof(*poller->request_due_ms));
	if (!blocks_init(&poller->blocks, profile) || !poller->answers || !poller->request_due_ms) {
		return false;
	}
	restart_plan(poller);
	return true;
}

static int add_pollers(struct link *link, size_t index)
{
	int64_t now = clock_mono(link->clock).ms;

	size_t n = 0;
	for (size_t i = 0; i < link->site->n_instruments; i++) {
		n += link->site->instruments[i].link == index;
	}
	link->pollers = calloc(n + 1, sizeof(*link->pollers));
	if (!link->pollers) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < link->site->n_instruments; i++) {
		const struct instrument_conf *instrument = &link->site->instruments[i];
		if (instrument->link != index) {
			continue;
		}
		struct poller *poller = &link->pollers[link->n_pollers++];
		poller->instrument = i;
		/* Spread the first polls over the interval by the golden ratio, so that not all instruments are asked
		 * at once. */
		double phase = fmod((double)i * 0.618, 1.0);
		poller->due_ms = now + (int64_t)((double)instrument->poll_ms * phase);
		backoff_init(&poller->backoff, 500, 60000);
		if (!create_plan(poller, instrument->profile)) {
			return -ENOMEM;
		}
	}
	return 0;
}

/* The longest time-out of the link and of all its instruments. */
static int64_t slowest_answer_ms(const struct link *link)
{
	int64_t slowest_ms = link->conf->timeout_ms;

	for (size_t i = 0; i < link->n_pollers; i++) {
		int64_t ms = link->site->instruments[link->pollers[i].instrument].profile->timeout_ms;
		slowest_ms = ms > slowest_ms ? ms : slowest_ms;
	}
	return slowest_ms;
}

struct link *link_start(const struct site *site, size_t index, const struct clock *clock, struct mailbox *box)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link) {
		errno = ENOMEM;
		return NULL;
	}
	link->site = site;
	link->conf = &site->links[index];
	link->clock = clock;
	link->box = box;
	pthread_mutex_init(&link->lock, NULL);
	backoff_init(&link->backoff, 500, 60000);
	link->window_start_ms = clock_real_mono_ms();
	link->status.load = NAN;
	link_promise_alive(link, ALIVE_MS);
	link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = link->wake_fd < 0 ? -errno : add_pollers(link, index);
	if (r == 0) {
		link->bus = bus_create(link->conf, slowest_answer_ms(link), link->wake_fd);
		r = link->bus ? 0 : -ENOMEM;
	}
	if (r == 0 && link->n_pollers == 0) {
		atomic_store(&link->stop, true); /* nothing to ask: the worker ends at once */
	}
	if (r == 0) {
		r = -pthread_create(&link->thread, NULL, run_worker, link);
	}
	if (r < 0) {
		link_destroy(link);
		errno = -r;
		return NULL;
	}
	return link;
}

void link_stop(struct link *link)
{
	const uint64_t one = 1;

	atomic_store(&link->stop, true);
	ssize_t n = write(link->wake_fd, &one, sizeof(one)); /* cannot fail: the counter is far from full */
	(void)n;
}

bool link_join(struct link *link, int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_real_mono_ms();
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	left = left > 0 ? left : 0;
	until.tv_sec += left / 1000;
	until.tv_nsec += left % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_timedjoin_np(link->thread, NULL, &until) == 0;
}

void link_destroy(struct link *link)
{
	if (!link) {
		return;
	}
	if (link->wake_fd >= 0) {
		close(link->wake_fd);
	}
	bus_destroy(link->bus);
	pthread_mutex_destroy(&link->lock);
	for (size_t i = 0; i < link->n_pollers; i++) {
		blocks_finish(&link->pollers[i].blocks);
		free(link->pollers[i].answers);
		free(link->pollers[i].request_due_ms);
	}
	free(link->pollers);
	free(link);
}

void link_get_status(struct link *link, struct link_status *ret_status)
{
	pthread_mutex_lock(&link->lock);
	*ret_status = link->status;
	if (link->status.state == LINK_DOWN) {
		int64_t left = link->retry_at_ms - clock_mono(link->clock).ms;
		ret_status->retry_ms = left > 0 ? left : 0;
	}
	pthread_mutex_unlock(&link->lock);
}

bool link_get_stats(struct link *link, size_t instrument, struct poll_stats *ret_stats)
{
	for (size_t i = 0; i < link->n_pollers; i++) {
		if (link->pollers[i].instrument == instrument) {
			pthread_mutex_lock(&link->lock);
			*ret_stats = link->pollers[i].stats;
			pthread_mutex_unlock(&link->lock);
			return true;
		}
	}
	return false;
}

int64_t link_alive_until(const struct link *link)
{
	return atomic_load(&link->alive_until);
}
