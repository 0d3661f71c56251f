/* client.h - one question to the daemon over its control socket. */
#ifndef EMIS_CLI_CLIENT_H
#define EMIS_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Sends the request and waits at most timeout_ms for the whole reply. Returns its tables (a JSON array, the caller's)
 * or NULL with a sentence in `error` and *ret_refused telling whether the daemon said it. */
json_t *client_ask(
	const char *socket_path, const json_t *request, int timeout_ms, bool *ret_refused, char *error, size_t size);

#endif
