/* check.h - after an unclean stop the files of readings are read whole in the background, on a thread of its own
 * with its own connections: a gigabyte takes seconds that the main loop does not have. */
#ifndef EMIS_DAEMON_STORE_CHECK_H
#define EMIS_DAEMON_STORE_CHECK_H

#include <stdbool.h>

#include "daemon/store/store.h"

struct store_check;

/* Begins when the last stop was unclean; *ret_check is NULL when there is nothing to check. 0 or -errno. */
int store_check_start(struct store *store, struct store_check **ret_check);

/* Salvages what was found damaged so far. False once all is checked: end it then. */
bool store_check_step(struct store_check *check);

/* Ends it, finished or not, in a moment. NULL is fine. */
void store_check_end(struct store_check *check);

#endif
