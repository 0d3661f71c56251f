/* salvage_internal.h - opening files of the store that may be damaged. */
#ifndef EMIS_DAEMON_STORE_SALVAGE_INTERNAL_H
#define EMIS_DAEMON_STORE_SALVAGE_INTERNAL_H

#include "daemon/store/store_internal.h"

/* Opens or creates a file of the store. A damaged one is set aside and replaced with what can be read of it; `check`
 * reads it whole to find out. NULL with a sentence in store->error. */
struct sqlite3 *store_open_file(struct store *store, const char *name, const struct db_schema *schema, bool check);

/* Sets aside and replaces a file that is known to be damaged and is not open, then opens the new one. NULL with a
 * sentence in store->error. */
struct sqlite3 *store_salvage(struct store *store, const char *name, const struct db_schema *schema, const char *why);

/* Counts a damage and logs the sentence. */
void store_note_damage(struct store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A name for a file that is set aside: "NAME.damaged-YYYYMMDDTHHMMSS-N", not in use yet. */
void store_aside_name(const struct store *store, const char *name, char *ret_aside, size_t size);

#endif
