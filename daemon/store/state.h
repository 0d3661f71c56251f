/* state.h - single values that survive a restart. Errors and thread: store.h. */
#ifndef EMIS_DAEMON_STORE_STATE_H
#define EMIS_DAEMON_STORE_STATE_H

#include "daemon/store/store.h"

/* The text that was set for the key; "" when none ever was. The caller frees it. NULL when it cannot be read. */
char *store_meta_text(struct store *store, const char *key);

/* 0 or -errno. */
int store_set_meta(struct store *store, const char *key, const char *value);

/* All periods that ended by *ret_until were judged, and their events committed. 1, 0 when no period was judged yet, or
 * -errno. */
int store_judged_until(struct store *store, struct utc *ret_until);

#endif
