#include "daemon/mqtt/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0 or the errno of connecting; the socket is to be non-blocking. */
static int connect_within(int fd, const struct addrinfo *address, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) {
		return 0;
	}
	if (errno != EINPROGRESS) {
		return errno;
	}
	if (poll(&pfd, 1, timeout_ms) != 1) {
		return ETIMEDOUT;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

/* 0 or an errno; *ret_fd is a connected socket then. */
static int try_address(const struct addrinfo *address, int timeout_ms, int *ret_fd)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return errno;
	}
	int error = connect_within(fd, address, timeout_ms);
	if (error) {
		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

int tcp_connect(const char *host, const char *port, int timeout_ms, char *words, size_t size)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int fd = -1;

	int failed = getaddrinfo(host, port, &hints, &found);
	if (failed) {
		snprintf(words, size, "the host name %.60s is not known (%s)", host, gai_strerror(failed));
		return -1;
	}
	int error = try_address(found, timeout_ms, &fd);
	for (const struct addrinfo *a = found->ai_next; error && a; a = a->ai_next) {
		error = try_address(a, timeout_ms, &fd);
	}
	freeaddrinfo(found);
	if (error == ECONNREFUSED) {
		snprintf(words, size, "connection refused: no broker listens on port %s of %.60s", port, host);
	} else if (error) {
		snprintf(words, size, "no connection to port %s of %.60s: %s", port, host,
			error == ETIMEDOUT ? "no answer" : strerror(error));
	}
	return fd;
}
