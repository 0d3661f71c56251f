/* raw_internal.h - the files of readings, for the files that write, finish, move, check and delete them. The open day
 * and the buffer are the record of raw.c. */
#ifndef EMIS_DAEMON_STORE_RAW_INTERNAL_H
#define EMIS_DAEMON_STORE_RAW_INTERNAL_H

#include "daemon/store/raw.h"
#include "daemon/store/store_internal.h"

struct dirent;

/* A row of raw-YYYYMMDD.db: readings of one hour (reading_codec.h). Either a batch, or a part of the finished hour. */
struct raw_chunk {
	int64_t id;
	struct utc hour; /* stamps are relative to it */
	bool finished;
	size_t n;
	int boot;         /* id in the file */
	struct mono mono; /* when it was written */
	struct utc wall;
	bool synchronized; /* the wall clock was, then */
	const unsigned char *data;
	size_t size;
};

#define RAW_COLUMNS "id, hour_ms, finished, n, boot, mono_ms, wall_ms, crc, data, synchronized"

/* Reads a row of RAW_COLUMNS; ->data lives until the next step. False when the CRC is wrong. */
bool store_raw_read_chunk(struct sqlite3_stmt *row, struct raw_chunk *ret_chunk);

/* ---- the open day ---- */

int store_raw_open(struct store *store);
void store_raw_close(struct store *store);

/* Opens the file of the local day, and makes it if need be. *ret_db is borrowed until another day is opened or
 * store_raw_close_day(). 0 or -errno. */
int store_raw_open_day(struct store *store, struct utc day, struct sqlite3 **ret_db);
void store_raw_close_day(struct store *store);

/* Inserts into the file of the open day. 0 or -errno. */
int store_raw_insert(struct store *store, const struct raw_chunk *chunk);

/* The id of a name in the table "series" or "boot" of a raw file; a new name gets an id. 0 or -errno. */
int store_raw_id(struct store *store, struct sqlite3 *db, const char *table, const char *name, int *ret_id);

/* Remembers what store_raw_finished() returns; INT64_MIN = not asked yet. */
void store_raw_set_finished(struct store *store, struct utc finished);

/* ---- files by their names ---- */

/* "raw-YYYYMMDD.db" of the local day; the path has `size` bytes. */
void store_raw_name(const struct store *store, struct utc day, char *name, size_t size);

/* For scandir(): "raw-YYYYMMDD.db". */
int store_raw_is_file(const struct dirent *entry);

/* True when the file holds readings that wait until their wall time is known (relabel.c). */
bool store_raw_is_undated(const char *name);

/* Makes a raw file, not the open one, fit to be read: an empty one gets its tables, a damaged one is salvaged; `whole`
 * reads all of it to find out. 0 or -errno. */
int store_raw_check(struct store *store, const char *name, bool whole);

/* Salvages a raw file that could not be read. 0 or -errno. */
int store_raw_salvage(struct store *store, const char *name, const char *why);

/* Salvages the file of this local day, which turned out to be damaged. 0 or -errno. */
int store_raw_mend(struct store *store, struct utc day);

#endif
