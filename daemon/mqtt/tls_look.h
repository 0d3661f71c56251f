/* tls_look.h - finds out why a TLS connection to a broker fails. paho says nothing about a certificate for another
 * host, and "certificate verify failed" for all other reasons. Any thread. */
#ifndef EMIS_DAEMON_MQTT_TLS_LOOK_H
#define EMIS_DAEMON_MQTT_TLS_LOOK_H

#include <stdbool.h>
#include <stddef.h>

struct mqtt_conf;

/* Connects to the port and makes a TLS handshake with our certificate, if the configuration names one. Trusts the
 * authorities in the file `ca`, or those of the system without one. True when the broker has a good certificate for
 * this host and takes ours. Else false with a sentence in `words`: no TLS there, unknown authority, certificate for
 * another host or out of date, or ours is missing or refused. Blocks for up to about 10 s. */
bool tls_look_connect(const char *host, const char *port, const struct mqtt_conf *conf, char *words, size_t size);

#endif
