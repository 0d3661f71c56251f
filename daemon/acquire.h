/* acquire.h - from the workers' reports to readings in the pipeline and the store. */
#ifndef EMIS_DAEMON_ACQUIRE_H
#define EMIS_DAEMON_ACQUIRE_H

#include "core/pipeline.h"
#include "daemon/link.h"
#include "daemon/store.h"

struct acquire;

/* Everything is borrowed. NULL when out of memory. */
struct acquire *acquire_create(const struct site *site, struct pipeline *pipeline, struct store *store);
void acquire_destroy(struct acquire *acquire);

/* Keeps the answer; when it was the last of its instrument's poll, decodes and files all its channels. The pipeline
 * must have been stepped up to the report's moment. */
void acquire_take(struct acquire *acquire, const struct link_report *report);

/* The newest answers to the requests of an instrument's profile, and in *ret_at their moments. */
const struct answer *acquire_answers(const struct acquire *acquire, size_t instrument, const struct utc **ret_at);

#endif
