/* tls_look.h - why a TLS connection to a broker does not come about. paho says nothing of a certificate for another
 * host, and "certificate verify failed" of all else. Blocks for up to about 10 s; any thread. */
#ifndef EMIS_DAEMON_MQTT_TLS_LOOK_H
#define EMIS_DAEMON_MQTT_TLS_LOOK_H

#include <stdbool.h>
#include <stddef.h>

struct mqtt_conf;

/* Connects to the port and makes a handshake with the certificate of ours that the configuration names, believing the
 * authorities of its `ca` (without one, those of the system). True when the broker has a good certificate for this host
 * and takes ours. Else false with a sentence: no TLS there, an unknown authority, a certificate for another host, or of
 * another time, or ours is missing or refused. */
bool tls_look(const char *host, const char *port, const struct mqtt_conf *conf, char *words, size_t size);

#endif
