/* history_internal.h - what history_read.c and history_raw.c have in common. */
#ifndef EMIS_DAEMON_STORE_HISTORY_INTERNAL_H
#define EMIS_DAEMON_STORE_HISTORY_INTERNAL_H

#include "daemon/store/db_internal.h"
#include "daemon/store/history_read.h"

struct dirent;

/* Opens a file of the store for reading. NULL when there is none yet, and when it cannot be read: then *r is a negative
 * errno, else *r is untouched. */
struct sqlite3 *history_open(struct history_query *query, const char *name, int *r);

/* Calls `each` with every file of a kind, by number, until one fails. 0 or what that one returned. */
int history_each_file(struct history_query *query, int (*is_one)(const struct dirent *),
	int (*each)(struct history_query *query, const char *name, void *context), void *context);

/* 20260302 of "raw-20260302.db". */
int64_t history_file_number(const char *name);

/* The local date of a moment as YYYYMMDD; 0 before 1970, 99991231 at the end of time. */
int64_t history_date(const struct history_query *query, struct utc at);

#endif
