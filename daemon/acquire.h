/* acquire.h - from the workers' reports to readings in the pipeline and the store. */
#ifndef EMIS_DAEMON_ACQUIRE_H
#define EMIS_DAEMON_ACQUIRE_H

#include "core/pipeline.h"
#include "daemon/modbus/link.h"
#include "daemon/store/store.h"

struct acquire;

/* Everything is borrowed. NULL when out of memory. */
struct acquire *acquire_create(const struct site *site, struct store *store);
void acquire_destroy(struct acquire *acquire);

/* Where readings go from now on, and what wall time is: the monotonic one plus offset_ms. While the clock is not `set`
 * readings are stored under their monotonic stamps (relabel.c), and the pipeline only shows them. */
void acquire_aim(struct acquire *acquire, struct pipeline *pipeline, int64_t offset_ms, bool set);

/* Keeps the answer; when it was the last of its instrument's poll, decodes and files all its channels. The pipeline
 * must have been stepped up to the report's moment. */
void acquire_take(struct acquire *acquire, const struct link_report *report);

/* The newest answers to the requests of an instrument's profile, and in *ret_at their moments. */
const struct answer *acquire_answers(const struct acquire *acquire, size_t instrument, const struct utc **ret_at);

#endif
