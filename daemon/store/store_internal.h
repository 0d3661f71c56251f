/* store_internal.h - the base of the store: what every file of daemon/store/ may use. Each part of the store keeps its
 * own record, which only the .c file of that part knows; the functions of a part for its neighbours are in
 * PART_internal.h. */
#ifndef EMIS_DAEMON_STORE_STORE_INTERNAL_H
#define EMIS_DAEMON_STORE_STORE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/store/db_internal.h"
#include "daemon/store/store.h"

struct store {
	const struct site *site;
	const struct clock *clock;
	char boot[40];                /* id of this run of the kernel */
	int lock_fd;                  /* of the directory; -1 while it is not ours */
	size_t n_points;              /* over all outlets */
	char error[STORE_ERROR_SIZE]; /* store_error() */
	char damage[400];             /* store_damage() */
	unsigned n_damages;
	bool synchronized;      /* store_clock_trust() */
	bool unclean;           /* the last emisd did not end in order: a file is read whole before it is trusted */
	bool bounded;           /* all is open: from now on no call waits long for another program */
	struct store_busy busy; /* shared by all files */

	/* The records of the parts; NULL until the part is open, and after it is closed. */
	struct store_raw *raw;             /* raw.c */
	struct store_aggregate *aggregate; /* aggregate.c */
	struct store_packing *packing;     /* aggregate_pack.c */
	struct store_state *state;         /* state.c */
	struct store_alarms *alarms;       /* alarm.c */
	struct store_audits *audits;       /* audit.c */
	struct store_outbox *outbox;       /* outbox.c */
	struct store_chain *chain;         /* chain.c */
	struct store_key *key;             /* checkpoint.c */
	struct store_numbers *numbers;     /* numbers.c */
	struct store_space *space;         /* space.c */
};

/* Writes the sentence and returns -ENOMEM. */
int store_out_of_memory(struct store *store);

/* ---- the directory (folder.c) ---- */

/* Takes the directory for this process; makes it if need be. The kernel drops the lock when the process ends. 0 or
 * -errno: -EBUSY when another emisd has it. */
int store_folder_take(struct store *store);
void store_folder_release(struct store *store);

/* "DIRECTORY/name". */
void store_path(const struct store *store, const char *name, char *ret_path, size_t size);

/* Deletes a file of the store with its -wal and -shm. 0 or -errno. */
int store_remove(struct store *store, const char *name);

/* Makes new names and deletions in the directory survive a power cut. 0 or -errno. */
int store_sync_folder(struct store *store);

/* ---- room (space.c) ---- */

int store_space_open(struct store *store);
void store_space_close(struct store *store);
/* 0, or -ENOSPC while readings wait for room. */
int store_space_check(struct store *store);

#endif
