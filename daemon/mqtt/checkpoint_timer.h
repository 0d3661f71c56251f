/* checkpoint_timer.h - once an hour the end of the chain is signed and told to the bureau: the copy outside the box is
 * what proves anything. */
#ifndef EMIS_DAEMON_MQTT_CHECKPOINT_TIMER_H
#define EMIS_DAEMON_MQTT_CHECKPOINT_TIMER_H

#include "daemon/mqtt/message.h"

/* Makes the checkpoint of the hour that ended by `until`, once its readings are in the chain. 1 when one was made, 0
 * when none is due, or -errno. */
int checkpoints_step(const struct message_context *context, struct store *store, struct utc until);

#endif
