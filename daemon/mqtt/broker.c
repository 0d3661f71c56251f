#include "daemon/mqtt/broker.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/text.h"
#include "daemon/mqtt/tls_look.h"

#define LOOK_MS 2000
#define MAX_SOCKETS 1024 /* of the unit's LimitNOFILE */

void broker_uri(const char *broker, char *uri, size_t size)
{
	bool tls = strncmp(broker, "mqtts://", 8) == 0;
	const char *rest = broker + (tls ? 8 : 7);
	const char *port = strrchr(rest, ':');
	bool has_port = port && strspn(port + 1, "0123456789") == strlen(port + 1) && port[1];

	snprintf(uri, size, "%s://%s%s", tls ? "ssl" : "tcp", rest, has_port ? "" : tls ? ":8883" : ":1883");
}

/* The path of the file that holds the password; "" when there is none. */
static bool password_path(const struct mqtt_conf *conf, char *path, size_t path_size, char *error, size_t size)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	const char *credential = conf->password_credential;

	if (!credential[0]) {
		snprintf(path, path_size, "%s", conf->password_file);
		return true;
	}
	if (!directory) {
		snprintf(error, size, "password_credential: systemd gave none; the unit needs LoadCredential=%s:...",
			credential);
		return false;
	}
	snprintf(path, path_size, "%s/%s", directory, credential);
	return true;
}

bool broker_password(const struct mqtt_conf *conf, char *password, size_t password_size, char *error, size_t size)
{
	char path[PATH_SIZE * 2];

	password[0] = '\0';
	if (!password_path(conf, path, sizeof(path), error, size)) {
		return false;
	}
	if (!path[0]) {
		return true;
	}
	FILE *file = fopen(path, "re");
	bool good = file && fgets(password, (int)password_size, file);
	if (!good) {
		snprintf(error, size, "the MQTT password file %s cannot be read: %s", path,
			file ? "it is empty" : strerror(errno));
	}
	if (file) {
		fclose(file);
	}
	password[strcspn(password, "\r\n")] = '\0';
	if (good && text_utf8_length(password, strlen(password)) < strlen(password)) {
		snprintf(error, size, "the MQTT password file %s is not UTF-8, perhaps GBK: save it as UTF-8", path);
		return false;
	}
	return good;
}

/* "ssl://host:8883" or "tcp://[::1]:1883" in its two parts; "[" and "]" are left out. */
static void split_uri(const char *uri, char *host, size_t host_size, char *port, size_t port_size)
{
	const char *start = uri + strlen("tcp://");
	const char *colon = strrchr(start, ':');
	size_t n = colon ? (size_t)(colon - start) : strlen(start);

	if (n >= 2 && start[0] == '[' && start[n - 1] == ']') {
		start++;
		n -= 2;
	}
	snprintf(host, host_size, "%.*s", (int)n, start);
	snprintf(port, port_size, "%s", colon ? colon + 1 : "1883");
}

/* 0 or the errno of connecting. */
static int try_address(const struct addrinfo *address)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? errno : 0;
	socklen_t size = sizeof(error);

	if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
		struct pollfd pfd = { .fd = fd, .events = POLLOUT };
		error = errno;
		if (error == EINPROGRESS) {
			error = poll(&pfd, 1, LOOK_MS) == 1 ? 0 : ETIMEDOUT;
		}
		if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
			error = errno;
		}
	}
	if (fd >= 0) {
		close(fd);
	}
	return error;
}

bool broker_answers(const char *uri, char *words, size_t size)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[PATH_SIZE], port[16];

	split_uri(uri, host, sizeof(host), port, sizeof(port));
	int failed = getaddrinfo(host, port, &hints, &found);
	if (failed) {
		snprintf(words, size, "the host name %.60s is not known (%s)", host, gai_strerror(failed));
		return false;
	}
	int error = try_address(found);
	for (const struct addrinfo *a = found->ai_next; error && a; a = a->ai_next) {
		error = try_address(a);
	}
	freeaddrinfo(found);
	if (error == ECONNREFUSED) {
		snprintf(words, size, "connection refused: no broker listens on port %s of %.60s", port, host);
	} else if (error) {
		snprintf(words, size, "no connection to port %s of %.60s: %s", port, host,
			error == ETIMEDOUT ? "no answer" : strerror(error));
	}
	return error == 0;
}

bool broker_has_tls(const char *uri, const struct mqtt_conf *conf, char *words, size_t size)
{
	char host[PATH_SIZE], port[16];

	if (strncmp(uri, "ssl", 3) != 0) {
		return true;
	}
	split_uri(uri, host, sizeof(host), port, sizeof(port));
	return tls_look(host, port, conf, words, size);
}

void broker_send_at_once(void)
{
	for (int fd = 0; fd < MAX_SOCKETS; fd++) {
		int on = 1, protocol = 0;
		socklen_t size = sizeof(protocol);
		if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP) {
			/* It works without, too. */
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		}
	}
}
