/* bus_tcp.c - sockets, and the frames of Modbus TCP. Not by libmodbus: that sends raw questions with transaction id 0
 * (3.1.6), so that a late answer looks like the answer to the next question. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/modbus/bus_internal.h"

#define QUESTION_BYTES 6
#define MIN_LENGTH 3 /* MBAP's length of an exception: unit id, function, code */
#define MAX_LENGTH (TCP_FRAME_SIZE - MBAP_BYTES)

/* ---- connecting ---- */

/* Returns the connected descriptor, which does not block while it connects and blocks afterwards. -1 with errno. */
static int connect_address(const struct addrinfo *address, int64_t timeout_ms)
{
	int error = 0, fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	socklen_t size = sizeof(error);

	if (fd < 0) {
		return -1;
	}
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
		struct pollfd pfd = { .fd = fd, .events = POLLOUT };
		error = errno;
		if (error == EINPROGRESS) {
			int n = poll(&pfd, 1, (int)timeout_ms);
			error = n == 0 ? ETIMEDOUT : n < 0 ? errno : 0;
		}
		if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
			error = errno;
		}
	}
	if (error != 0 || fcntl(fd, F_SETFL, 0) < 0) {
		close(fd);
		errno = error ? error : EIO;
		return -1;
	}
	return fd;
}

/* The kernel then notices within a minute that the peer has vanished, even while no question is open. */
static bool set_tcp_options(int fd)
{
	static const int on = 1, idle_s = 30, interval_s = 10, probes = 3, unsent_ms = 10000;

	return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unsent_ms, sizeof(unsent_ms)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

int bus_tcp_connect(const struct link_conf *conf)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *found = NULL;
	char service[8];
	int fd = -1;

	snprintf(service, sizeof(service), "%d", conf->port);
	if (getaddrinfo(conf->host, service, &hints, &found) != 0) {
		errno = EHOSTUNREACH;
		return -1;
	}
	for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
		fd = connect_address(a, conf->timeout_ms);
	}
	int error = errno;
	freeaddrinfo(found);
	if (fd >= 0 && !set_tcp_options(fd)) {
		error = errno;
		close(fd);
		fd = -1;
	}
	errno = error;
	return fd;
}

/* ---- one question ---- */

static bool send_question(struct bus *bus, int unit, const struct request *request)
{
	uint8_t frame[MBAP_BYTES + QUESTION_BYTES] = { 0 };

	/* The id is never 0, because a device without ids answers with 0. */
	bus->transaction = (uint16_t)(bus->transaction == UINT16_MAX ? 1 : bus->transaction + 1);
	frame[0] = (uint8_t)(bus->transaction >> 8);
	frame[1] = (uint8_t)bus->transaction;
	frame[5] = QUESTION_BYTES;
	bus_write_question(unit, request, frame + MBAP_BYTES);
	/* The send buffer of a working connection always has room for twelve bytes. */
	return send(bus->fd, frame, sizeof(frame), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(frame);
}

/* Waits for bytes until `deadline_ns` and adds them to bus->in. Returns 1; 0 at the deadline or when stopped; -1 when
 * the connection has ended. */
static int receive(struct bus *bus, int64_t deadline_ns)
{
	struct pollfd pfds[2] = { { .fd = bus->fd, .events = POLLIN }, { .fd = bus->stop_fd, .events = POLLIN } };

	for (;;) {
		int64_t left_ns = deadline_ns - bus_now_ns();
		struct timespec ts = bus_timespec(left_ns);
		if (left_ns <= 0) {
			return 0;
		}
		int ready = ppoll(pfds, 2, &ts, NULL);
		if (ready == 0 || (ready > 0 && pfds[1].revents)) {
			return 0; /* after the stop nobody needs the answer */
		}
		if (ready < 0) {
			if (errno == EINTR) {
				continue;
			}
			return -1;
		}
		ssize_t n = recv(bus->fd, bus->in + bus->n_in, sizeof(bus->in) - bus->n_in, MSG_DONTWAIT);
		if (n > 0) {
			bus->n_in += (size_t)n;
			bus->received = true;
			bus->last_byte_ns = bus_now_ns();
			return 1;
		}
		if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
			return -1;
		}
	}
}

/* The length of the first frame in bus->in; 0 while the frame is not complete; -1 when the bytes cannot begin a frame
 * of Modbus TCP. */
static int first_frame(const struct bus *bus)
{
	const uint8_t *in = bus->in;

	if ((bus->n_in > 2 && in[2] != 0) || (bus->n_in > 3 && in[3] != 0)) {
		return -1; /* the protocol id */
	}
	if (bus->n_in < MBAP_BYTES) {
		return 0;
	}
	size_t length = (size_t)in[4] << 8 | in[5];
	if (length < MIN_LENGTH || length > MAX_LENGTH) {
		return -1;
	}
	return bus->n_in >= MBAP_BYTES + length ? (int)(MBAP_BYTES + length) : 0;
}

/* Examines the complete frames in bus->in. True when the question is answered, or cannot be answered any more. */
static bool take_frames(struct bus *bus, int unit, const struct request *request, struct answer *answer)
{
	for (;;) {
		int size = first_frame(bus);
		if (size < 0) {
			answer->trouble = TROUBLE_FOREIGN; /* the start of the next frame is unknown */
			bus->misframed = true;
			return true;
		}
		if (size == 0) {
			return false;
		}
		uint16_t id = (uint16_t)(bus->in[0] << 8 | bus->in[1]);
		bool mine = id == bus->transaction || !link_has_ids(bus->conf);
		if (mine) {
			answer->result =
				bus_check_pdu(unit, request, bus->in + MBAP_BYTES, (size_t)size - MBAP_BYTES, answer);
		}
		if (answer->result == ANSWER_OK) {
			bus->n_last_answer = (size_t)size;
			memcpy(bus->last_answer, bus->in, bus->n_last_answer);
		}
		bus->n_in -= (size_t)size;
		memmove(bus->in, bus->in + size, bus->n_in);
		if (mine) {
			/* A frame with the right id and anything else wrong ends the question: a second frame with this
			 * id would not be trusted. */
			answer->trouble = answer->result == ANSWER_BROKEN ? TROUBLE_FOREIGN : TROUBLE_NONE;
			return true;
		}
		bus->discarded++;
	}
}

void bus_tcp_ask(struct bus *bus, int unit, const struct request *request, const struct bus_timing *timing,
	struct answer *ret_answer)
{
	int64_t deadline_ns = bus_now_ns() + timing->timeout_ms * 1000000;
	int r = send_question(bus, unit, request) ? 1 : -1;

	while (r > 0) {
		r = receive(bus, deadline_ns);
		if (r > 0 && take_frames(bus, unit, request, ret_answer)) {
			return;
		}
	}
	if (r < 0) {
		ret_answer->trouble = TROUBLE_CLOSED;
	} else if (bus->discarded > 0) {
		ret_answer->trouble = TROUBLE_OTHER_ID;
	} else {
		ret_answer->result = ANSWER_TIMEOUT;
	}
}
