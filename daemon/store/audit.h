/* audit.h - who did what, in the store. Errors, callbacks and thread: store.h. */
#ifndef EMIS_DAEMON_STORE_AUDIT_H
#define EMIS_DAEMON_STORE_AUDIT_H

#include <stddef.h>

#include "daemon/store/store.h"

/* Writes one row; old and new value may be "". 0 or -errno. */
int store_audit(struct store *store, const char *who, const char *what, const char *old_value, const char *new_value);

/* Rows that have one cause. All texts are borrowed. */
struct store_change {
	const char *what;
	const char *old_value;
	const char *new_value;
};
struct store_changes {
	struct store_change *change;
	size_t n;
};

/* Writes a row for each change, and sets a text of the state (state.h): one transaction. 0 or -errno. */
int store_audit_changes(struct store *store, const char *who, const struct store_changes *changes, const char *meta_key,
	const char *meta_value);

struct store_audit_row {
	struct utc at;
	const char *who;
	const char *what;
	const char *old_value;
	const char *new_value;
};

/* Calls `take` with up to `max` rows, newest first. 0 or -errno. */
int store_audit_rows(
	struct store *store, size_t max, void (*take)(void *context, const struct store_audit_row *row), void *context);

#endif
