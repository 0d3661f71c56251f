/* checkpoint_timer.h - once an hour signs the end of the chain and queues it for the bureau: only a copy outside the
 * box proves that the chain was not changed. */
#ifndef EMIS_DAEMON_MQTT_CHECKPOINT_TIMER_H
#define EMIS_DAEMON_MQTT_CHECKPOINT_TIMER_H

#include "daemon/mqtt/message.h"

/* Makes the checkpoint of the hour that ended by `until`, once its readings are in the chain. 1 when one was made, 0
 * when none is due, or -errno. */
int checkpoint_timer_step(const struct message_context *context, struct store *store, struct utc until);

#endif
