#include "cli/client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_REPLY ((size_t)4 << 20) /* bytes */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Writes which group may use the socket: its group, or that of its directory when the socket cannot be seen. */
static void explain_permission(const char *path, char *error, size_t size)
{
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *slash = strrchr(path, '/');
	struct stat st;

	snprintf(directory, sizeof(directory), "%.*s", slash && slash != path ? (int)(slash - path) : 1,
		slash ? path : ".");
	bool known = stat(path, &st) == 0 || stat(directory, &st) == 0;
	/* cppcheck-suppress getgrgidCalled ; emisctl has only one thread */
	const struct group *group = known ? getgrgid(st.st_gid) : NULL;
	snprintf(error, size,
		"no permission to use %s: it is for root and the members of the group %s; \"sudo usermod -aG %s YOU\" "
		"and a new login "
		"make you one",
		path, group ? group->gr_name : "of the socket", group ? group->gr_name : "GROUP");
}

/* Returns the connected socket, or -1 with a sentence; *ret_refused is set when permission is missing. */
static int connect_daemon(const char *path, bool *ret_refused, char *error, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(error, size, "the socket path %s is too long", path);
	} else {
		memcpy(address.sun_path, path, strlen(path) + 1);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
			return fd;
		}
		if (errno == EACCES || errno == EPERM) {
			*ret_refused = true;
			explain_permission(path, error, size);
		} else {
			snprintf(error, size, "no daemon answers at %s: %s; is emisd running?", path, strerror(errno));
		}
	}
	if (fd >= 0) {
		close(fd);
	}
	return -1;
}

/* Reads until the first newline. Returns the text, which the caller frees; NULL with a sentence. */
static char *read_line(int fd, int64_t deadline_ms, char *error, size_t size)
{
	size_t room = 65536, n = 0;
	char *text = malloc(room);

	snprintf(error, size, "the daemon's reply ended before its end mark");
	while (text) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = deadline_ms - now_ms();
		if (left <= 0 || poll(&pfd, 1, (int)left) <= 0) {
			snprintf(error, size, "the daemon does not answer in time");
			break;
		}
		ssize_t got = recv(fd, text + n, room - n - 1, 0);
		if (got <= 0) {
			break;
		}
		n += (size_t)got;
		text[n] = '\0';
		if (memchr(text + n - got, '\n', (size_t)got)) {
			return text;
		}
		if (n + 1 == room) {
			char *grown = room < MAX_REPLY ? realloc(text, room * 2) : NULL;
			if (!grown) {
				snprintf(error, size, "the daemon's reply is longer than %zu MiB", MAX_REPLY >> 20);
				break;
			}
			text = grown;
			room *= 2;
		}
	}
	free(text);
	return NULL;
}

/* Returns the tables of the reply, or NULL with a sentence; *ret_refused is set when the daemon refused. */
static json_t *unpack_reply(const char *text, bool *ret_refused, char *error, size_t size)
{
	json_error_t where;
	json_t *reply = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	json_t *tables = NULL;

	if (!reply) {
		snprintf(error, size, "the daemon's reply is not JSON: %.100s", where.text);
	} else if (!json_is_true(json_object_get(reply, "end"))) {
		snprintf(error, size, "the daemon's reply has no end mark");
	} else if (!json_is_true(json_object_get(reply, "ok"))) {
		const char *words = json_string_value(json_object_get(reply, "error"));
		snprintf(error, size, "%s",
			words ? words : "the daemon refused the request and gave no reason; see its log");
		*ret_refused = true;
	} else {
		tables = json_incref(json_object_get(reply, "tables"));
		if (!json_is_array(tables)) {
			snprintf(error, size, "the daemon's reply has no tables");
			json_decref(tables);
			tables = NULL;
		}
	}
	json_decref(reply);
	return tables;
}

json_t *client_ask(const char *socket_path, const json_t *request, int timeout_ms, struct client_error *ret_error)
{
	int64_t deadline = now_ms() + timeout_ms;
	char *error = ret_error->words;
	size_t size = sizeof(ret_error->words);
	json_t *tables = NULL;
	char *reply = NULL;

	ret_error->refused = false;
	int fd = connect_daemon(socket_path, &ret_error->refused, error, size);
	if (fd < 0) {
		return NULL;
	}
	char *line = json_dumps(request, JSON_COMPACT);
	if (!line || send(fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line) ||
		send(fd, "\n", 1, MSG_NOSIGNAL) != 1) {
		snprintf(error, size, "the daemon does not take the request");
	} else {
		reply = read_line(fd, deadline, error, size);
	}
	if (reply) {
		tables = unpack_reply(reply, &ret_error->refused, error, size);
	}
	free(reply);
	free(line);
	close(fd);
	return tables;
}
