#include "daemon/store/db_internal.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <time.h>

#include "common/mend.h"
#include "common/text.h"
#include "daemon/base/clock.h"

/* journal_size_limit: bytes that the WAL keeps; a little more than a busy minute writes to state.db. */
#define PRAGMAS(synchronous)                                                                                           \
	"PRAGMA synchronous=" synchronous "; PRAGMA journal_mode=WAL; PRAGMA secure_delete=FAST; "                     \
	"PRAGMA foreign_keys=ON; PRAGMA journal_size_limit=4194304; PRAGMA mmap_size=0;"
#define BUSY_MS 3000 /* while emisd starts, and for the tools */

/* On the main loop, which answers emisctl and the watchdog: one short wait, then no wait for a second. */
#define BUSY_LOOP_MS 200
#define BUSY_REFUSE_MS 1000
#define BUSY_PAUSE_NS 5000000L

int store_db_fail(struct sqlite3 *db, const char *what, char *error)
{
	const char *path = db ? sqlite3_db_filename(db, "main") : NULL;
	int code = db ? sqlite3_errcode(db) & 0xFF : SQLITE_NOMEM;

	snprintf(error, STORE_ERROR_SIZE, "%s %s: %s%s", what, path ? path : "a database",
		db ? sqlite3_errmsg(db) : "out of memory",
		code == SQLITE_BUSY ? " by another program; end it (fuser names it)" : "");
	if (code == SQLITE_BUSY) {
		return -EBUSY;
	}
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? -EBADMSG : -EIO;
}

void store_db_bind_number(struct sqlite3_stmt *statement, int index, double value)
{
	if (isfinite(value)) {
		sqlite3_bind_double(statement, index, value);
	} else {
		sqlite3_bind_null(statement, index);
	}
}

double store_db_number(struct sqlite3_stmt *row, int column)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN : sqlite3_column_double(row, column);
}

const char *store_db_column(struct sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? text : "";
}

void store_db_text(struct sqlite3_stmt *row, int column, char *buf, size_t size)
{
	(void)text_copy(buf, size, store_db_column(row, column)); /* it fits, as the header demands */
	for (char *c = buf; *c;) {
		size_t n = mend_character(c);
		*c = n == 0 ? '?' : *c; /* JSON refuses bytes that are not UTF-8: a reply would miss the row */
		c += n == 0 ? 1 : n;
	}
}

int store_db_exec(struct sqlite3 *db, const char *sql, char *error)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_db_fail(db, "cannot write", error);
}

struct sqlite3_stmt *store_db_prepare(struct sqlite3 *db, const char *sql, char *error)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
		(void)store_db_fail(db, "cannot read the schema of", error); /* NULL says that it failed */
		return NULL;
	}
	return statement;
}

int store_db_run(struct sqlite3_stmt *statement, char *error)
{
	int step = sqlite3_step(statement);
	int reset = sqlite3_reset(statement);

	return step == SQLITE_DONE && reset == SQLITE_OK
		? 0
		: store_db_fail(sqlite3_db_handle(statement), "cannot write", error);
}

int store_db_end(struct sqlite3 *db, int r, char *error)
{
	if (r == 0) {
		r = store_db_exec(db, "COMMIT", error);
	}
	if (r < 0 && !sqlite3_get_autocommit(db)) {
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL); /* the first error is reported */
	}
	return r;
}

static int user_version(struct sqlite3 *db, char *error)
{
	int version = -EIO;
	sqlite3_stmt *statement = store_db_prepare(db, "PRAGMA user_version", error);

	if (statement && sqlite3_step(statement) == SQLITE_ROW) {
		version = sqlite3_column_int(statement, 0);
	} else {
		(void)store_db_fail(db, "cannot read", error); /* the version says that it failed */
	}
	sqlite3_finalize(statement);
	return version;
}

static int migrate(struct sqlite3 *db, const struct db_schema *schema, char *error)
{
	int version = user_version(db, error);
	int r = version < 0 ? version : 0;

	if (version > (int)schema->n) {
		snprintf(error, STORE_ERROR_SIZE, "%s was written by a newer emisd (schema %d, known up to %zu)",
			sqlite3_db_filename(db, "main"), version, schema->n);
		return -EPROTO;
	}
	for (size_t i = (size_t)(version < 0 ? 0 : version); r == 0 && i < schema->n; i++) {
		char set[64];
		snprintf(set, sizeof(set), "PRAGMA user_version=%zu", i + 1);
		r = store_db_exec(db, "BEGIN IMMEDIATE", error);
		if (r == 0) {
			r = store_db_exec(db, schema->migrations[i], error);
			r = r == 0 ? store_db_exec(db, set, error) : r;
			r = store_db_end(db, r, error);
		}
	}
	return r;
}

bool store_db_is_damaged(struct sqlite3 *db)
{
	int code = sqlite3_errcode(db) & 0xFF;

	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

/* SQLite calls this again and again while another program holds the file; 0 makes the call fail. */
static int on_busy(void *context, int times)
{
	struct store_busy *busy = context;
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_NS };
	int64_t now = clock_real_mono_ms();

	if (times == 0) {
		busy->since_ms = now;
	}
	if (now < busy->refuse_until_ms) {
		return 0;
	}
	if (now - busy->since_ms >= BUSY_LOOP_MS) {
		busy->refuse_until_ms = now + BUSY_REFUSE_MS;
		return 0;
	}
	(void)nanosleep(&pause, NULL); /* an early wake-up does no harm */
	return 1;
}

void store_db_bound_waits(struct sqlite3 *db, struct store_busy *busy)
{
	if (db) {
		sqlite3_busy_handler(db, on_busy, busy);
	}
}

/* The handle of a file that cannot be opened does not know the file's name. */
static struct sqlite3 *open_file(const char *path, int flags, char *error)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		snprintf(
			error, STORE_ERROR_SIZE, "cannot open %s: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_busy_timeout(db, BUSY_MS);
	return db;
}

struct sqlite3 *store_db_open(const char *path, const struct db_schema *schema, const struct db_options *options,
	char *error, bool *ret_damaged)
{
	struct sqlite3 *db = open_file(path, SQLITE_OPEN_CREATE, error);
	const char *pragmas = options->no_sync ? PRAGMAS("OFF") : PRAGMAS("FULL");
	bool damaged = false;

	if (db && options->busy) {
		store_db_bound_waits(db, options->busy);
	}
	if (db && (store_db_exec(db, pragmas, error) < 0 || migrate(db, schema, error) < 0)) {
		damaged = store_db_is_damaged(db);
		sqlite3_close(db);
		db = NULL;
	}
	if (ret_damaged) {
		*ret_damaged = damaged;
	}
	return db;
}

struct sqlite3 *store_db_open_read(const char *path, char *error)
{
	return open_file(path, 0, error); /* for writing, since a file in WAL mode needs its -shm; but only read */
}
