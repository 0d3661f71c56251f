/* aggregate_internal.h - the files of means, for the files that write, pack, read and delete them. The open files are
 * the record of aggregate.c, the progress of packing that of aggregate_pack.c. */
#ifndef EMIS_DAEMON_STORE_AGGREGATE_INTERNAL_H
#define EMIS_DAEMON_STORE_AGGREGATE_INTERNAL_H

#include "daemon/store/aggregate.h"
#include "daemon/store/series_internal.h"
#include "daemon/store/store_internal.h"

struct dirent;
struct day_minute;

/* ---- the open files (aggregate.c) ---- */

int store_aggregate_open(struct store *store);
/* Closes all files of means. They are opened again when they are needed. */
void store_aggregate_close_files(struct store *store);
void store_aggregate_close(struct store *store);

/* Open a file; *ret_db is borrowed until store_aggregate_close_files() or until another year or month is opened. 0 or
 * -errno. The first two make the file if need be. */
int store_aggregate_open_days(struct store *store, struct sqlite3 **ret_db);           /* min-open.db */
int store_aggregate_open_year(struct store *store, int year, struct sqlite3 **ret_db); /* roll-YYYY.db */
/* min-YYYYMM.db, made only when `create`; without it 0 with *ret_db NULL when there is none. */
int store_aggregate_open_month(struct store *store, int month, bool create, struct sqlite3 **ret_db);

/* Of a call that failed with r: when that was damage, looks through the open files and salvages. True when a file was
 * salvaged: then try again. */
bool store_aggregate_mend(struct store *store, int r);

/* The local year (month) of a moment as YYYY (YYYYMM). */
int store_aggregate_year(const struct store *store, struct utc at);
int store_aggregate_month(const struct store *store, struct utc at);

/* For scandir(): "min-YYYYMM.db", "roll-YYYY.db". */
int store_aggregate_is_month(const struct dirent *entry);
int store_aggregate_is_year(const struct dirent *entry);

/* ---- rows (aggregate_read.c) ---- */

/* Reads the numbers of a mean from `column` on; rule, start and end stay as they are. False when they make no sense. */
#define MEAN_COLUMNS "value, min, max, valid, flag, n_valid, n_due, counts, amount"
bool store_aggregate_get(struct sqlite3_stmt *row, int column, struct mean *ret_mean, double *ret_amount);

/* Sets everything in `mean` that store_aggregate_get() does not. */
void store_aggregate_name(const struct store *store, const struct series_name *name, enum period period,
	struct utc start, struct stored_mean *mean);

/* ---- packed days (aggregate_pack.c) ---- */

int store_packing_open(struct store *store);
void store_packing_close(struct store *store);

/* A minute was written: if its day is being packed or was packed before, that day is packed again. */
void store_packing_note_minute(struct store *store, struct utc start);

/* A number that changes when packed days may have changed or disappeared. */
unsigned store_packing_changes(const struct store *store);
void store_packing_note_change(struct store *store);

/* Counts and logs that packed rows of the day were damaged, once for a day. */
void store_packing_note_damage(struct store *store, struct utc day, unsigned n);

/* Unpacks DAY_SLOTS of a row whose blob is in `column` + 1 and its CRC in `column`. False when it is damaged. */
bool store_packing_get_day(struct sqlite3_stmt *row, int column, struct day_minute *slots);

#endif
