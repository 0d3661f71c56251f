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

struct ctl_column {
	const char *name;
	const char *type;
};

json_t *ctl_table(const char *name, const struct ctl_column *columns, size_t n);

/* Takes the row. */
void ctl_add_row(json_t *table, json_t *row);

/* False, with a sentence, when a filter of the request names what is not there (filters.c). */
bool ctl_check_outlet(
	const struct site *site, const char *outlet, char *error, size_t size); /* the same for one word */
bool ctl_check_filters(const struct daemon *d, const json_t *request, char *error, size_t size);

json_t *ctl_number(double value);
json_t *ctl_moment(const struct daemon *d, struct utc at);

/* The commands of cmd_acquire.c: links, instruments, registers, plan. */
json_t *ctl_links_table(struct daemon *d);
json_t *ctl_run_instruments(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *ctl_run_raw(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *ctl_run_plan(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_alarms.c: alarms, marks and who did what. */
json_t *ctl_run_ack(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *ctl_alarms_table(struct daemon *d, bool all, size_t max); /* NULL with store_error() */
json_t *ctl_run_alarms(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *ctl_run_audit(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *ctl_run_mark(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *ctl_run_marks(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_outbox.c: the way to the bureau. */
json_t *ctl_outbox_table(struct daemon *d);
json_t *ctl_run_outbox(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *ctl_run_release(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_proof.c: the key and the chain. */
json_t *ctl_run_identity(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_limits.c: the catalogue and the month's budgets. */
json_t *ctl_run_budget(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *ctl_run_limits(struct daemon *d, const json_t *request, char *error, size_t size);

#endif
