/* recorder.h - between the pipeline and the store: collects what a step of the pipeline hands out and commits it
 * in the order raw, roll, state. Only then do messages leave.
 *
 * When the disk takes nothing, means and events wait here and are tried again; events are never dropped, the oldest
 * minute means are, after hours: they can be made again from raw. */
#ifndef EMIS_DAEMON_RECORDER_H
#define EMIS_DAEMON_RECORDER_H

#include "core/pipeline.h"
#include "daemon/mqtt/message.h"
#include "daemon/store/store.h"

struct recorder;

/* Everything is borrowed. NULL when out of memory. */
struct recorder *recorder_create(const struct message_context *context, struct store *store);
void recorder_destroy(struct recorder *recorder);

/* The sink for pipeline_step(). */
struct pipeline_sink recorder_sink(struct recorder *recorder);

/* Commits what was collected, if there is anything to commit or an hour has passed since the last time.
 * `closed_until` is the pipeline's. `force` commits the mark alone, too. 0 or -errno after a line in the log. */
int recorder_commit(struct recorder *recorder, struct utc closed_until, bool force);

/* Commits alarm events whose last commit failed; call every second or so. True when that committed some;
 * failures are logged at growing intervals. */
bool recorder_retry(struct recorder *recorder, struct utc closed_until);

/* Lets go of what is not committed: it will be made again from the stored readings. */
void recorder_forget(struct recorder *recorder);

/* Means that wait for their commit. */
size_t recorder_waiting(const struct recorder *recorder);

/* Writes the buffered readings. 0 or -errno after a line in the log. */
int recorder_flush_raw(struct recorder *recorder);

/* Makes the next slice of readings of the hours and of means of the days before `until` small; when all readings are,
 * signs the end of the chain. 1 when there is a message to send, else 0 or -errno after a line in the log. */
int recorder_finish_raw(struct recorder *recorder, struct utc until);

#endif
