/* client.h - one question to the daemon over its control socket. */
#ifndef EMIS_CLI_CLIENT_H
#define EMIS_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Why there is no reply. */
struct client_error {
	char words[512]; /* a sentence */
	bool refused;    /* the daemon said it; otherwise no daemon was reached */
};

/* Sends the request and waits at most timeout_ms for the whole reply. Returns its tables (a JSON array, the caller's),
 * or NULL with *ret_error set. */
json_t *client_ask(const char *socket_path, const json_t *request, int timeout_ms, struct client_error *ret_error);

#endif
