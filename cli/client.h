/* client.h - sends one request to the daemon over its control socket. */
#ifndef EMIS_CLI_CLIENT_H
#define EMIS_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Why there are no tables. */
struct client_error {
	char words[512]; /* a sentence */
	/* The daemon refused the request, or the user may not use the socket. False: no usable reply came. */
	bool refused;
};

/* Sends the request and waits at most timeout_ms for the whole reply. Returns its tables (a JSON array, owned by the
 * caller), or NULL with *ret_error set. */
json_t *client_ask(const char *socket_path, const json_t *request, int timeout_ms, struct client_error *ret_error);

#endif
