/* message_internal.h - how messages write numbers, moments and counts; for message*.c only. */
#ifndef EMIS_DAEMON_MQTT_MESSAGE_INTERNAL_H
#define EMIS_DAEMON_MQTT_MESSAGE_INTERNAL_H

#include <jansson.h>

#include "daemon/base/json_text.h"
#include "daemon/mqtt/message.h"

#define MESSAGE_SCHEMA 1

/* NaN becomes null, and so does a number beyond 1e300. */
json_t *message_number(double value);
/* ISO 8601 with the site's offset. */
json_t *message_moment(const struct message_context *context, struct utc at);
/* How many sub-values of a mean have which flag. */
json_t *message_counts(const struct mean *mean);
/* The text of the object, to be freed by the caller; frees the object. NULL when the object is NULL or memory runs out.
 */
char *message_dump(json_t *object);

#endif
