/* db.h - what the store's SQLite files have in common; for store*.c only. */
#ifndef EMIS_DAEMON_STORE_DB_H
#define EMIS_DAEMON_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

#define STORE_ERROR_SIZE 1200

/* How long the main loop stands while another program holds a database. Zeroed at first; times are real monotonic
 * milliseconds. */
struct store_busy {
	int64_t since_ms;        /* when the present wait began */
	int64_t refuse_until_ms; /* before then a call on a held file fails at once */
};

/* Opens or creates the file (WAL, synchronous FULL: an acknowledged commit survives a power cut) and brings its
 * schema to the newest version: migrations[i] is the SQL that leads from version i to i + 1, run in a
 * transaction. NULL with a sentence in `error` (STORE_ERROR_SIZE) when that fails. */
struct sqlite3 *store_db_open(const char *path, const char *const *migrations, size_t n_migrations, char *error);

/* The same; *ret_damaged says whether it failed because the file is damaged or no database at all. With `busy` its
 * waits are bounded from the start (store_db_bound_waits), with NULL they may last 3 s each. */
struct sqlite3 *store_db_open_checked(const char *path, const char *const *migrations, size_t n_migrations, char *error,
	bool *ret_damaged, struct store_busy *busy);

/* True when the last call on the file failed because it is damaged. */
bool store_db_is_damaged(struct sqlite3 *db);

/* Opens an existing file for reading only. NULL with a sentence in `error`. */
struct sqlite3 *store_db_open_read(const char *path, char *error);

/* From now on a call on the file waits for another program at most 200 ms, and a call within the second after that not
 * at all: it fails with -EBUSY. All files that share `busy`, which is borrowed until they are closed, share the wait.
 * NULL is allowed for db. */
void store_db_bound_waits(struct sqlite3 *db, struct store_busy *busy);

/* Prepares a statement that is kept. NULL with a sentence in `error`. */
struct sqlite3_stmt *store_db_prepare(struct sqlite3 *db, const char *sql, char *error);

/* Runs SQL without results. 0, or as store_db_fail(). */
int store_db_exec(struct sqlite3 *db, const char *sql, char *error);

/* Steps a statement that returns no row, and resets it. 0, or as store_db_fail(). */
int store_db_run(struct sqlite3_stmt *statement, char *error);

/* Ends a transaction: COMMIT when r is 0, else, or when COMMIT fails, ROLLBACK. 0 or the error. */
int store_db_end(struct sqlite3 *db, int r, char *error);

/* Binds a number; what is not finite becomes NULL, for SQLite cannot hold NaN. */
void store_db_bind_number(struct sqlite3_stmt *statement, int index, double value);

/* Columns of a row: NULL is NAN; a text that is NOT NULL and was written from a buffer of this size fits. */
double store_db_number(struct sqlite3_stmt *row, int column);
void store_db_text(struct sqlite3_stmt *row, int column, char *buf, size_t size);

/* Writes "what path: SQLite's words" into error. Returns -EBADMSG when the file is damaged, -EBUSY when
 * another program holds it, else -EIO. */
int store_db_fail(struct sqlite3 *db, const char *what, char *error);

#endif
