/* broker.h - a broker's address, password and port, without the MQTT library: what is known of it before MQTT is
 * spoken. */
#ifndef EMIS_DAEMON_MQTT_BROKER_H
#define EMIS_DAEMON_MQTT_BROKER_H

#include "daemon/conf/site.h"

/* Writes the address of the configuration, "mqtts://host", as the library wants it: "ssl://host:8883". */
void broker_uri(const char *broker, char *uri, size_t size);

/* Reads the password from its file or from systemd's credential; "" when none is configured. False with a sentence in
 * `error`. */
bool broker_password(const struct mqtt_conf *conf, char *password, size_t password_size, char *error, size_t size);

/* True when a TCP connection to the broker can be made now; it is closed at once. `uri` is one of broker_uri(). Else
 * false with the reason as a sentence in `words`: unknown name, nobody listens, ... Blocks for the name lookup and 2 s
 * for each address: not for the main loop. */
bool broker_answers(const char *uri, char *words, size_t size);

/* True for a URI without TLS, and when the TLS handshake succeeds (tls_look.h). Else false with a sentence. Blocks for
 * up to about 10 s. */
bool broker_has_tls(const char *uri, const struct mqtt_conf *conf, char *words, size_t size);

/* Switches Nagle's algorithm off, which holds small messages back for 40 ms, on all TCP sockets of this process: the
 * library leaves it on and hides its socket. */
void broker_send_at_once(void);

#endif
