/* recorder.h - between the pipeline and the store: collects the means and events of a pipeline step and commits them in
 * the order readings, means, alarms. Messages are sent only after the commit. Main loop only.
 *
 * While the disk takes no data, means and events wait here and are tried again. Events are never dropped. When
 * too many means wait (after hours), the oldest are dropped: they can be rebuilt from the stored readings. */
#ifndef EMIS_DAEMON_RECORDER_H
#define EMIS_DAEMON_RECORDER_H

#include "core/pipeline.h"
#include "daemon/mqtt/message.h"
#include "daemon/store/store.h"

struct recorder;

/* Both arguments are borrowed for the object's life. NULL when out of memory. */
struct recorder *recorder_create(const struct message_context *context, struct store *store);
void recorder_destroy(struct recorder *recorder);

/* The sink for pipeline_step(). */
struct pipeline_sink recorder_sink(struct recorder *recorder);

/* Writes the buffered readings and the collected means. Then commits the events and `closed_until` (of the pipeline:
 * all periods up to there are judged), but only if there are events, an hour has passed since the last such commit, or
 * `force` is true. 0 or -errno after a line in the log. */
int recorder_commit(struct recorder *recorder, struct utc closed_until, bool force);

/* Commits alarm events whose last commit failed; call every second or so. True when events were committed. Failures are
 * logged at growing intervals. */
bool recorder_retry(struct recorder *recorder, struct utc closed_until);

/* Discards the means and events that are not committed. Call before rebuild_pipeline(), which makes them again from the
 * stored readings. */
void recorder_discard(struct recorder *recorder);

/* The number of means that are not written yet. */
size_t recorder_waiting_means(const struct recorder *recorder);

/* Writes the buffered readings. 0 or -errno after a line in the log. */
int recorder_flush_raw(struct recorder *recorder);

/* Packs one slice of the readings of hours, and of the means of days, that ended before `until`. Once all these
 * readings are packed, signs the end of the chain. 1 when there is a message to send, else 0 or -errno after a line in
 * the log. */
int recorder_finish_raw(struct recorder *recorder, struct utc until);

#endif
