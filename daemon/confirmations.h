/* confirmations.h - which unread numbers of the catalogue the site confirms, and with what: noted in the audit log. */
#ifndef EMIS_DAEMON_CONFIRMATIONS_H
#define EMIS_DAEMON_CONFIRMATIONS_H

#include "daemon/store.h"

/* Compares the configuration with what the store remembers and writes an audit row for each confirmation that came,
 * changed or went. 0 or -errno with a sentence in store_error(). */
int confirmations_note(const struct site *site, struct store *store);

#endif
