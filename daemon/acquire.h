/* acquire.h - turns the reports of the link workers into readings, files them in the pipeline and stores them. Main
 * loop only. */
#ifndef EMIS_DAEMON_ACQUIRE_H
#define EMIS_DAEMON_ACQUIRE_H

#include "core/pipeline.h"
#include "daemon/modbus/link.h"
#include "daemon/store/store.h"

struct acquire;

/* Both arguments are borrowed for the object's life. NULL when out of memory. */
struct acquire *acquire_create(const struct site *site, struct store *store);
void acquire_destroy(struct acquire *acquire);

/* Sets the pipeline that gets the readings from now on (borrowed), and the wall time: the monotonic time plus
 * offset_ms. While `clock_set` is false, readings are stored under their monotonic stamps (relabel.c), and the pipeline
 * only shows them. */
void acquire_set_target(struct acquire *acquire, struct pipeline *pipeline, int64_t offset_ms, bool clock_set);

/* Keeps the answer of the report. After the last answer of an instrument's poll, decodes and files all channels of the
 * instrument. Step the pipeline up to the present first. */
void acquire_take_report(struct acquire *acquire, const struct link_report *report);

/* The newest answers of an instrument, by index of its profile's requests, and in *ret_at the moment of each. Both stay
 * owned by `acquire`. */
const struct answer *acquire_answers(const struct acquire *acquire, size_t instrument, const struct utc **ret_at);

#endif
