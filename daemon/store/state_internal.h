/* state_internal.h - state.db and its transactions, for the files whose rows lie in it. */
#ifndef EMIS_DAEMON_STORE_STATE_INTERNAL_H
#define EMIS_DAEMON_STORE_STATE_INTERNAL_H

#include <stdint.h>

#include "daemon/store/state.h"
#include "daemon/store/store_internal.h"

/* Opens state.db; it must be of this site and of this kind of time. 0 or -errno. */
int store_state_open(struct store *store);
/* Called when all is open: stores that the directory is in use, until it is closed in order. 0 or -errno. */
int store_state_use(struct store *store);
void store_state_close(struct store *store);

/* The open state.db; borrowed. */
struct sqlite3 *store_state_db(const struct store *store);

/* Begins a transaction of state.db. 0 or -errno. */
int store_begin(struct store *store);
/* Commits when r is 0. Otherwise, or when the commit fails, all is as before store_begin(). 0 or -errno. */
int store_end(struct store *store, int r);

/* The last number that an AUTOINCREMENT table of state.db gave. 0 or -errno. */
int store_last_number(struct store *store, const char *table, int64_t *ret_number);

/* ---- rows that others write within their transaction ---- */

int store_audit_put(/* audit.c */
	struct store *store, const char *who, const char *what, const char *old_value, const char *new_value);
int store_audits_open(struct store *store);
void store_audits_close(struct store *store);

/* A message that is to be queued; all texts are borrowed. */
struct outbox_message {
	const char *stream;
	int64_t seq;
	const char *topic;
	const char *payload;
};
int store_outbox_put(struct store *store, const struct outbox_message *message); /* outbox.c */
int store_outbox_open(struct store *store);
void store_outbox_close(struct store *store);

int store_alarms_open(struct store *store); /* alarm.c */
void store_alarms_close(struct store *store);

#endif
