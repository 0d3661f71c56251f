/* store_parts.h - the inside of struct store; for store*.c only. */
#ifndef EMIS_DAEMON_STORE_PARTS_H
#define EMIS_DAEMON_STORE_PARTS_H

#include "daemon/store.h"
#include "daemon/store_db.h"

/* 65536 readings: at 100 points every 2 s, 20 minutes without a disk, in 3 MB. */
#define RAW_BUFFER 65536

struct store_raw {
	struct raw_reading *buffer;
	size_t n;
	uint64_t dropped;
	struct sqlite3 *db; /* of the local day that starts at `day`; NULL before the first */
	struct utc day;
	struct sqlite3_stmt *insert;
	int *series; /* id in the file by point number (store_point_number) */
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
	struct sqlite3_stmt *put_outbox;
	struct sqlite3_stmt *put_audit;
	struct sqlite3_stmt *pending;
	struct sqlite3_stmt *done;
	struct sqlite3_stmt *refused;
	struct sqlite3_stmt *park;
	struct sqlite3_stmt *counts;
};

struct store {
	const struct site *site;
	const struct clock *clock;
	char boot[40]; /* of this run of the kernel */
	int lock_fd;
	size_t n_points; /* over all outlets */
	char error[STORE_ERROR_SIZE];
	struct store_raw raw;
	struct store_roll roll;
	struct store_state state;
};

/* Points counted through over all outlets. */
size_t store_point_number(const struct store *store, size_t outlet, size_t point);

/* "DIRECTORY/name". */
void store_path(const struct store *store, const char *name, char *ret_path, size_t size);

int store_raw_open(struct store *store);
void store_raw_close(struct store *store);
void store_roll_close(struct store *store);
int store_state_open(struct store *store);
void store_state_close(struct store *store);

#endif
