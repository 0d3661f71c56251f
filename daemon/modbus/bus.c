#include "daemon/modbus/bus.h"

#include <errno.h>
#include <modbus.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/modbus/bus_internal.h"

#define CRC_BYTES 2
#define SHORTEST_FRAME 5          /* RTU: unit id, function, exception, CRC. Fewer bytes are noise, not an answer */
#define QUIET_ROUNDS 10           /* the wait for silence is given up after so many times the slowest time-out */
#define LATE_MARGIN_NS 20000000LL /* a late answer may spend this time in kernels and serial servers */
#define COPY_CHECKS_FIRST 1       /* on a new line: right answers after which a second copy is waited for */
#define COPY_CHECKS_LONG 1000     /* the same after a second copy was seen */
#define EAGER_NS 500000000LL      /* wait for bytes that follow an answer; later bytes are left to the next question */
#define FLOOD_BYTES (1 << 20)     /* so many bytes without a question are a flood: dropping them ends */

/* ---- waiting ---- */

static void wait_ns(struct bus *bus, int64_t ns)
{
	struct pollfd pfd = { .fd = bus->stop_fd, .events = POLLIN };
	struct timespec ts = bus_timespec(ns);

	if (ns > 0) {
		(void)ppoll(&pfd, 1, &ts, NULL); /* a signal or the stop may end this wait early, which does no harm */
	}
}

void bus_wait_quiet(struct bus *bus, int64_t ms)
{
	wait_ns(bus, ms * 1000000 - (bus_now_ns() - bus->last_byte_ns));
}

/* ---- connecting ---- */

/* An RS-485 adapter is switched to sending by the kernel, by the RTS line, or by itself. */
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

/* libmodbus speaks RTU on our socket; the serial device given to it is never opened. */
static modbus_t *open_rtu_over_tcp(const struct link_conf *conf)
{
	int fd = bus_tcp_connect(conf);

	if (fd < 0) {
		return NULL;
	}
	modbus_t *modbus = modbus_new_rtu("/dev/null", 9600, 'N', 8, 1);
	if (!modbus || modbus_set_socket(modbus, fd) < 0) {
		close(fd);
		modbus_free(modbus);
		errno = ENOMEM;
		return NULL;
	}
	if (fd >= FD_SETSIZE) {
		modbus_close(modbus);
		modbus_free(modbus);
		errno = EMFILE; /* libmodbus uses select(): such a descriptor would abort the process */
		return NULL;
	}
	return modbus;
}

struct bus *bus_create(const struct link_conf *conf, int64_t slowest_ms, int stop_fd)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (bus) {
		bus->conf = conf;
		bus->slowest_ms = slowest_ms;
		bus->stop_fd = stop_fd;
		bus->fd = -1;
		bus->copy_checks = COPY_CHECKS_FIRST;
		bus->last_byte_ns = bus_now_ns();
		/* Ids start at a time, so that an earlier run of the daemon used others. */
		bus->transaction = (uint16_t)(bus->last_byte_ns / 1000);
		/* Another program may have asked on this line before: wait until its answer cannot come any more. */
		bus->silent_until_ns = bus->last_byte_ns + slowest_ms * 1000000 + LATE_MARGIN_NS;
	}
	return bus;
}

bool bus_is_connected(const struct bus *bus)
{
	return bus->modbus || bus->fd >= 0;
}

bool bus_connect(struct bus *bus)
{
	bus_disconnect(bus);
	switch (bus->conf->type) {
	case LINK_TCP:
		bus->fd = bus_tcp_connect(bus->conf);
		break;
	case LINK_RTU:
		bus->modbus = open_serial(bus->conf);
		break;
	case LINK_RTU_TCP:
		bus->modbus = open_rtu_over_tcp(bus->conf);
		break;
	}
	return bus_is_connected(bus);
}

void bus_disconnect(struct bus *bus)
{
	if (bus->modbus) {
		modbus_close(bus->modbus);
		modbus_free(bus->modbus);
		bus->modbus = NULL;
	}
	if (bus->fd >= 0) {
		close(bus->fd);
		bus->fd = -1;
	}
	bus->n_in = 0;
	bus->n_answered = 0;
}

void bus_destroy(struct bus *bus)
{
	if (bus) {
		bus_disconnect(bus);
		free(bus);
	}
}

/* ---- before a question ---- */

static int descriptor(const struct bus *bus)
{
	return bus->modbus ? modbus_get_socket(bus->modbus) : bus->fd;
}

/* Keeps the first stray bytes, to recognise a second copy of an answer. */
static void keep_stray_bytes(struct bus *bus, const uint8_t *bytes, size_t n)
{
	size_t room = sizeof(bus->stray) - bus->n_stray;

	n = n < room ? n : room;
	memcpy(bus->stray + bus->n_stray, bytes, n);
	bus->n_stray += n;
}

/* Drops the bytes that arrived without a question. Returns their number, or -1 when the line is gone. */
static int discard_input(struct bus *bus)
{
	uint8_t bytes[256];
	int total = (int)bus->n_in, fd = descriptor(bus);

	keep_stray_bytes(bus, bus->in, bus->n_in);
	bus->n_in = 0;
	while (total < FLOOD_BYTES) {
		bool serial = bus->conf->type == LINK_RTU;
		ssize_t n = serial ? read(fd, bytes, sizeof(bytes)) : recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0) {
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? total : -1;
		}
		if (n == 0) {
			return serial ? total : -1; /* serial: no more bytes; TCP: the other side closed */
		}
		keep_stray_bytes(bus, bytes, (size_t)n);
		total += (int)n;
	}
	return total;
}

/* Forbids the next question until the slowest answer to a question of `from_ns` cannot come any more. */
static void require_silence(struct bus *bus, int64_t from_ns)
{
	int64_t until_ns = from_ns + bus->slowest_ms * 1000000 + LATE_MARGIN_NS;

	if (bus->silent_until_ns < until_ns) {
		bus->silent_until_ns = until_ns;
	}
}

/* Drops bytes until none has come for the gap between two frames and the required silence is over. Returns the number
 * of bytes; -1 when the line is gone; -2 when the line is not silent within `give_up_ns` or the stop ends the wait. */
static int drain_line(struct bus *bus, int64_t give_up_ns)
{
	struct pollfd pfds[2] = { { .fd = descriptor(bus), .events = POLLIN },
		{ .fd = bus->stop_fd, .events = POLLIN } };
	int64_t begun_ns = bus_now_ns();
	int total = 0;

	for (;;) {
		int n = discard_input(bus);
		int64_t now_ns = bus_now_ns();
		if (n < 0) {
			return -1;
		}
		if (n > 0) {
			total = total < FLOOD_BYTES ? total + n : total;
			bus->last_byte_ns = now_ns;
			if (bus->silent_until_ns > 0) { /* more late answers may be on their way */
				require_silence(bus, now_ns);
			}
		}
		int64_t until_ns = bus->last_byte_ns + link_gap_ns(bus->conf);
		until_ns = until_ns > bus->silent_until_ns ? until_ns : bus->silent_until_ns;
		if (n == 0 && now_ns >= until_ns) {
			return total;
		}
		if (now_ns - begun_ns > give_up_ns) {
			return -2;
		}
		int64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 1;
		struct timespec ts = bus_timespec(left_ns);
		if (ppoll(pfds, 2, &ts, NULL) > 0 && pfds[1].revents) {
			return -2;
		}
		if (pfds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) {
			return -1; /* for example: a serial adapter was pulled out */
		}
	}
}

/* Without ids: drops old bytes and waits for the required silence, so that the next bytes answer the next question. */
static enum answer_trouble clear_line(struct bus *bus)
{
	int64_t give_up_ns = QUIET_ROUNDS * bus->slowest_ms * 1000000;

	bus->n_stray = 0;
	int n = drain_line(bus, give_up_ns);
	if (n >= SHORTEST_FRAME) {
		/* These bytes are a late answer to an earlier question; more late answers may be on their way. */
		require_silence(bus, bus_now_ns());
		n = drain_line(bus, give_up_ns);
	}
	if (n < 0) {
		return n == -1 ? TROUBLE_CLOSED : TROUBLE_STALE;
	}
	if (bus->n_last_answer > 0 && bus->n_stray >= bus->n_last_answer &&
		memcmp(bus->stray, bus->last_answer, bus->n_last_answer) == 0) {
		/* This line sends answers twice: a copy may come instead of the next answer. */
		bus->copy_checks = COPY_CHECKS_LONG;
	} else if (bus->n_last_answer > 0 && bus->copy_checks > 0) {
		bus->copy_checks--;
	}
	bus->n_last_answer = 0;
	bus->silent_until_ns = 0;
	return TROUBLE_NONE;
}

enum answer_trouble bus_clear(struct bus *bus)
{
	if (!link_has_ids(bus->conf)) {
		return clear_line(bus);
	}
	int n = discard_input(bus);
	if (n < 0) {
		return TROUBLE_CLOSED;
	}
	/* Some devices send a greeting on a new connection; that does no harm. On a connection that has answered
	 * before, more stray bytes may follow: the caller makes a new one. */
	return n >= FLOOD_BYTES || (n > 0 && bus->n_answered > 0) ? TROUBLE_STALE : TROUBLE_NONE;
}

/* ---- one question ---- */

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
	/* With 0 the response time-out applies to the whole answer. Otherwise a device that sends a byte now and then
	 * could hold us for minutes. */
	modbus_set_byte_timeout(bus->modbus, 0, (uint32_t)timing->byte_timeout_ms * 1000);
}

static void ask_rtu(struct bus *bus, int unit, const struct request *request, const struct bus_timing *timing,
	struct answer *answer)
{
	uint8_t question[6], frame[MODBUS_RTU_MAX_ADU_LENGTH] = { 0 };

	bus_write_question(unit, request, question);
	set_timing(bus, timing);
	(void)modbus_set_slave(bus->modbus, unit); /* libmodbus then drops frames of other units */
	if (modbus_send_raw_request(bus->modbus, question, sizeof(question)) < 0) {
		answer->result = failure_of(errno, answer);
		return;
	}
	int length = modbus_receive_confirmation(bus->modbus, frame);
	int error = errno;
	bus->last_byte_ns = bus_now_ns();
	if (length < 0) {
		answer->result = failure_of(error, answer);
		return;
	}
	size_t size = length > CRC_BYTES ? (size_t)length - CRC_BYTES : 0;
	answer->result = bus_check_pdu(unit, request, frame, size, answer);
	if (answer->result == ANSWER_OK) {
		bus->n_last_answer = (size_t)length;
		memcpy(bus->last_answer, frame, bus->n_last_answer);
	}
	if (answer->result == ANSWER_BROKEN) {
		answer->trouble = TROUBLE_FOREIGN;
	}
}

/* Without ids: sets the silence that is required after this answer. */
static void require_silence_after(
	struct bus *bus, int64_t asked_ns, const struct bus_timing *timing, const struct answer *answer)
{
	if (answer->result == ANSWER_OK) {
		/* Bytes that follow at once belong to this answer. The result is ignored: if the line is gone, the next
		 * question finds out. */
		(void)drain_line(bus, EAGER_NS);
		if (bus->copy_checks == 0) {
			return;
		}
	} else {
		require_silence(bus, asked_ns + timing->timeout_ms * 1000000);
	}
	require_silence(bus, bus_now_ns());
}

void bus_ask(struct bus *bus, int unit, const struct request *request, const struct bus_timing *timing,
	struct answer *ret_answer)
{
	int64_t asked_ns = bus_now_ns();

	memset(ret_answer, 0, sizeof(*ret_answer));
	ret_answer->result = ANSWER_BROKEN;
	bus->discarded = 0;
	bus->received = false;
	bus->misframed = false;
	if (request->function < 1 || request->function > 4) {
		return;
	}
	if (bus->conf->type == LINK_TCP) {
		bus_tcp_ask(bus, unit, request, timing, ret_answer);
	} else {
		ask_rtu(bus, unit, request, timing, ret_answer);
	}
	if (!link_has_ids(bus->conf)) {
		require_silence_after(bus, asked_ns, timing, ret_answer);
	}
	bool silent = ret_answer->result == ANSWER_TIMEOUT || ret_answer->result == ANSWER_BROKEN;
	bus->answered_before = bus->n_answered > 0;
	bus->n_answered += !silent;
}

bool bus_needs_reconnect(const struct bus *bus, const struct answer *answer)
{
	bool silent = answer->result == ANSWER_TIMEOUT || answer->result == ANSWER_BROKEN;

	return silent && (bus->conf->type == LINK_TCP || answer->trouble == TROUBLE_CLOSED);
}

bool bus_failed_before_question(const struct bus *bus, const struct answer *answer)
{
	bool ended = answer->trouble == TROUBLE_CLOSED && !bus->received;

	return answer->result == ANSWER_BROKEN && bus->answered_before && (ended || bus->misframed);
}

unsigned bus_discarded(const struct bus *bus)
{
	return bus->discarded;
}
