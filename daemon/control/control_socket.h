/* control_socket.h - the control socket: one JSON object per line in, one out. Reading is for everybody who can open
 * the socket (its group); changing is for root, for the daemon's own user and for the members of the admin group. A
 * client that floods, stalls or talks nonsense is dropped and disturbs nobody. */
#ifndef EMIS_DAEMON_CONTROL_CONTROL_SOCKET_H
#define EMIS_DAEMON_CONTROL_CONTROL_SOCKET_H

#include <jansson.h>
#include <stdbool.h>

struct control_socket;
struct daemon;

/* A command: returns its tables (a JSON array), or NULL with a sentence in `error`. The text "who" of the request is
 * the user at the other end, as the kernel says it; what the client wrote there is gone. */
struct command {
	const char *name; /* NULL ends a list of commands */
	bool admin;       /* it changes something */
	json_t *(*run)(struct daemon *daemon, const json_t *request, char *error, size_t size);
};

/* Listens at the site's control socket and runs `commands` on `daemon`; all borrowed. A socket left behind is replaced;
 * one that answers belongs to another emisd. NULL with a sentence in `error`. */
struct control_socket *control_socket_create(
	struct daemon *daemon, const struct command *commands, char *error, size_t size);
void control_socket_destroy(struct control_socket *socket);

#endif
