/* reply_table.h - builds the control socket's replies: tables with typed columns; an unknown value is null. Also
 * declares the commands. For the files of daemon/control only. */
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
	const char *type; /* text, integer, number, time, seconds, ... */
};

/* An empty table; the caller owns it. */
json_t *reply_table(const char *name, const struct reply_column *columns, size_t n);

/* Adds a row, an array with one value for each column; takes it. */
void reply_add_row(json_t *table, json_t *row);

/* Both: false with a sentence in `error` when a name is not known (filters.c). The first checks one outlet, the second
 * all filters of the request. */
bool filters_check_outlet(const struct site *site, const char *outlet, char *error, size_t size);
bool filters_check(const struct daemon *d, const json_t *request, char *error, size_t size);

/* A number; null when it is not finite. */
json_t *reply_number(double value);
/* A moment as ISO 8601 text in the site's time zone. */
json_t *reply_moment(const struct daemon *d, struct utc at);

/* The commands of cmd_acquire.c: links, instruments, registers, plan. */
json_t *cmd_links_table(struct daemon *d);
json_t *cmd_instruments(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_raw(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_plan(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_alarms.c: alarms, marks and the audit log. */
json_t *cmd_ack(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_alarms_table(struct daemon *d, bool all, size_t max); /* NULL when the store fails: store_error() */
json_t *cmd_alarms(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_audit(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_mark(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_marks(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_outbox.c: the state of the outbox and the messages that the broker refused. */
json_t *cmd_outbox_table(struct daemon *d);
json_t *cmd_outbox(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_release(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_proof.c: the public key and the signed chain. */
json_t *cmd_identity(struct daemon *d, const json_t *request, char *error, size_t size);

/* cmd_limits.c: the limits of the catalogue, and the hours of this month that need not meet a limit. */
json_t *cmd_budget(struct daemon *d, const json_t *request, char *error, size_t size);
json_t *cmd_limits(struct daemon *d, const json_t *request, char *error, size_t size);

#endif
