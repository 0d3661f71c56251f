/* db_internal.h - what all SQLite files of the store have in common. */
#ifndef EMIS_DAEMON_STORE_DB_INTERNAL_H
#define EMIS_DAEMON_STORE_DB_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/store.h"

struct sqlite3;
struct sqlite3_stmt;

/* How long the main loop waits while another program holds a database. Zeroed at first; times are real monotonic
 * milliseconds. */
struct store_busy {
	int64_t since_ms;        /* when the present wait began */
	int64_t refuse_until_ms; /* before then a call on a held file fails at once */
};

/* How the tables of a kind of file came to be: migrations[i] is the SQL that leads from version i to i + 1. */
struct db_schema {
	const char *const *migrations;
	size_t n;
};

struct db_options {
	struct store_busy *busy; /* bounds the waits, store_db_bound_waits(); NULL: a wait may last 3 s */
	bool no_sync;            /* a power cut may damage the file */
};

/* Opens or creates the file (WAL, synchronous FULL: an acknowledged commit survives a power cut) and brings its schema
 * to the newest version, each step in a transaction. NULL with a sentence in `error` (STORE_ERROR_SIZE); then
 * *ret_damaged says whether the file is damaged or not a database at all. ret_damaged may be NULL. */
struct sqlite3 *store_db_open(const char *path, const struct db_schema *schema, const struct db_options *options,
	char *error, bool *ret_damaged);

/* True when the last call on the file failed because it is damaged. */
bool store_db_is_damaged(struct sqlite3 *db);

/* Opens an existing file for reading only. NULL with a sentence in `error`. */
struct sqlite3 *store_db_open_read(const char *path, char *error);

/* From now on a call on the file waits for another program at most 200 ms, then fails with -EBUSY; calls within the
 * next second fail at once. All files that share `busy` share the wait; `busy` is borrowed until they are closed. db
 * may be NULL. */
void store_db_bound_waits(struct sqlite3 *db, struct store_busy *busy);

/* Prepares a statement; the caller finalizes it. NULL with a sentence in `error`. */
struct sqlite3_stmt *store_db_prepare(struct sqlite3 *db, const char *sql, char *error);

/* Runs SQL without results. 0, or as store_db_fail(). */
int store_db_exec(struct sqlite3 *db, const char *sql, char *error);

/* Steps a statement that returns no row, and resets it. 0, or as store_db_fail(). */
int store_db_run(struct sqlite3_stmt *statement, char *error);

/* Ends a transaction: COMMIT when r is 0, else, or when COMMIT fails, ROLLBACK. 0 or the error. */
int store_db_end(struct sqlite3 *db, int r, char *error);

/* Binds a number; NaN and infinity become NULL, since SQLite cannot hold NaN. */
void store_db_bind_number(struct sqlite3_stmt *statement, int index, double value);

/* The number of a column; NAN for NULL. */
double store_db_number(struct sqlite3_stmt *row, int column);

/* The text of a column, which lives until the next step; "" for NULL, which a damaged page may hold even where the
 * table forbids NULL. */
const char *store_db_column(struct sqlite3_stmt *row, int column);

/* Copies store_db_column() into a buffer, which must have the size that the text was written from. */
void store_db_text(struct sqlite3_stmt *row, int column, char *buf, size_t size);

/* Writes "what path: SQLite's message" into error. Returns -EBADMSG when the file is damaged, -EBUSY when
 * another program holds it, else -EIO. */
int store_db_fail(struct sqlite3 *db, const char *what, char *error);

#endif
