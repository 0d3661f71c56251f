/* check.h - after an unclean stop the files of readings are read whole in the background, by a thread with its own
 * connections: a gigabyte takes seconds, and the main loop must not wait. */
#ifndef EMIS_DAEMON_STORE_CHECK_H
#define EMIS_DAEMON_STORE_CHECK_H

#include <stdbool.h>

#include "daemon/store/store.h"

struct store_check;

/* Starts the check when the last stop was unclean; otherwise *ret_check is NULL. 0 or -errno, then *ret_check is NULL.
 */
int store_check_start(struct store *store, struct store_check **ret_check);

/* Salvages the files that were found damaged so far. False when all files are checked: then end the check. */
bool store_check_step(struct store_check *check);

/* Stops the thread at once and frees the check. NULL is allowed. */
void store_check_end(struct store_check *check);

#endif
