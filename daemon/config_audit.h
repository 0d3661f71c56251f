/* config_audit.h - records the settings that changed since the last start: one audit row each, with its old and its new
 * value. Compared are the settings of emisd.conf in their normal form, the limits that apply, the limits that the site
 * confirms, and the conversion from registers to values: all that decides what is judged, and how. */
#ifndef EMIS_DAEMON_CONFIG_AUDIT_H
#define EMIS_DAEMON_CONFIG_AUDIT_H

#include "daemon/store/store.h"

/* Compares the configuration with the one that the store keeps from the last start, and stores the new one. At the
 * first start only confirmed limits are recorded. 0, -ENOMEM, or -errno with a sentence in store_error(). */
int config_audit(const struct site *site, struct store *store);

#endif
