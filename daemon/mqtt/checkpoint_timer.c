#include "daemon/mqtt/checkpoint_timer.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/store/raw.h"

int checkpoint_timer_step(const struct message_context *context, struct store *store, struct utc until)
{
	struct utc hour = time_floor(until, HOUR_MS, context->site->judging.offset_min);
	struct store_checkpoint checkpoint;
	char topic[TOPIC_SIZE];

	struct utc last;
	int r = store_checkpoint_last(store, &last);
	if (r < 0 || last.ms >= hour.ms || store_raw_finished(store).ms < hour.ms) {
		return r;
	}
	r = store_checkpoint_make(store, &checkpoint);
	if (r < 0) {
		return r;
	}
	message_checkpoint_topic(context, topic);
	char *payload = message_checkpoint(context, &checkpoint);
	r = payload ? store_checkpoint_commit(store, &checkpoint, topic, payload) : -ENOMEM;
	free(payload);
	return r < 0 ? r : 1;
}
