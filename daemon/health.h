/* health.h - how the box is, told to the bureau now and then (docs/mqtt/health.schema.json). */
#ifndef EMIS_DAEMON_HEALTH_H
#define EMIS_DAEMON_HEALTH_H

struct daemon;

/* The retained message of how the box is, to be freed by the caller; its topic (TOPIC_SIZE) is set. NULL when out of
 * memory. */
char *health_compose(struct daemon *d, char *topic);

/* "synchronized", "not synchronized" or "not set". */
const char *health_clock(const struct daemon *d);

#endif
