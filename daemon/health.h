/* health.h - how the box is, told to the bureau now and then (docs/mqtt/health.schema.json). */
#ifndef EMIS_DAEMON_HEALTH_H
#define EMIS_DAEMON_HEALTH_H

struct daemon;

/* Publishes it, retained. Without a connection nothing happens. */
void health_publish(struct daemon *d);

/* "synchronized", "not synchronized" or "not set". */
const char *health_clock(const struct daemon *d);

#endif
