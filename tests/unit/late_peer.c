#include "tests/unit/late_peer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/modbus/link_internal.h"

#define MS_NS 1000000LL
#define LAG_MS 8 /* a request must be read within this time; otherwise the delay of its answer is not known */

uint16_t late_register(int unit, unsigned address)
{
	return (uint16_t)(address * 40503U + (unsigned)unit * 977U + 7U);
}

uint64_t late_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int64_t now_ns(void)
{
	return clock_real_mono_us() * 1000;
}

/* ---- frames ---- */

static size_t put_crc(uint8_t *frame, size_t size)
{
	unsigned crc = 0xFFFF;

	for (size_t i = 0; i < size; i++) {
		crc ^= frame[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
		}
	}
	frame[size] = (uint8_t)crc;
	frame[size + 1] = (uint8_t)(crc >> 8);
	return size + 2;
}

/* Writes the answer to the request at `in`: the registers, or an exception. */
static size_t make_frame(struct late_peer *peer, const uint8_t *question, uint8_t exception, uint8_t *frame)
{
	const uint8_t *ask = question + (peer->tcp ? 6 : 0);
	uint8_t *pdu = frame + (peer->tcp ? 6 : 0);
	unsigned address = (unsigned)(ask[2] << 8 | ask[3]), count = (unsigned)(ask[4] << 8 | ask[5]);
	size_t n = 3;

	pdu[0] = ask[0];
	pdu[1] = exception ? ask[1] | 0x80 : ask[1];
	pdu[2] = exception ? exception : (uint8_t)(count * 2);
	for (unsigned i = 0; !exception && i < count; i++) {
		uint16_t value = late_register(ask[0], address + i);
		pdu[n++] = (uint8_t)(value >> 8);
		pdu[n++] = (uint8_t)value;
	}
	if (!peer->tcp) {
		return put_crc(frame, n);
	}
	memcpy(frame, question, 4);
	if (peer->own_ids) {
		peer->id++;
		frame[0] = (uint8_t)(peer->id >> 8);
		frame[1] = (uint8_t)peer->id;
	}
	frame[4] = 0;
	frame[5] = (uint8_t)n;
	return n + 6;
}

/* ---- sending ---- */

static void send_now(const struct late_peer *peer, const uint8_t *bytes, size_t size)
{
	if (peer->fd >= 0) {
		ssize_t n = peer->listener >= 0 ? send(peer->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT)
						: write(peer->fd, bytes, size);
		(void)n; /* the other side may have closed; then the answer is lost, as on a real line */
	}
}

static void send_later(struct late_peer *peer, const uint8_t *bytes, size_t size, int64_t asked_ns, int64_t delay_ns)
{
	if (peer->n_pending < LATE_PENDING) {
		struct late_frame *frame = &peer->pending[peer->n_pending++];
		frame->due_ns = asked_ns + delay_ns;
		frame->too_late_ns = asked_ns + 2 * peer->timeout_ms * MS_NS + LAG_MS * MS_NS;
		frame->connection = 0;
		frame->size = size;
		memcpy(frame->bytes, bytes, size);
	}
}

/* Sends the answers that are due; returns the milliseconds until the next one. */
static int send_due(struct late_peer *peer)
{
	int64_t next_ns = 20 * MS_NS;

	for (size_t i = 0; i < peer->n_pending;) {
		struct late_frame *frame = &peer->pending[i];
		int64_t now = now_ns(), left_ns = frame->due_ns - now;
		if (left_ns > 0) {
			next_ns = left_ns < next_ns ? left_ns : next_ns;
			i++;
			continue;
		}
		bool here = frame->connection == 0 || frame->connection == peer->connections;
		if (now <= frame->too_late_ns && here) {
			send_now(peer, frame->bytes, frame->size);
			peer->late++;
		}
		*frame = peer->pending[--peer->n_pending];
	}
	return (int)(next_ns / MS_NS) + 1;
}

/* ---- answering ---- */

static void hang_up(struct late_peer *peer)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* an orderly close serves, too */
	close(peer->fd);
	peer->fd = -1;
	peer->n_in = 0;
}

/* Answers one request with one misbehaviour; the right answer then comes at any time up to twice the time-out. False
 * when the connection is closed. */
static bool answer(struct late_peer *peer, const uint8_t *question, int64_t asked_ns)
{
	static const uint8_t codes[] = { 4, 5, 6, 10, 11, 2 };
	uint8_t right[LATE_FRAME], wrong[LATE_FRAME];
	size_t size = make_frame(peer, question, 0, right), half = size / 2;
	uint64_t kind = late_random(&peer->random) % 8;
	int64_t delay_ns = (int64_t)(late_random(&peer->random) % (uint64_t)(2 * peer->timeout_ms * MS_NS));

	switch (kind) {
	case 0: /* the right answer at once */
	case 1:
		send_now(peer, right, size);
		return true;
	case 2: /* an exception first */
	case 3:
		size = make_frame(peer, question, codes[late_random(&peer->random) % sizeof(codes)], wrong);
		send_now(peer, wrong, size);
		size = make_frame(peer, question, 0, right);
		break;
	case 4: /* the first half of the answer, and the rest late */
		send_now(peer, right, half);
		send_later(peer, right + half, size - half, asked_ns, delay_ns);
		if (peer->tcp && peer->n_pending > 0) {
			/* TCP has no checksum: the head of one frame and the rest of another would be a right frame.
			 */
			peer->pending[peer->n_pending - 1].connection = peer->connections;
		}
		return true;
	case 5: /* an answer of another unit, or with a wrong checksum, first */
		memcpy(wrong, right, size);
		wrong[peer->tcp ? 6 : size - 1] ^= 0x55;
		send_now(peer, wrong, size);
		break;
	case 6: /* the connection ends, and the answer comes on the next connection */
		send_later(peer, right, size, asked_ns, delay_ns);
		if (peer->listener >= 0) {
			hang_up(peer);
		}
		return peer->listener < 0;
	default: /* no answer at first */
		break;
	}
	send_later(peer, right, size, asked_ns, delay_ns);
	return true;
}

/* Answers the requests in peer->in. */
static void answer_all(struct late_peer *peer)
{
	const size_t size = peer->tcp ? 12 : 8;

	while (peer->n_in >= size) {
		/* The worker notes the time just before it sends a request. If a request is read too late, the time
		 * of its sending is not known: it gets no answer. */
		int64_t asked_ms = link_alive_until(peer->link) - ALIVE_MS;
		int64_t lag_ms = clock_real_mono_ms() - asked_ms;
		uint8_t question[12];
		memcpy(question, peer->in, size);
		peer->n_in -= size;
		memmove(peer->in, peer->in + size, peer->n_in);
		if (lag_ms >= 0 && lag_ms <= LAG_MS && peer->n_in == 0 && !answer(peer, question, asked_ms * MS_NS)) {
			return;
		}
	}
}

static void receive(struct late_peer *peer)
{
	ssize_t n = read(peer->fd, peer->in + peer->n_in, sizeof(peer->in) - peer->n_in);

	if (n > 0) {
		peer->n_in += (size_t)n;
		answer_all(peer);
	} else if (peer->listener >= 0 && (n == 0 || errno != EINTR)) {
		close(peer->fd);
		peer->fd = -1;
		peer->n_in = 0;
	}
}

static void *serve(void *context)
{
	struct late_peer *peer = context;

	while (!atomic_load(&peer->stop)) {
		struct pollfd pfds[2] = { { .fd = peer->fd, .events = POLLIN },
			{ .fd = peer->listener, .events = POLLIN } };
		if (poll(pfds, 2, send_due(peer)) <= 0) {
			continue;
		}
		if (pfds[1].revents) { /* a new connection replaces the old one */
			if (peer->fd >= 0) {
				close(peer->fd);
			}
			peer->fd = accept(peer->listener, NULL, NULL);
			peer->connections++;
			peer->n_in = 0;
		} else if (pfds[0].revents & POLLIN) {
			receive(peer);
		} else if (pfds[0].revents) {
			(void)poll(NULL, 0, 1); /* the serial line is not open on the other side yet */
		}
	}
	return NULL;
}

bool late_peer_start(struct late_peer *peer)
{
	return pthread_create(&peer->thread, NULL, serve, peer) == 0;
}

void late_peer_stop(struct late_peer *peer)
{
	atomic_store(&peer->stop, true);
	pthread_join(peer->thread, NULL);
	if (peer->fd >= 0) {
		close(peer->fd);
	}
	if (peer->listener >= 0) {
		close(peer->listener);
	}
}
