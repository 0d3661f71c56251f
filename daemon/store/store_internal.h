/* store_internal.h - the inside of struct store; for store*.c only. */
#ifndef EMIS_DAEMON_STORE_STORE_INTERNAL_H
#define EMIS_DAEMON_STORE_STORE_INTERNAL_H

#include "daemon/store/db.h"
#include "daemon/store/proof.h"
#include "daemon/store/store.h"

struct aggregate_hour;

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
	struct utc finished; /* hours up to here are finished (raw_finish.c); INT64_MIN = not asked yet */
};

/* The id in a file of a series; 0 ends those of a point. */
struct aggregate_series {
	int id;
	enum series_kind kind;
	double o2_ref; /* -1 without one */
};

/* A file with rows of means, open for writing. */
struct aggregate_file {
	struct sqlite3 *db;
	int number;                                /* the year; 0 of min-open.db */
	struct sqlite3_stmt *insert[PERIOD_COUNT]; /* NULL for what the file does not hold */
	struct aggregate_series *series;           /* POINT_SERIES for each point */
};

#define PACK_GRACE_MS HOUR_MS /* from a day's end to its packing: results of slow analysers come late */

/* Where the packing of a day stands (aggregate_pack.c). */
struct aggregate_packing {
	struct utc day; /* INT64_MIN between two days */
	int64_t series; /* id of the last one that is packed */
	struct utc due; /* nothing to do before */
};

/* The packed minutes of an hour, and with them the rows of a minute (aggregate_next.c). */
struct aggregate_cache {
	struct utc hour; /* INT64_MIN = nothing */
	struct aggregate_hour *series;
	size_t n;
	size_t room;
	struct utc told; /* the day whose damage was told last */
};

struct store_aggregate {
	struct aggregate_file open; /* min-open.db: minutes of days that are not packed yet */
	struct aggregate_file year; /* roll-YYYY.db: hours, days, months */
	struct sqlite3 *packed;     /* min-YYYYMM.db: days of minutes; NULL or of `month` */
	int month;
	struct aggregate_packing packing;
	struct aggregate_cache cache;
};

struct store_state {
	struct sqlite3 *db;
	struct sqlite3_stmt *set_meta;
	struct sqlite3_stmt *put_audit;
	bool in_use; /* state.db says so, until it is closed */
};

struct store_alarms {
	int64_t next_seq;
	struct sqlite3_stmt *put_alarm;
	struct sqlite3_stmt *put_event;
};

struct store_outbox {
	struct sqlite3_stmt *put;
	struct sqlite3_stmt *pending;
	struct sqlite3_stmt *done;
	struct sqlite3_stmt *refused;
	struct sqlite3_stmt *wait;
	struct sqlite3_stmt *park;
	struct sqlite3_stmt *counts;
	struct sqlite3_stmt *again;
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
};

/* The highest numbers that may have left the box (numbers.c). */
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
	bool synchronized;      /* the wall clock is, as far as is known (store_clock_trust) */
	bool unclean;           /* the last emisd did not end in order: files are read whole before they are trusted */
	bool bounded;           /* waits for other programs are, once all is open */
	struct store_busy busy; /* of all files */
	struct store_raw raw;
	struct store_aggregate roll;
	struct store_state state;
	struct store_alarms alarms;
	struct store_outbox outbox;
	struct store_chain chain;
	struct proof_key key; /* signs the checkpoints */
	struct store_numbers numbers;
	struct store_space space;
};

/* ---- the directory (folder.c) ---- */

/* Deletes a file of the store with its companions. 0 or -errno. */
int store_remove(struct store *store, const char *name);

/* Takes the directory, made if need be, for this process. The lock goes with the process, so none is ever left behind.
 * 0 or -errno: -EBUSY when another emisd has it. */
int store_folder_take(struct store *store);
void store_folder_release(struct store *store);

/* "DIRECTORY/name". */
void store_path(const struct store *store, const char *name, char *ret_path, size_t size);

/* Makes names that were given, or taken away, last. 0 or -errno with a sentence in store->error. */
int store_sync_folder(struct store *store);

/* ---- numbers (numbers.c) ---- */

/* What is not there counts as 0; what cannot be kept is a matter of the log. */
void store_numbers_open(struct store *store);
/* After a commit, before anything leaves; what is lower than before changes nothing. */
void store_numbers_keep(struct store *store, int64_t event, int64_t checkpoint);
void store_numbers_close(struct store *store);

/* ---- what is measured, as the files name it (series.c) ---- */

/* Points counted through over all outlets. */
size_t store_point_number(const struct store *store, size_t outlet, size_t point);

/* "DA001/so2" */
#define SERIES_NAME_SIZE (OUTLET_ID_SIZE + FACTOR_KEY_SIZE + 1)
void store_series_name(const struct outlet *outlet, const struct point *point, char *ret_name);

/* What a series is of. */
struct series_name {
	int id; /* in the file */
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE];
	enum series_kind kind;
	enum medium medium;
	double o2_ref; /* NAN without one */
};

struct series_names {
	struct series_name *names; /* by id, those of configured outlets; owned */
	size_t n;
};

/* The name as four columns from `column` on; false when it is of no configured outlet or makes no sense. */
#define SERIES_COLUMNS "outlet, factor, basis, o2_ref"
bool store_series_read(const struct store *store, struct sqlite3_stmt *row, int column, struct series_name *ret_name);
/* All of a file's table series; names.names is the caller's. 0 or -errno. */
int store_series_all(struct store *store, struct sqlite3 *db, struct series_names *ret_names);
/* NULL when there is none. */
const struct series_name *store_series_find(const struct series_names *names, int id);

/* ---- readings (store_raw*.c) ---- */

/* A row of raw-YYYYMMDD.db: readings of one hour (reading_codec.h), as a batch brought them or all of the finished
 * hour.
 */
struct raw_chunk {
	int64_t id;
	struct utc hour; /* stamps are relative to it */
	bool finished;
	size_t n;
	int boot;         /* id in the file */
	struct mono mono; /* when it was written */
	struct utc wall;
	bool synchronized; /* the wall clock was */
	const unsigned char *data;
	size_t size;
};

#define RAW_COLUMNS "id, hour_ms, finished, n, boot, mono_ms, wall_ms, crc, data, synchronized"

/* A row of RAW_COLUMNS; data lives until the next step. False when its CRC is wrong. */
bool store_raw_read_chunk(struct sqlite3_stmt *row, struct raw_chunk *ret_chunk);

/* Into the file of the open day. 0 or -errno. */
int store_raw_insert(struct store *store, const struct raw_chunk *chunk);
/* Opens the file of the local day, made if need be, as store->raw.db. 0 or -errno. */
int store_raw_open_day(struct store *store, struct utc day);
/* The id of a name in the table "series" or "boot" of a raw file, which gets one if it has none. 0 or -errno. */
int store_raw_id(struct store *store, struct sqlite3 *db, const char *table, const char *name, int *ret_id);
void store_raw_path(const struct store *store, struct utc day, char *path, size_t size);
/* For scandir(): "raw-YYYYMMDD.db". */
struct dirent;
int store_raw_is_file(const struct dirent *entry);
/* The file holds readings that wait for their time (relabel.c). */
bool store_raw_is_undated(const char *name);

void store_raw_close_day(struct store *store);
int store_raw_open(struct store *store);
void store_raw_close(struct store *store);
/* Makes sure that a raw file, not the open one, can be read: an empty one gets its tables, a damaged one is salvaged;
 * `whole` reads all of it to find out. 0 or -errno. */
int store_raw_check(struct store *store, const char *name, bool whole);
/* The file of this day turned out to be damaged: salvages it. 0 or -errno. */
int store_raw_mend(struct store *store, struct utc day);
/* Of a raw file that could not be read: salvages it. 0 or -errno. */
int store_raw_salvage(struct store *store, const char *name, const char *why);

/* ---- means (store_aggregate*.c) ---- */

void store_aggregate_init(struct store *store);
void store_aggregate_close(struct store *store);
/* Opens or makes one of the files of means by its name, as store_open_file() does. */
struct sqlite3 *store_aggregate_open_file(struct store *store, const char *name, bool check);
/* Of a call that failed with r: when that was damage, looks through the open files and salvages. True when that mended
 * something: then try again. */
bool store_aggregate_mend(struct store *store, int r);
/* Opens the file of the open days, or that of a year, made if need be. 0 or -errno. */
int store_aggregate_open_days(struct store *store);
int store_aggregate_open_year(struct store *store, int year);
/* A mean's numbers, from `column` on; false when they make no sense. rule, start and end stay as they are. */
#define MEAN_COLUMNS "value, min, max, valid, flag, n_valid, n_due, counts, amount"
bool store_aggregate_get(struct sqlite3_stmt *row, int column, struct mean *ret_mean, double *ret_amount);
/* Fills in all but what store_aggregate_get() does. */
void store_aggregate_tell(const struct store *store, const struct series_name *name, enum period period,
	struct utc start, struct stored_mean *mean);
/* The local year (month) of a moment as YYYY (YYYYMM). */
int store_aggregate_year(const struct store *store, struct utc at);
int store_aggregate_month(const struct store *store, struct utc at);
/* Opens min-YYYYMM.db as store->roll.packed; made only when `create`: 0 with store->roll.packed NULL when there is
 * none. 0 or -errno. */
int store_aggregate_open_month(struct store *store, int month, bool create);
/* Reads SLOTS of a row whose blob is in `column` and its CRC in the one before. False when it is damaged. */
struct day_minute;
bool store_aggregate_get_day(struct sqlite3_stmt *row, int column, struct day_minute *slots);
/* Tells of packed rows of the day that were damaged, once. */
void store_aggregate_tell_damage(struct store *store, struct utc day, unsigned n);
/* For scandir(): "min-YYYYMM.db", "roll-YYYY.db". */
int store_aggregate_is_month(const struct dirent *entry);
int store_aggregate_is_year(const struct dirent *entry);

/* ---- files that may be damaged (salvage.c) ---- */

/* Notes that a file was damaged, and says so in the log. */
void store_note_damage(struct store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A name for what is set aside that no file has: "NAME.damaged-YYYYMMDDTHHMMSS-N". */
void store_aside_name(const struct store *store, const char *name, char *ret_aside, size_t size);

/* Opens or creates a file of the store. A damaged one is set aside and replaced with what can be read of it; `check`
 * reads it whole to find out. NULL with a sentence in store->error. */
struct sqlite3 *store_open_file(
	struct store *store, const char *name, const char *const *migrations, size_t n_migrations, bool check);
/* The same for a file that is known to be damaged, and is not open. */
struct sqlite3 *store_salvage(
	struct store *store, const char *name, const char *const *migrations, size_t n_migrations, const char *why);
/* ---- state.db (state.c and what lies in it) ---- */

/* Transactions of state.db. store_end() commits when r is 0, else, or when that fails, all is as before. 0 or -errno.
 */
int store_begin(struct store *store);
int store_end(struct store *store, int r);

/* Within a transaction of state.db. */
int store_audit_put(
	struct store *store, const char *who, const char *what, const char *old_value, const char *new_value);

int store_alarms_open(struct store *store);
void store_alarms_close(struct store *store);

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

/* Reads the key of this box, makes it if there is none, and names a new one in the audit log. 0 or -errno. */
int store_key_open(struct store *store);
void store_key_close(struct store *store);

/* The last number that an AUTOINCREMENT table of state.db gave. 0 or -errno. */
int store_last_number(struct store *store, const char *table, int64_t *ret_number);
/* Opens state.db; it must be of this site and of this kind of time. 0 or -errno. */
int store_state_open(struct store *store);
/* When all is open: notes that the directory is in use, until it is closed in order. 0 or -errno. */
int store_state_use(struct store *store);
void store_state_close(struct store *store);

#endif
