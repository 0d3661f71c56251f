/* bench_devices.c - simple devices for the benchmarks, which need little CPU time: every holding register holds half
 * of a float.
 *
 *   bench_devices tcp N DEAD   N Modbus TCP servers on 127.0.0.1, the first DEAD of them never answer
 *   bench_devices rtu BAUD DEAD  one pseudo-terminal; every unit but DEAD (0 = none) answers, as fast as a line of that
 *                              speed allows
 *
 * The program prints the ports, or the device, one in each line, then "ready", and runs until it is killed. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEVICES 512
#define MAX_FDS 4096
#define BITS_PER_CHARACTER 10 /* 8N1 */

/* The registers repeat 42F6 E979: 123.456 in ABCD at even addresses. */
static uint16_t register_at(unsigned address)
{
	return address % 2 ? 0xE979 : 0x42F6;
}

/* Writes the answer PDU to a read of holding registers; returns its length. */
static size_t answer(const uint8_t *pdu, uint8_t *out)
{
	unsigned address = (unsigned)(pdu[1] << 8 | pdu[2]), count = (unsigned)(pdu[3] << 8 | pdu[4]);

	if (pdu[0] != 3 || count < 1 || count > 125) {
		out[0] = pdu[0] | 0x80;
		out[1] = 1;
		return 2;
	}
	out[0] = 3;
	out[1] = (uint8_t)(2 * count);
	for (unsigned i = 0; i < count; i++) {
		out[2 + 2 * i] = (uint8_t)(register_at(address + i) >> 8);
		out[3 + 2 * i] = (uint8_t)register_at(address + i);
	}
	return 2 + 2 * count;
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 16) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
		perror("bench_devices");
		exit(1);
	}
	printf("%d\n", ntohs(address.sin_port));
	return fd;
}

static void serve(int fd, bool *closed)
{
	uint8_t frame[260], out[260];
	ssize_t n = recv(fd, frame, sizeof(frame), 0);

	*closed = n <= 0;
	if (n < 12) {
		return; /* our clients send a request in one piece */
	}
	size_t length = answer(frame + 7, out + 7);
	memcpy(out, frame, 4);
	out[4] = 0;
	out[5] = (uint8_t)(length + 1);
	out[6] = frame[6];
	if (send(fd, out, length + 7, MSG_NOSIGNAL) < 0) {
		*closed = true;
	}
}

static _Noreturn void serve_tcp(int n, int dead)
{
	static bool listens[MAX_FDS], silent[MAX_FDS];
	int ep = epoll_create1(EPOLL_CLOEXEC);

	for (int i = 0; i < n && i < MAX_DEVICES; i++) {
		int fd = listen_somewhere();
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
		listens[fd] = true;
		silent[fd] = i < dead;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[64];
		int found = epoll_wait(ep, events, 64, -1);
		for (int i = 0; i < found; i++) {
			int fd = events[i].data.fd;
			bool closed = false;
			if (listens[fd]) {
				int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
				struct epoll_event event = { .events = EPOLLIN, .data.fd = peer };
				if (peer >= 0 && peer < MAX_FDS && !silent[fd]) {
					listens[peer] = false;
					epoll_ctl(ep, EPOLL_CTL_ADD, peer, &event);
				}
				continue;
			}
			serve(fd, &closed);
			if (closed) {
				close(fd);
			}
		}
	}
}

/* ---- a serial line ---- */

static uint16_t crc16(const uint8_t *data, size_t n)
{
	unsigned crc = 0xFFFF;

	for (size_t i = 0; i < n; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
		}
	}
	return (uint16_t)crc;
}

static void sleep_until(struct timespec *at, int64_t ns)
{
	at->tv_nsec += ns % 1000000000;
	at->tv_sec += ns / 1000000000 + at->tv_nsec / 1000000000;
	at->tv_nsec %= 1000000000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at, NULL) == EINTR) {
	}
}

static int serve_rtu(int baud, int dead)
{
	const int64_t character_ns = BITS_PER_CHARACTER * 1000000000LL / baud;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios raw;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
		perror("bench_devices");
		return 1;
	}
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC); /* stays open while clients come and go */
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	printf("%s\nready\n", ptsname(master));
	fflush(stdout);
	for (;;) {
		uint8_t frame[256], out[260];
		struct timespec now;
		ssize_t n = read(master, frame, sizeof(frame));
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (n != 8 || frame[0] == dead || crc16(frame, 6) != (frame[6] | frame[7] << 8)) {
			continue;
		}
		out[0] = frame[0];
		size_t length = 1 + answer(frame + 1, out + 1);
		uint16_t crc = crc16(out, length);
		out[length++] = (uint8_t)crc;
		out[length++] = (uint8_t)(crc >> 8);
		/* The time of the request on the wire, of the 3.5 characters of silence by which the device sees its
		 * end, and of the answer. */
		sleep_until(&now, (int64_t)((double)character_ns * (8.0 + 3.5 + (double)length)));
		if (write(master, out, length) < 0) {
			return 1;
		}
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "tcp") == 0) {
		serve_tcp(atoi(argv[2]), atoi(argv[3]));
	}
	if (argc == 4 && strcmp(argv[1], "rtu") == 0) {
		return serve_rtu(atoi(argv[2]), atoi(argv[3]));
	}
	fputs("Usage: bench_devices tcp N DEAD | rtu BAUD DEAD\n", stderr);
	return 2;
}
