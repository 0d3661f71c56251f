/* control_socket.h - the control socket: each request is one line with a JSON object, and so is each reply. Everybody
 * who can open the socket (its group) may read; root, the daemon's own user and the members of the admin group may
 * change things. A client that sends too much, does not read or sends no JSON is refused or dropped and does not
 * disturb the others. Main loop only. */
#ifndef EMIS_DAEMON_CONTROL_CONTROL_SOCKET_H
#define EMIS_DAEMON_CONTROL_CONTROL_SOCKET_H

#include <jansson.h>
#include <stdbool.h>

struct control_socket;
struct daemon;

/* A command. `run` returns its tables (a JSON array, owned by the caller), or NULL with a sentence in `error`. For an
 * admin command the text "who" of the request is the user at the other end, as the kernel reports it; it replaces a
 * "who" that the client sent. */
struct command {
	const char *name; /* NULL ends a list of commands */
	bool admin;       /* the command changes something: only admins may run it */
	json_t *(*run)(struct daemon *daemon, const json_t *request, char *error, size_t size);
};

/* Listens at the site's control socket and runs `commands` on `daemon`; both are borrowed. Replaces a socket at which
 * no process listens. NULL with a sentence in `error`, also when another emisd listens there. */
struct control_socket *control_socket_create(
	struct daemon *daemon, const struct command *commands, char *error, size_t size);
void control_socket_destroy(struct control_socket *socket);

#endif
