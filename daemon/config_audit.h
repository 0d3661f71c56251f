/* config_audit.h - which settings changed since the last start: each is an audit row with its old and its new value.
 * Counted are the settings of emisd.conf in their normal form, the limits that apply and what the site confirms of
 * them, and how registers become values: all that decides what is judged, and how. */
#ifndef EMIS_DAEMON_CONFIG_AUDIT_H
#define EMIS_DAEMON_CONFIG_AUDIT_H

#include "daemon/store/store.h"

/* Compares the configuration with what the store remembers. 0 or -errno with a sentence in store_error(). */
int config_audit(const struct site *site, struct store *store);

#endif
