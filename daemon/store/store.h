/* store.h - the directory of SQLite files that survives a restart (docs/architecture.md, "Store"). This header opens
 * and closes it; each kind of data in it has a header of its own:
 *
 * raw.h         readings                  raw-YYYYMMDD.db, one file for a local day
 * aggregate.h   means                     min-open.db, min-YYYYMM.db, roll-YYYY.db
 * alarm.h       alarms and their events   state.db, as all that follows
 * outbox.h      messages to the broker
 * mark.h        operators' marks
 * audit.h       who did what
 * checkpoint.h  the chain over these rows, and its signed checkpoints
 * state.h       how far was judged, and other single values
 * relabel.h     readings that were taken before the clock was set
 * space.h       quota, full disk
 *
 * Write order: raw, then aggregate, then alarms. Unless a header says otherwise: a function returns 0 or a negative
 * errno and then leaves a sentence in store_error(), and changes nothing; what a callback gets is borrowed and lives
 * until the callback returns; a callback may not call the store. All on the main thread. */
#ifndef EMIS_DAEMON_STORE_STORE_H
#define EMIS_DAEMON_STORE_STORE_H

#include <stddef.h>

#include "daemon/base/clock.h"
#include "daemon/conf/site.h"

struct store;

#define STORE_ERROR_SIZE 1200 /* bytes of a sentence in store_error() with its end */

/* Takes the directory for this process (a second emisd is refused), opens state.db and checks it. `site` and `clock`
 * are borrowed until store_close(). NULL with a sentence in `error` of `size` bytes. A directory holds either real or
 * simulated data, never both. */
struct store *store_open(const struct site *site, const struct clock *clock, char *error, size_t size);

/* Closes and frees the store. NULL is allowed. */
void store_close(struct store *store);

/* The kernel's id of this boot. Lives as long as the store. */
const char *store_boot(const struct store *store);

/* Why the last call failed. Lives until the next call. */
const char *store_error(const struct store *store);

/* A sentence about the last damaged file; *ret_n = how many were found since store_open(). */
const char *store_damage(const struct store *store, unsigned *ret_n);

#endif
