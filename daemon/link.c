#include "daemon/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/backoff.h"

#define MBAP_BYTES 6 /* transaction id, protocol id, length: before the unit id */
#define CRC_BYTES 2
#define MIN_GAP_NS 1750000     /* Modbus over serial line 1.02, 2.5.1.1: above 19200 baud */
#define VOUCH_MS 10000         /* longer than any wait for an answer */
#define VOUCH_RESOLVE_MS 60000 /* a name lookup has no bound of its own */

struct poller {
	size_t instrument;
	int64_t due_ms; /* clock_mono() */
	struct backoff backoff;
	bool silent;
};

struct link {
	const struct site *site;
	const struct link_conf *conf;
	const struct clock *clock;
	struct mailbox *box;
	struct poller *pollers;
	size_t n_pollers;
	int wake_fd;
	atomic_bool stop;
	_Atomic int64_t alive_until;
	pthread_t thread;

	/* the worker's own */
	modbus_t *modbus; /* NULL while not connected */
	struct backoff backoff;
	int64_t connect_due_ms; /* clock_mono() */
	struct timespec quiet_since;

	pthread_mutex_t lock; /* of status */
	struct link_status status;
	int64_t retry_at_ms;
};

/* ---- waiting ---- */

static void vouch(struct link *link, int64_t ms)
{
	atomic_store(&link->alive_until, clock_real_mono_ms() + ms);
}

/* Sleeps; link_stop() ends it early. */
static void wait_ns(struct link *link, int64_t ns)
{
	struct pollfd pfd = { .fd = link->wake_fd, .events = POLLIN };

	while (ns > 0 && !atomic_load(&link->stop)) {
		int64_t part = ns < 1000000000LL ? ns : 1000000000LL;
		struct timespec ts = { .tv_sec = part / 1000000000LL, .tv_nsec = part % 1000000000LL };
		vouch(link, VOUCH_MS);
		if (ppoll(&pfd, 1, &ts, NULL) != 0) {
			return;
		}
		ns -= part;
	}
}

static int64_t ns_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) * 1000000000LL + (now.tv_nsec - then->tv_nsec);
}

/* The silence that must lie between two frames on a bus: 3.5 characters, libmodbus has none of its own. */
static int64_t gap_ns(const struct link_conf *conf)
{
	int64_t bits = 1 + conf->data_bits + (conf->parity != 'N') + conf->stop_bits;
	int64_t characters = 7 * bits * 1000000000LL / (2 * conf->baud);

	return (characters > MIN_GAP_NS ? characters : MIN_GAP_NS) + conf->gap_ms * 1000000LL;
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

static void disconnect(struct link *link)
{
	if (link->modbus) {
		modbus_close(link->modbus);
		modbus_free(link->modbus);
		link->modbus = NULL;
	}
}

/* libmodbus takes numeric addresses only in a way that can be trusted; a name is looked up here, in the
 * worker, where it blocks nobody else. */
static modbus_t *new_tcp(struct link *link)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found;
	char address[INET6_ADDRSTRLEN + 16], service[8];
	modbus_t *modbus = NULL;

	vouch(link, VOUCH_RESOLVE_MS);
	if (getaddrinfo(link->conf->host, NULL, &hints, &found) != 0) {
		errno = EHOSTUNREACH;
		return NULL;
	}
	if (getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST) == 0) {
		snprintf(service, sizeof(service), "%d", link->conf->port);
		modbus = found->ai_family == AF_INET ? modbus_new_tcp(address, link->conf->port)
						     : modbus_new_tcp_pi(address, service);
	}
	freeaddrinfo(found);
	vouch(link, VOUCH_MS);
	return modbus;
}

/* False, with errno set, when the socket cannot be used as it must be. */
static bool prepare(struct link *link)
{
	int fd = modbus_get_socket(link->modbus);
	int on = 1;

	if (fd < 0 || fd >= FD_SETSIZE) {
		errno = EMFILE; /* libmodbus uses select(): such a descriptor would abort the process */
		return false;
	}
	if (link->conf->type == LINK_RTU) {
		return ioctl(fd, TIOCEXCL) == 0;
	}
	return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

static bool try_connect(struct link *link)
{
	const struct link_conf *conf = link->conf;

	link->modbus = conf->type == LINK_TCP
		? new_tcp(link)
		: modbus_new_rtu(conf->device, conf->baud, conf->parity, conf->data_bits, conf->stop_bits);
	if (!link->modbus) {
		return false;
	}
	uint32_t seconds = (uint32_t)(conf->timeout_ms / 1000);
	modbus_set_response_timeout(link->modbus, seconds, (uint32_t)(conf->timeout_ms % 1000) * 1000);
	/* Zero: the response time-out bounds the whole answer; a device that sends a byte now and then
	 * could otherwise hold us for minutes. */
	modbus_set_byte_timeout(link->modbus, 0, 0);
	if (modbus_connect(link->modbus) == 0 && prepare(link)) {
		return true;
	}
	int error = errno;
	disconnect(link);
	errno = error;
	return false;
}

static const char *endpoint(const struct link_conf *conf)
{
	return conf->type == LINK_TCP ? conf->host : conf->device;
}

/* Connects if it is time to; false while there is no connection. */
static bool ensure_connected(struct link *link)
{
	if (link->modbus) {
		return true;
	}
	if (clock_mono(link->clock).ms < link->connect_due_ms) {
		return false;
	}
	set_state(link, LINK_CONNECTING, 0, 0);
	if (try_connect(link)) {
		if (link->backoff.failures > 0) {
			log_info("link %s: connected to %s again after %u failures", link->conf->name,
				endpoint(link->conf), link->backoff.failures);
		}
		backoff_reset(&link->backoff);
		set_state(link, LINK_UP, 0, 0);
		clock_gettime(CLOCK_MONOTONIC, &link->quiet_since);
		return true;
	}
	int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
	int64_t retry_ms = backoff_next(&link->backoff);
	link->connect_due_ms = clock_mono(link->clock).ms + retry_ms;
	set_state(link, LINK_DOWN, error, retry_ms);
	if (backoff_worth_a_line(&link->backoff)) {
		log_warning("link %s: no connection to %s: %s; attempt %u, trying again", link->conf->name,
			endpoint(link->conf), strerror(error), link->backoff.failures);
	}
	return false;
}

/* ---- one read ---- */

/* Waits until nothing has come for as long as the slowest answer may take: on a bus a late answer has no mark
 * that tells it from the next one. False when the adapter is gone. */
static bool wait_for_quiet(struct link *link)
{
	struct pollfd pfd = { .fd = modbus_get_socket(link->modbus), .events = POLLIN };

	for (int i = 0; i < 10 && !atomic_load(&link->stop); i++) {
		vouch(link, VOUCH_MS);
		if (poll(&pfd, 1, (int)link->conf->timeout_ms) <= 0) {
			return true;
		}
		if (pfd.revents & (POLLERR | POLLHUP | POLLNVAL) || modbus_flush(link->modbus) < 0) {
			return false;
		}
	}
	return true;
}

/* Bytes that arrived without a question. */
static int pending(struct link *link)
{
	int n = 0;

	return ioctl(modbus_get_socket(link->modbus), FIONREAD, &n) == 0 ? n : 0;
}

/* Makes sure that the next bytes on the link answer the next request. False when the link is of no more use. */
static bool clear_line(struct link *link)
{
	if (link->conf->type == LINK_TCP) {
		return pending(link) == 0;
	}
	wait_ns(link, gap_ns(link->conf) - ns_since(&link->quiet_since));
	return modbus_flush(link->modbus) >= 0;
}

static enum answer_result failure_of(int error)
{
	return error == ETIMEDOUT ? ANSWER_TIMEOUT : ANSWER_BROKEN;
}

/* Checks what libmodbus leaves unchecked: on TCP neither unit id nor length are compared with the question. */
static enum answer_result check_frame(const struct link_conf *conf, int unit, const struct request *request,
	const uint8_t *frame, int length, struct answer *answer)
{
	static const uint8_t no_ids[4] = { 0, 0, 0, 0 }; /* transaction id of raw requests, protocol id of Modbus */
	const uint8_t *pdu = frame + (conf->type == LINK_TCP ? MBAP_BYTES : 0);
	int end = length - (conf->type == LINK_TCP ? 0 : CRC_BYTES);
	int body = (int)(frame + end - pdu); /* unit id, function code, ... */
	bool bits = request->function <= 2;
	int expected = bits ? (request->count + 7) / 8 : request->count * 2;

	if (body < 3 || pdu[0] != unit) {
		return ANSWER_BROKEN;
	}
	if (conf->type == LINK_TCP &&
		(memcmp(frame, no_ids, sizeof(no_ids)) != 0 || frame[4] * 256 + frame[5] != length - MBAP_BYTES)) {
		return ANSWER_BROKEN;
	}
	if (pdu[1] == (request->function | 0x80) && body == 3) {
		answer->exception = pdu[2];
		bool path = pdu[2] == MODBUS_EXCEPTION_GATEWAY_PATH || pdu[2] == MODBUS_EXCEPTION_GATEWAY_TARGET;
		bool busy = pdu[2] == MODBUS_EXCEPTION_ACKNOWLEDGE || pdu[2] == MODBUS_EXCEPTION_SLAVE_OR_SERVER_BUSY;
		return path || busy ? ANSWER_GATEWAY : ANSWER_EXCEPTION;
	}
	if (pdu[1] != request->function || pdu[2] != expected || body != 3 + expected) {
		return ANSWER_BROKEN;
	}
	for (int i = 0; i < request->count; i++) {
		int value = bits ? (pdu[3 + i / 8] >> (i % 8)) & 1 : pdu[3 + 2 * i] << 8 | pdu[4 + 2 * i];
		answer->registers[i] = (uint16_t)value;
	}
	return ANSWER_OK;
}

/* Asks once. Any failure but the device's own refusal leaves a link on which a late answer could pass for the
 * next one; the caller resets it. */
static enum answer_result ask(struct link *link, int unit, const struct request *request, struct answer *answer)
{
	uint8_t question[] = { (uint8_t)unit, request->function, (uint8_t)(request->address >> 8),
		(uint8_t)request->address, (uint8_t)(request->count >> 8), (uint8_t)request->count };
	uint8_t frame[MODBUS_TCP_MAX_ADU_LENGTH] = { 0 };

	vouch(link, VOUCH_MS);
	if (!clear_line(link)) {
		return ANSWER_BROKEN;
	}
	(void)modbus_set_slave(link->modbus, unit); /* on RTU libmodbus drops frames of other units by it */
	if (modbus_send_raw_request(link->modbus, question, sizeof(question)) < 0) {
		return failure_of(errno);
	}
	int length = modbus_receive_confirmation(link->modbus, frame);
	clock_gettime(CLOCK_MONOTONIC, &link->quiet_since);
	if (length < 0) {
		return failure_of(errno);
	}
	return check_frame(link->conf, unit, request, frame, length, answer);
}

static void reset_after(struct link *link, enum answer_result result)
{
	if (result == ANSWER_OK || result == ANSWER_EXCEPTION || result == ANSWER_GATEWAY || !link->modbus) {
		return;
	}
	if (link->conf->type == LINK_RTU && wait_for_quiet(link)) {
		return;
	}
	disconnect(link);
	set_state(link, LINK_CONNECTING, 0, 0);
}

static void count(struct link *link, const struct answer *answer)
{
	pthread_mutex_lock(&link->lock);
	link->status.requests++;
	if (answer->result != ANSWER_OK) {
		link->status.failures++;
		link->status.last_failure = *answer;
	}
	pthread_mutex_unlock(&link->lock);
}

/* ---- polling ---- */

static void note_outcome(struct link *link, struct poller *poller, const struct answer *worst)
{
	const char *name = link->site->instruments[poller->instrument].name;
	bool silent = worst->result == ANSWER_TIMEOUT || worst->result == ANSWER_BROKEN;
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
	if (silent != poller->silent) {
		poller->silent = silent;
		pthread_mutex_lock(&link->lock);
		link->status.silent += silent ? 1U : -1U;
		pthread_mutex_unlock(&link->lock);
	}
}

/* Reads all requests of an instrument. After a failure the rest is not asked: it would cost the others a
 * time-out each. */
static void poll_instrument(struct link *link, struct poller *poller)
{
	const struct instrument_conf *instrument = &link->site->instruments[poller->instrument];
	const struct profile *profile = instrument->profile;
	struct answer worst = { .result = ANSWER_OK };

	for (size_t i = 0; i < profile->n_requests; i++) {
		struct link_report report = { .instrument = poller->instrument, .request = i };
		bool give_up = worst.result == ANSWER_TIMEOUT || worst.result == ANSWER_BROKEN;
		if (give_up || !ensure_connected(link)) {
			report.answer.result = give_up ? worst.result : ANSWER_BROKEN;
		} else {
			report.answer.result = ask(link, instrument->unit, &profile->requests[i], &report.answer);
			count(link, &report.answer);
			reset_after(link, report.answer.result);
		}
		report.at = clock_utc(link->clock);
		report.last = i + 1 == profile->n_requests;
		if (report.answer.result != ANSWER_OK) {
			worst = report.answer;
		}
		if (!mailbox_post(link->box, &report)) {
			return; /* the daemon is ending */
		}
	}
	note_outcome(link, poller, &worst);
}

/* A healthy instrument keeps its raster; polls that would lie in the past are skipped, never queued up. */
static void schedule(struct link *link, struct poller *poller)
{
	int64_t poll_ms = link->site->instruments[poller->instrument].poll_ms;
	int64_t now = clock_mono(link->clock).ms;

	if (poller->silent && poller->backoff.delay_ms > poll_ms) {
		poller->due_ms = now + poller->backoff.delay_ms;
		return;
	}
	poller->due_ms += poll_ms;
	if (poller->due_ms <= now) {
		poller->due_ms += (now - poller->due_ms) / poll_ms * poll_ms + poll_ms;
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

static void *work(void *context)
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
		schedule(link, poller);
	}
	disconnect(link);
	return NULL;
}

/* ---- life ---- */

static int add_pollers(struct link *link, size_t index)
{
	int64_t now = clock_mono(link->clock).ms;

	link->pollers = calloc(link->site->n_instruments, sizeof(*link->pollers));
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
		/* Spread over the interval: hundreds of first connects at once drown each other. */
		poller->due_ms = now + instrument->poll_ms * (int64_t)(i % 16) / 16;
		backoff_init(&poller->backoff, 500, 60000);
	}
	return 0;
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
	vouch(link, VOUCH_MS);
	link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = link->wake_fd < 0 ? -errno : add_pollers(link, index);
	if (r == 0 && link->n_pollers == 0) {
		atomic_store(&link->stop, true); /* nothing to ask: the worker ends at once */
	}
	if (r == 0) {
		r = -pthread_create(&link->thread, NULL, work, link);
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
	pthread_mutex_destroy(&link->lock);
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

int64_t link_alive_until(const struct link *link)
{
	return atomic_load(&link->alive_until);
}
