/* tcp.h - one TCP connection to a broker's port, by host name. Any thread. */
#ifndef EMIS_DAEMON_MQTT_TCP_H
#define EMIS_DAEMON_MQTT_TCP_H

#include <stddef.h>

/* Tries all addresses of the host, each for up to timeout_ms. Blocks for that time, and for the name lookup before.
 * Returns a connected, non-blocking socket, which the caller closes; or -1 with the reason as a sentence in `words`. */
int tcp_connect(const char *host, const char *port, int timeout_ms, char *words, size_t size);

#endif
