/* reply_table.h - building the control socket's replies: tables with typed columns; what is not known is null. For
 * ctl_*.c only. */
#ifndef EMIS_DAEMON_CONTROL_REPLY_TABLE_H
#define EMIS_DAEMON_CONTROL_REPLY_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/time.h"

struct daemon;
struct site;

struct reply_column {
	const char *name;
	const char *type;
};

json_t *reply_table(const char *name, const struct reply_column *columns, size_t n);

/* Takes the row. */
void reply_add_row(json_t *table, json_t *row);

/* False, with a sentence, when a filter of the request names what is not there (filters.c). */
bool filters_check_outlet(
	const struct site *site, const char *outlet, char *error, size_t size); /* the same for one word */
bool filters_check(const struct daemon *d, const json_t *request, char *error, size_t size);

json_t *reply_number(double value);
json_t *reply_moment(const struct daemon *d, struct utc at);

/* The commands of cmd_acquire.c: links, instruments, registers, plan. */
json_t *cmd_links_table(struct daemon *d);
json_t *cmd_instruments(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_raw(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_plan(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_alarms.c: alarms, marks and who did what. */
json_t *cmd_ack(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_alarms_table(struct daemon *d, bool all, size_t max); /* NULL with store_error() */
json_t *cmd_alarms(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_audit(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_mark(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_marks(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_outbox.c: the way to the bureau. */
json_t *cmd_outbox_table(struct daemon *d);
json_t *cmd_outbox(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_release(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_proof.c: the key and the chain. */
json_t *cmd_identity(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_limits.c: the catalogue and the month's budgets. */
json_t *cmd_budget(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_limits(struct daemon *d, const json_t *request, char *error, size_t size);

#endif
