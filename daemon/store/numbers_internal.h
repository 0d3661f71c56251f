/* numbers_internal.h - the highest numbers that may have left the box. */
#ifndef EMIS_DAEMON_STORE_NUMBERS_INTERNAL_H
#define EMIS_DAEMON_STORE_NUMBERS_INTERNAL_H

#include <stdint.h>

#include "daemon/store/store_internal.h"

/* A missing or damaged file counts as zeros; a file that cannot be written is only logged. 0 or -ENOMEM. */
int store_numbers_open(struct store *store);
void store_numbers_close(struct store *store);

/* Called after a commit and before the message leaves. A number that is not above the stored one changes nothing. */
void store_numbers_keep(struct store *store, int64_t event, int64_t checkpoint);

int64_t store_numbers_event(const struct store *store);
int64_t store_numbers_checkpoint(const struct store *store);

#endif
