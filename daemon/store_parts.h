/* store_parts.h - the inside of struct store; for store*.c only. */
#ifndef EMIS_DAEMON_STORE_PARTS_H
#define EMIS_DAEMON_STORE_PARTS_H

#include "daemon/proof.h"
#include "daemon/store.h"
#include "daemon/store_db.h"

/* 65536 readings: at 100 points every 2 s, 20 minutes without a disk, in 3 MB. */
#define RAW_BUFFER 65536

struct store_raw {
	struct raw_reading *buffer; /* grows up to RAW_BUFFER */
	size_t n;
	size_t room;
	uint64_t dropped;
	struct sqlite3 *db; /* of the local day that starts at `day`; NULL before the first */
	struct utc day;
	struct sqlite3_stmt *insert;
	int *series;         /* id in the file by point number (store_point_number) */
	int boot;            /* id in the file of this boot */
	struct utc finished; /* hours up to here are finished (store_raw_finish.c); INT64_MIN = not asked yet */
};

struct store_roll {
	struct sqlite3 *db;
	int year;
	struct sqlite3_stmt *insert;
};

struct store_state {
	struct sqlite3 *db;
	int64_t next_seq;
	struct sqlite3_stmt *set_meta;
	struct sqlite3_stmt *put_alarm;
	struct sqlite3_stmt *put_event;
	struct sqlite3_stmt *put_audit;
};

struct store_outbox {
	struct sqlite3_stmt *put;
	struct sqlite3_stmt *pending;
	struct sqlite3_stmt *done;
	struct sqlite3_stmt *refused;
	struct sqlite3_stmt *park;
	struct sqlite3_stmt *counts;
};

/* The end of the chain: the newest link. */
struct chain_head {
	int64_t id; /* 0 before the first */
	struct proof_hash hash;
};

struct store_chain {
	struct chain_head head;
	struct chain_head before; /* as it was when the transaction began */
	struct sqlite3_stmt *put;
	struct proof_key key;
};

/* The highest numbers that may have left the box (store_numbers.c). */
struct store_numbers {
	int fd; /* -1 while it cannot be kept */
	int64_t event;
	int64_t checkpoint;
};

struct store_space {
	bool low; /* readings wait for room */
	int64_t free;
};

struct store {
	const struct site *site;
	const struct clock *clock;
	char boot[40]; /* of this run of the kernel */
	int lock_fd;
	size_t n_points; /* over all outlets */
	char error[STORE_ERROR_SIZE];
	char damage[400]; /* what the last damaged file was, and what became of it */
	unsigned n_damages;
	bool unclean; /* the last emisd did not end in order: files are read whole before they are trusted */
	struct store_raw raw;
	struct store_roll roll;
	struct store_state state;
	struct store_outbox outbox;
	struct store_chain chain;
	struct store_numbers numbers;
	struct store_space space;
};

/* Points counted through over all outlets. */
size_t store_point_number(const struct store *store, size_t outlet, size_t point);

/* "DIRECTORY/name". */
void store_path(const struct store *store, const char *name, char *ret_path, size_t size);

/* Makes names that were given, or taken away, last. 0 or -errno with a sentence in store->error. */
int store_sync_folder(struct store *store);

/* Notes that a file was damaged, and says so in the log. */
void store_note_damage(struct store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A name for what is set aside that no file has: "NAME.damaged-YYYYMMDDTHHMMSS-N". */
void store_aside_name(const struct store *store, const char *name, char *ret_aside, size_t size);

/* What is not there counts as 0; what cannot be kept is a matter of the log. */
void store_numbers_open(struct store *store);
/* After a commit, before anything leaves; what is lower than before changes nothing. */
void store_numbers_keep(struct store *store, int64_t event, int64_t checkpoint);
void store_numbers_close(struct store *store);

/* "DA001/so2" */
#define SERIES_NAME_SIZE (OUTLET_ID_SIZE + FACTOR_KEY_SIZE + 1)
void store_series_name(const struct outlet *outlet, const struct point *point, char *ret_name);

/* A row of raw-YYYYMMDD.db: readings of one hour (store_pack.h), as a batch brought them or all of the finished hour.
 */
struct raw_chunk {
	int64_t id;
	struct utc hour; /* stamps are relative to it */
	bool finished;
	size_t n;
	int boot;         /* id in the file */
	struct mono mono; /* when it was written */
	struct utc wall;
	const unsigned char *data;
	size_t size;
};

#define RAW_COLUMNS "id, hour_ms, finished, n, boot, mono_ms, wall_ms, crc, data"

/* A row of RAW_COLUMNS; data lives until the next step. False when its CRC is wrong. */
bool store_raw_read_chunk(struct sqlite3_stmt *row, struct raw_chunk *ret_chunk);

/* Into the file of the open day. 0 or -errno. */
int store_raw_insert(struct store *store, const struct raw_chunk *chunk);
/* Opens the file of the local day, made if need be, as store->raw.db. 0 or -errno. */
int store_raw_open_day(struct store *store, struct utc day);
void store_raw_path(const struct store *store, struct utc day, char *path, size_t size);
/* For scandir(): "raw-YYYYMMDD.db". */
struct dirent;
int store_raw_is_file(const struct dirent *entry);

int store_raw_open(struct store *store);
void store_raw_close(struct store *store);
void store_roll_close(struct store *store);
/* Opens or creates a file of the store. A damaged one is set aside and replaced with what can be read of it; `check`
 * reads it whole to find out. NULL with a sentence in store->error. */
struct sqlite3 *store_open_file(
	struct store *store, const char *name, const char *const *migrations, size_t n_migrations, bool check);
/* The same for a file that is known to be damaged, and is not open. */
struct sqlite3 *store_salvage(
	struct store *store, const char *name, const char *const *migrations, size_t n_migrations, const char *why);
/* Makes sure that a raw file, not the open one, can be read: an empty one gets its tables, a damaged one is salvaged; `whole`
 * reads all of it to find out. 0 or -errno. */
int store_raw_check(struct store *store, const char *name, bool whole);
/* The file of this day turned out to be damaged: salvages it. 0 or -errno. */
int store_raw_mend(struct store *store, struct utc day);
/* Of a raw file that could not be read: salvages it. 0 or -errno. */
int store_raw_salvage(struct store *store, const char *name, const char *why);

/* Transactions of state.db. store_end() commits when r is 0, else, or when that fails, all is as before. 0 or -errno.
 */
int store_begin(struct store *store);
int store_end(struct store *store, int r);

/* Within a transaction of state.db. */
int store_audit_put(
	struct store *store, const char *who, const char *what, const char *old_value, const char *new_value);

/* Queues a message, within a transaction of state.db. */
int store_outbox_put(struct store *store, const char *stream, int64_t seq, const char *topic, const char *payload);
int store_outbox_open(struct store *store);
void store_outbox_close(struct store *store);

/* Links the row to the chain, within the transaction that wrote it. kind: audit, event, mark. */
int store_chain_add(struct store *store, const char *kind, int64_t row);
/* Links the finished chunks of the hour in the open day's file that are not linked yet, within a transaction of
 * state.db. */
int store_chain_add_chunks(struct store *store, struct utc hour);
int store_chain_open(struct store *store);
void store_chain_close(struct store *store);

/* The last number that an AUTOINCREMENT table of state.db gave. 0 or -errno. */
int store_last_number(struct store *store, const char *table, int64_t *ret_number);
int store_state_open(struct store *store);
void store_state_close(struct store *store);

#endif
