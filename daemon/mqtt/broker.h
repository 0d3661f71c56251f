/* broker.h - where a broker is and what it wants to hear, without the MQTT library. */
#ifndef EMIS_DAEMON_MQTT_BROKER_H
#define EMIS_DAEMON_MQTT_BROKER_H

#include "daemon/conf/site.h"

/* "mqtts://host" as the library calls it: "ssl://host:8883". */
void broker_uri(const char *broker, char *uri, size_t size);

/* The password out of its file or systemd's credential; "" when none is configured. False with a sentence in `error`.
 */
bool broker_password(const struct mqtt_conf *conf, char *password, size_t password_size, char *error, size_t size);

/* Whether a TCP connection to the broker comes about now, in at most 2 s after its name was looked up; it is closed at
 * once. uri is one of broker_uri(). When none does, false with the reason as a sentence in `words`: the name is not
 * known, nobody listens, ... Blocks: not for the main loop. */
bool broker_answers(const char *uri, char *words, size_t size);

/* Lets small messages leave at once. The library leaves Nagle's algorithm on, which holds them back for 40 ms, and
 * hides its socket: so all TCP sockets of this process. */
void broker_send_at_once(void);

/* True for a URI without TLS, and when the handshake succeeds (tls_look.h). Else false with a sentence. Blocks, for up
 * to about 10 s. */
bool broker_has_tls(const char *uri, const struct mqtt_conf *conf, char *words, size_t size);

#endif
