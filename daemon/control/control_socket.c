#include "daemon/control/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "daemon/base/loop.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"

#define MAX_CLIENTS 16
#define MAX_LINE 4096           /* bytes of a request */
#define LONG_REPLY 65536        /* bytes; after a longer reply, free memory goes back to the system */
#define CLIENT_TIMEOUT_MS 10000 /* for a client to send its request and to take the reply */

struct client {
	struct control_socket *socket;
	int fd; /* -1 = this place is free */
	struct loop_io *io;
	struct loop_timer *timer;
	char line[MAX_LINE];
	size_t n_line;
	char *reply; /* being sent; NULL while none is */
	size_t n_reply;
	size_t sent; /* bytes of the reply */
};

struct control_socket {
	struct loop *loop;
	const struct command *commands;
	struct daemon *daemon;
	const char *admin_group;
	const char *path; /* borrowed from the site */
	int fd;
	struct loop_io *io;
	struct client clients[MAX_CLIENTS];
};

/* Closes the connection and frees its place. */
static void drop_client(struct client *client)
{
	loop_remove_io(client->io);
	loop_remove_timer(client->timer);
	close(client->fd);
	free(client->reply);
	client->io = NULL;
	client->timer = NULL;
	client->reply = NULL;
	client->fd = -1;
}

/* The text of a reply: the tables, which are taken, or the error when `tables` is NULL. The caller frees it; NULL when
 * out of memory. */
static char *compose_reply(json_t *tables, const char *error)
{
	json_t *reply = tables ? json_pack("{s:b, s:o, s:b}", "ok", 1, "tables", tables, "end", 1)
			       : json_pack("{s:b, s:s, s:b}", "ok", 0, "error", error, "end", 1);
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;

	json_decref(reply);
	return text;
}

/* True when the group is the primary group of the process at the other end, or one of its others. */
static bool peer_in_group(int fd, gid_t group, gid_t primary)
{
	gid_t groups[64];
	socklen_t size = sizeof(groups);

	if (primary == group) {
		return true;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
		return false; /* the peer has more than 64 groups, or the kernel is too old: refuse */
	}
	for (size_t i = 0; i < size / sizeof(groups[0]); i++) {
		if (groups[i] == group) {
			return true;
		}
	}
	return false;
}

/* True when the user at the other end may change things. Writes who the user is into `who`, in either case. */
static bool peer_is_admin(const struct client *client, char *who, size_t size)
{
	struct ucred peer;
	socklen_t peer_size = sizeof(peer);

	snprintf(who, size, "unknown");
	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) < 0) {
		return false;
	}
	/* cppcheck-suppress getpwuidCalled ; only the main thread calls it */
	const struct passwd *user = getpwuid(peer.uid);
	snprintf(who, size, "%.30s (uid %u)", user ? user->pw_name : "?", (unsigned)peer.uid);
	if (peer.uid == 0 || peer.uid == geteuid()) {
		return true;
	}
	/* cppcheck-suppress getgrnamCalled ; only the main thread calls it */
	const struct group *group = getgrnam(client->socket->admin_group);
	return group && peer_in_group(client->fd, group->gr_gid, peer.gid);
}

/* For a command that changes something: checks that the client is an admin, and writes its user into the request as
 * "who". False with a sentence. */
static bool check_permission(
	const struct client *client, const struct command *command, json_t *request, char *error, size_t size)
{
	char who[48];

	if (!command->admin) {
		return true;
	}
	if (!peer_is_admin(client, who, sizeof(who))) {
		snprintf(error, size, "\"%s\" is for root and members of the group %s; you are %s", command->name,
			client->socket->admin_group, who);
		return false;
	}
	if (json_object_set_new(request, "who", json_string(who)) < 0) {
		snprintf(error, size, "out of memory");
		return false;
	}
	return true;
}

/* Runs the request of one line and returns the reply; the caller frees it. NULL when out of memory. */
static char *answer_line(struct client *client, const char *line, size_t length)
{
	json_error_t where;
	char error[256] = "";
	json_t *tables = NULL;
	json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
	const char *name = json_string_value(json_object_get(request, "cmd"));
	const struct command *command = client->socket->commands;

	while (name && command->name && strcmp(command->name, name) != 0) {
		command++;
	}
	if (!request) {
		snprintf(error, sizeof(error), "the request is not JSON: %.150s", where.text);
	} else if (!name) {
		snprintf(error, sizeof(error), "the request has no text \"cmd\"");
	} else if (!command->name) {
		snprintf(error, sizeof(error), "unknown command \"%.64s\"", name);
	} else if (check_permission(client, command, request, error, sizeof(error))) {
		if (filters_check(client->socket->daemon, request, error, sizeof(error))) {
			snprintf(error, sizeof(error), "out of memory");
			tables = command->run(client->socket->daemon, request, error, sizeof(error));
		}
	}
	char *text = compose_reply(tables, error);
	json_decref(request);
	return text;
}

/* Sends as much of the reply as the socket takes. False when the client must be dropped. */
static bool send_reply(struct client *client)
{
	while (client->sent < client->n_reply) {
		ssize_t n =
			send(client->fd, client->reply + client->sent, client->n_reply - client->sent, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			loop_change_io(client->io, EPOLLOUT);
			return true;
		}
		if (n <= 0) {
			return false;
		}
		client->sent += (size_t)n;
	}
	free(client->reply);
	client->reply = NULL;
	if (client->n_reply > LONG_REPLY) {
		(void)malloc_trim(0); /* the reply took thousands of JSON values: free their memory for others */
	}
	loop_change_io(client->io, EPOLLIN);
	loop_set_timer(client->timer, (int64_t)CLIENT_TIMEOUT_MS * 1000000);
	return true;
}

/* Answers the first line that the client sent, up to `end`. The next line waits until the reply is sent. False when the
 * client must be dropped. */
static bool handle_line(struct client *client, const char *end)
{
	size_t length = (size_t)(end - client->line);

	client->reply = answer_line(client, client->line, length);
	if (!client->reply) {
		return false;
	}
	client->n_reply = strlen(client->reply);
	client->reply[client->n_reply++] = '\n'; /* in place of the NUL */
	client->sent = 0;
	client->n_line -= length + 1;
	memmove(client->line, end + 1, client->n_line);
	return send_reply(client);
}

static void on_client(void *context, int fd, uint32_t events)
{
	struct client *client = context;
	const char *end;
	bool alive = true;

	if (events & EPOLLOUT && client->reply) {
		alive = send_reply(client);
	} else if (events & EPOLLIN) {
		ssize_t n = read(fd, client->line + client->n_line, MAX_LINE - client->n_line);
		alive = n > 0;
		client->n_line += n > 0 ? (size_t)n : 0;
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		alive = false;
	}
	while (alive && !client->reply && (end = memchr(client->line, '\n', client->n_line))) {
		alive = handle_line(client, end);
	}
	if (!alive || (client->n_line == MAX_LINE && !client->reply)) { /* a longer line is no request */
		drop_client(client);
	}
}

static void on_client_timeout(void *context)
{
	drop_client(context);
}

static void on_listen(void *context, int fd, uint32_t events)
{
	struct control_socket *socket = context;
	int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = NULL;

	(void)events;
	for (size_t i = 0; i < MAX_CLIENTS && !client; i++) {
		client = socket->clients[i].fd < 0 ? &socket->clients[i] : NULL;
	}
	if (accepted < 0 || !client) {
		if (accepted >= 0) {
			close(accepted);
		}
		return;
	}
	*client = (struct client){ .socket = socket, .fd = accepted };
	client->io = loop_add_io(socket->loop, accepted, EPOLLIN, on_client, client);
	client->timer = loop_add_timer(socket->loop, on_client_timeout, client);
	if (!client->io || !client->timer) {
		drop_client(client);
		return;
	}
	loop_set_timer(client->timer, (int64_t)CLIENT_TIMEOUT_MS * 1000000);
}

/* True when a process listens at the address: then the socket must not be replaced. */
static bool somebody_listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answers =
		fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN);

	if (fd >= 0) {
		close(fd);
	}
	return answers;
}

static int listen_at(const char *path, char *error, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* The path fits: the configuration refuses longer ones. */
	(void)text_copy(address.sun_path, sizeof(address.sun_path), path);
	if (somebody_listens(&address)) {
		snprintf(error, size, "another emisd answers at the control socket %s", path);
	} else {
		(void)unlink(path); /* a socket of a killed emisd, or none */
		/* Only the owner and the group of the directory may connect. */
		mode_t old = umask(0117);
		bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
		umask(old);
		if (bound && listen(fd, MAX_CLIENTS) == 0) {
			return fd;
		}
		snprintf(error, size, "cannot listen at the control socket %s: %s", path, strerror(errno));
	}
	if (fd >= 0) {
		close(fd);
	}
	return -1;
}

struct control_socket *control_socket_create(
	struct daemon *daemon, const struct command *commands, char *error, size_t size)
{
	const struct site *site = daemon->site;
	struct control_socket *socket = calloc(1, sizeof(*socket));

	if (!socket) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	socket->loop = daemon->loop;
	socket->commands = commands;
	socket->daemon = daemon;
	socket->admin_group = site->admin_group;
	socket->path = site->control_socket;
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		socket->clients[i].fd = -1;
	}
	socket->fd = listen_at(socket->path, error, size);
	if (socket->fd < 0) {
		free(socket);
		return NULL;
	}
	socket->io = loop_add_io(socket->loop, socket->fd, EPOLLIN, on_listen, socket);
	if (!socket->io) {
		snprintf(error, size, "out of memory or descriptors");
		control_socket_destroy(socket);
		return NULL;
	}
	return socket;
}

void control_socket_destroy(struct control_socket *socket)
{
	if (!socket) {
		return;
	}
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		if (socket->clients[i].fd >= 0) {
			drop_client(&socket->clients[i]);
		}
	}
	loop_remove_io(socket->io);
	close(socket->fd);
	(void)unlink(socket->path); /* a socket that stays is harmless: listen_at() replaces it at the next start */
	free(socket);
}
