#include "daemon/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock.h"

#define MBAP_BYTES 6 /* transaction id, protocol id, length: before the unit id */
#define CRC_BYTES 2
#define QUIET_ROUNDS 10

struct bus {
	const struct link_conf *conf;
	modbus_t *modbus;
	int stop_fd;
	struct timespec quiet_since;
};

/* ---- waiting ---- */

static int64_t ns_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) * 1000000000LL + (now.tv_nsec - then->tv_nsec);
}

static void wait_ns(struct bus *bus, int64_t ns)
{
	struct pollfd pfd = { .fd = bus->stop_fd, .events = POLLIN };
	struct timespec ts = { .tv_sec = ns / 1000000000LL, .tv_nsec = ns % 1000000000LL };

	if (ns > 0) {
		(void)ppoll(&pfd, 1, &ts, NULL); /* a signal or the stop ends it early, which does no harm */
	}
}

void bus_rest(struct bus *bus, int64_t ms)
{
	wait_ns(bus, ms * 1000000 - ns_since(&bus->quiet_since));
}

/* ---- connecting ---- */

/* The descriptor, non-blocking while it connects. -1 with errno. */
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

/* A peer that vanished without a word is noticed within a minute even while nothing is asked. */
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

/* Tries the addresses of a name one after the other. libmodbus would look names up inside its connect, without a
 * bound, and takes only the first. */
static int connect_host(const struct link_conf *conf)
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

static modbus_t *open_tcp(const struct link_conf *conf)
{
	int fd = connect_host(conf);

	if (fd < 0) {
		return NULL;
	}
	/* The context speaks the frames; its own address and port are never used. */
	modbus_t *modbus = conf->type == LINK_TCP ? modbus_new_tcp("127.0.0.1", conf->port)
						  : modbus_new_rtu("/dev/null", 9600, 'N', 8, 1);
	if (!modbus || modbus_set_socket(modbus, fd) < 0) {
		close(fd);
		modbus_free(modbus);
		errno = ENOMEM;
		return NULL;
	}
	return modbus;
}

/* Who sends on RS-485 is switched by the kernel, by the RTS line, or by the adapter itself. */
static bool set_direction(modbus_t *modbus, const struct link_conf *conf)
{
	switch (conf->rts) {
	case RTS_NONE:
		return true;
	case RTS_KERNEL:
		return modbus_rtu_set_serial_mode(modbus, MODBUS_RTU_RS485) == 0;
	case RTS_UP:
	case RTS_DOWN:
		return modbus_rtu_set_rts(modbus, conf->rts == RTS_UP ? MODBUS_RTU_RTS_UP : MODBUS_RTU_RTS_DOWN) == 0 &&
			modbus_rtu_set_rts_delay(modbus, (int)(conf->rts_delay_ms * 1000)) == 0;
	}
	return true;
}

static modbus_t *open_serial(const struct link_conf *conf)
{
	modbus_t *modbus = modbus_new_rtu(conf->device, conf->baud, conf->parity, conf->data_bits, conf->stop_bits);

	if (!modbus) {
		return NULL;
	}
	bool good = modbus_connect(modbus) == 0;
	int error = errno;
	if (good && flock(modbus_get_socket(modbus), LOCK_EX | LOCK_NB) < 0) {
		good = false;
		error = EBUSY; /* two masters on a bus spoil each other's answers */
	}
	if (good && (ioctl(modbus_get_socket(modbus), TIOCEXCL) < 0 || !set_direction(modbus, conf))) {
		good = false;
		error = errno;
	}
	if (!good) {
		modbus_close(modbus);
		modbus_free(modbus);
		errno = error;
		return NULL;
	}
	return modbus;
}

struct bus *bus_open(const struct link_conf *conf, int stop_fd)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus) {
		errno = ENOMEM;
		return NULL;
	}
	bus->conf = conf;
	bus->stop_fd = stop_fd;
	bus->modbus = conf->type == LINK_RTU ? open_serial(conf) : open_tcp(conf);
	int error = errno;
	if (bus->modbus && modbus_get_socket(bus->modbus) >= FD_SETSIZE) {
		error = EMFILE; /* libmodbus uses select(): such a descriptor would abort the process */
		modbus_close(bus->modbus);
		modbus_free(bus->modbus);
		bus->modbus = NULL;
	}
	if (!bus->modbus) {
		free(bus);
		errno = error;
		return NULL;
	}
	clock_gettime(CLOCK_MONOTONIC, &bus->quiet_since);
	return bus;
}

void bus_close(struct bus *bus)
{
	if (bus) {
		modbus_close(bus->modbus);
		modbus_free(bus->modbus);
		free(bus);
	}
}

/* ---- one read ---- */

/* Throws away what has arrived without a question; returns how many bytes, or -1 when the line is gone. */
static int discard(struct bus *bus)
{
	uint8_t bytes[256];
	int total = 0, fd = modbus_get_socket(bus->modbus);

	if (bus->conf->type == LINK_RTU) {
		int n = 0;
		if (ioctl(fd, FIONREAD, &n) < 0 || modbus_flush(bus->modbus) < 0) {
			return -1;
		}
		return n;
	}
	for (;;) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0) {
			return errno == EAGAIN || errno == EWOULDBLOCK ? total : -1;
		}
		if (n == 0) {
			return -1; /* the other side closed */
		}
		total += (int)n;
		if (total > 1 << 20) {
			return total; /* a flood: whoever asked will give the connection up */
		}
	}
}

bool bus_settle(struct bus *bus, const struct bus_timing *timing)
{
	struct pollfd pfds[2] = { { .fd = modbus_get_socket(bus->modbus), .events = POLLIN },
		{ .fd = bus->stop_fd, .events = POLLIN } };

	if (bus->conf->type == LINK_TCP) {
		return false; /* late answers die with their connection */
	}
	/* On a bus a late answer has no mark that tells it from the next one. */
	for (int i = 0; i < QUIET_ROUNDS; i++) {
		int n = poll(pfds, 2, (int)timing->timeout_ms);
		if (n <= 0 || pfds[1].revents) {
			return true;
		}
		if (pfds[0].revents & (POLLERR | POLLHUP | POLLNVAL) || discard(bus) < 0) {
			return false;
		}
	}
	return bus->conf->type == LINK_RTU;
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

static enum answer_result failure_of(int error, struct answer *answer)
{
	if (error == ETIMEDOUT) {
		return ANSWER_TIMEOUT;
	}
	answer->trouble = error == EMBBADCRC                                     ? TROUBLE_CHECKSUM
		: error == EMBBADDATA || error == EMBMDATA || error == EMBBADEXC ? TROUBLE_FOREIGN
										 : TROUBLE_CLOSED;
	return ANSWER_BROKEN;
}

static void set_timing(struct bus *bus, const struct bus_timing *timing)
{
	int64_t ms = timing->timeout_ms;

	modbus_set_response_timeout(bus->modbus, (uint32_t)(ms / 1000), (uint32_t)(ms % 1000) * 1000);
	/* Zero: the response time-out bounds the whole answer; a device that sends a byte now and then
	 * could otherwise hold us for minutes. */
	ms = bus->conf->type == LINK_TCP ? 0 : timing->byte_timeout_ms;
	modbus_set_byte_timeout(bus->modbus, 0, (uint32_t)ms * 1000);
}

/* Makes sure that the next bytes on the bus answer the next request. */
static bool clear_line(struct bus *bus, struct answer *answer)
{
	if (bus->conf->type != LINK_TCP) {
		wait_ns(bus, link_gap_ns(bus->conf) - ns_since(&bus->quiet_since));
	}
	int n = discard(bus);
	if (n < 0) {
		answer->trouble = TROUBLE_CLOSED;
		return false;
	}
	/* On a bus a noise byte between frames is common and harmless once it is thrown away. */
	if (n > 0 && bus->conf->type == LINK_TCP) {
		answer->trouble = TROUBLE_STALE;
		return false;
	}
	return true;
}

void bus_ask(struct bus *bus, int unit, const struct request *request, const struct bus_timing *timing,
	struct answer *ret_answer)
{
	uint8_t question[] = { (uint8_t)unit, request->function, (uint8_t)(request->address >> 8),
		(uint8_t)request->address, (uint8_t)(request->count >> 8), (uint8_t)request->count };
	uint8_t frame[MODBUS_TCP_MAX_ADU_LENGTH] = { 0 };

	memset(ret_answer, 0, sizeof(*ret_answer));
	ret_answer->result = ANSWER_BROKEN;
	if (request->function < 1 || request->function > 4 || !clear_line(bus, ret_answer)) {
		return;
	}
	set_timing(bus, timing);
	(void)modbus_set_slave(bus->modbus, unit); /* on RTU libmodbus drops frames of other units by it */
	if (modbus_send_raw_request(bus->modbus, question, sizeof(question)) < 0) {
		ret_answer->result = failure_of(errno, ret_answer);
		return;
	}
	int length = modbus_receive_confirmation(bus->modbus, frame);
	int error = errno;
	clock_gettime(CLOCK_MONOTONIC, &bus->quiet_since);
	if (length < 0) {
		ret_answer->result = failure_of(error, ret_answer);
		return;
	}
	ret_answer->result = check_frame(bus->conf, unit, request, frame, length, ret_answer);
	if (ret_answer->result == ANSWER_BROKEN) {
		ret_answer->trouble = TROUBLE_FOREIGN;
	}
}
