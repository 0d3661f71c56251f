/* relabel.h - what wall time is, as the store remembers it, and the readings that were taken before that was known.
 * Errors and thread: store.h. */
#ifndef EMIS_DAEMON_STORE_RELABEL_H
#define EMIS_DAEMON_STORE_RELABEL_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/store/store.h"

/* Says whether the wall clock is synchronised, for all that is stored from now on. */
void store_clock_trust(struct store *store, bool synchronized);

/* Stores that wall time is `offset_ms` more than the monotonic clock of this boot, from `mono` on. 0 or -errno. */
int store_clock_note(struct store *store, struct mono mono, int64_t offset_ms);

/* Moves readings of boots whose wall time is known by now to the files of their days, one slice in each call.
 * *ret_undated = readings of earlier boots whose wall time was never known. *first becomes the earliest wall time of
 * the moved readings, if that is earlier. 1 when there is more to do, 0 or -errno; after an error it may be called
 * again. */
int store_relabel(struct store *store, uint64_t *ret_undated, struct utc *first);

#endif
