/* space.h - room for the store: its quota, and a disk that fills. Errors and thread: store.h. */
#ifndef EMIS_DAEMON_STORE_SPACE_H
#define EMIS_DAEMON_STORE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/store/store.h"

/* While the store is above its quota or the disk has less free than the reserve: deletes the oldest days of readings
 * (never the last two), then means that need not be kept any longer. Decides whether readings wait. Call it every
 * minute or so. 0 or -errno. */
int store_keep_room(struct store *store);

/* True while readings wait for room on the disk: store_raw_flush() refuses. Alarms and means do not wait. */
bool store_space_low(const struct store *store);

/* Bytes that all files of the store take. */
int64_t store_used_bytes(const struct store *store);

/* Bytes that the disk of the store has free; INT64_MAX when that cannot be known. */
int64_t store_free_bytes(const struct store *store);

/* True when the file system was made read-only, by the kernel or by somebody. */
bool store_is_read_only(const struct store *store);

/* Deletes the file that keeps room for alarms. True when that made room: then try again. */
bool store_drop_ballast(struct store *store);

#endif
