#include "daemon/store/check.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "daemon/store/raw_internal.h"

struct store_check {
	struct store *store; /* not used by the thread */
	struct dirent **names;
	int n_names;
	char directory[PATH_SIZE];
	pthread_t thread;
	pthread_mutex_t lock; /* protects all that follows */
	int checked;          /* so many names are done */
	bool *damaged;        /* by index of names */
	bool ending;
	sqlite3 *db; /* the file that is being read, to interrupt it; else NULL */
};

/* ---- on the thread ---- */

static bool begin(struct store_check *check, sqlite3 *db)
{
	pthread_mutex_lock(&check->lock);
	bool go_on = !check->ending;
	check->db = go_on ? db : NULL;
	pthread_mutex_unlock(&check->lock);
	return go_on;
}

static void note(struct store_check *check, int index, bool damaged)
{
	pthread_mutex_lock(&check->lock);
	check->db = NULL;
	check->damaged[index] = damaged;
	check->checked = index + 1;
	pthread_mutex_unlock(&check->lock);
}

/* False when the file is whole, and when that is not known: the check was interrupted, or the file is gone. */
static bool is_damaged(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL);

	code = code == SQLITE_OK ? sqlite3_step(s) : code;
	bool damaged = (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB ||
		(code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") != 0);
	sqlite3_finalize(s);
	return damaged;
}

static void *run(void *context)
{
	struct store_check *check = context;
	char path[PATH_SIZE * 2], ignored[STORE_ERROR_SIZE];

	for (int i = 0; i < check->n_names; i++) {
		snprintf(path, sizeof(path), "%s/%s", check->directory, check->names[i]->d_name);
		sqlite3 *db = store_db_open_read(path, ignored);
		bool go_on = begin(check, db);
		bool damaged = go_on && db && is_damaged(db);
		note(check, i, damaged);
		sqlite3_close(db);
		if (!go_on) {
			break;
		}
	}
	return NULL;
}

/* ---- on the main loop ---- */

static void destroy(struct store_check *check)
{
	for (int i = 0; i < check->n_names; i++) {
		free(check->names[i]);
	}
	free(check->names);
	free(check->damaged);
	pthread_mutex_destroy(&check->lock);
	free(check);
}

int store_check_start(struct store *store, struct store_check **ret_check)
{
	struct store_check *check = store->unclean ? calloc(1, sizeof(*check)) : NULL;

	*ret_check = NULL;
	if (!store->unclean) {
		return 0;
	}
	if (!check) {
		return -ENOMEM;
	}
	check->store = store;
	pthread_mutex_init(&check->lock, NULL);
	snprintf(check->directory, sizeof(check->directory), "%s", store->site->store.path);
	check->n_names = scandir(check->directory, &check->names, store_raw_is_file, alphasort);
	check->n_names = check->n_names < 0 ? 0 : check->n_names;
	check->damaged = calloc((size_t)check->n_names + 1, sizeof(*check->damaged));
	if (!check->damaged || pthread_create(&check->thread, NULL, run, check) != 0) {
		destroy(check);
		return -ENOMEM;
	}
	*ret_check = check;
	return 0;
}

bool store_check_step(struct store_check *check)
{
	pthread_mutex_lock(&check->lock);
	int checked = check->checked;
	pthread_mutex_unlock(&check->lock);

	for (int i = 0; i < checked; i++) {
		if (check->damaged[i] &&
			store_raw_salvage(check->store, check->names[i]->d_name, "found after an unclean stop") < 0) {
			log_error("%s is damaged and cannot be replaced: %s", check->names[i]->d_name,
				store_error(check->store));
		}
		check->damaged[i] = false;
	}
	return checked < check->n_names;
}

void store_check_end(struct store_check *check)
{
	if (!check) {
		return;
	}
	pthread_mutex_lock(&check->lock);
	check->ending = true;
	if (check->db) {
		sqlite3_interrupt(check->db);
	}
	pthread_mutex_unlock(&check->lock);
	(void)pthread_join(check->thread, NULL); /* cannot fail: the thread was made, and is joined only here */
	destroy(check);
}
