#include "daemon/mqtt/broker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/text.h"
#include "daemon/mqtt/tcp.h"
#include "daemon/mqtt/tls_look.h"

#define CONNECT_MS 2000
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

/* Cuts "ssl://host:8883" or "tcp://[::1]:1883" into host and port; the host is written without "[" and "]". */
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

bool broker_answers(const char *uri, char *words, size_t size)
{
	char host[PATH_SIZE], port[16];

	split_uri(uri, host, sizeof(host), port, sizeof(port));
	int fd = tcp_connect(host, port, CONNECT_MS, words, size);
	if (fd >= 0) {
		close(fd);
	}
	return fd >= 0;
}

bool broker_has_tls(const char *uri, const struct mqtt_conf *conf, char *words, size_t size)
{
	char host[PATH_SIZE], port[16];

	if (strncmp(uri, "ssl", 3) != 0) {
		return true;
	}
	split_uri(uri, host, sizeof(host), port, sizeof(port));
	return tls_look_connect(host, port, conf, words, size);
}

void broker_send_at_once(void)
{
	for (int fd = 0; fd < MAX_SOCKETS; fd++) {
		int on = 1, protocol = 0;
		socklen_t size = sizeof(protocol);
		if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP) {
			/* Without the option messages leave later, but they leave. */
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		}
	}
}
