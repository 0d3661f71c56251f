/* space.c - the quota, the disk that fills, the ballast. Whole files are deleted: first the oldest readings, then the
 * minutes, then the other means that need not be kept any longer. Alarms are never deleted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/store/aggregate_internal.h"
#include "daemon/store/audit.h"
#include "daemon/store/raw_internal.h"
#include "daemon/store/space.h"

#define BALLAST "ballast"
#define KEEP_DAYS 2 /* of readings are never deleted: after a restart the open day is computed from them again */
#define SECTOR 512  /* bytes that st_blocks counts in */

struct store_space {
	bool low;     /* readings wait for room */
	int64_t free; /* bytes, when that was decided */
};

int store_space_open(struct store *store)
{
	store->space = calloc(1, sizeof(*store->space));
	return store->space ? 0 : store_out_of_memory(store);
}

void store_space_close(struct store *store)
{
	free(store->space);
	store->space = NULL;
}

int store_space_check(struct store *store)
{
	if (!store->space->low) {
		return 0;
	}
	snprintf(store->error, sizeof(store->error),
		"the disk of %s has %lld MiB free: readings wait, the rest is for alarms", store->site->store.path,
		(long long)(store->space->free >> 20));
	return -ENOSPC;
}

static int is_ours(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Bytes on the disk of all files in the directory. */
int64_t store_used_bytes(const struct store *store)
{
	char path[PATH_SIZE * 2];
	struct dirent **entries;
	int64_t used = 0;
	int n = scandir(store->site->store.path, &entries, is_ours, alphasort);

	for (int i = 0; i < n; i++) {
		struct stat st;
		store_path(store, entries[i]->d_name, path, sizeof(path));
		if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			used += st.st_blocks * SECTOR;
		}
		free(entries[i]);
	}
	if (n >= 0) {
		free(entries);
	}
	return used;
}

int64_t store_free_bytes(const struct store *store)
{
	struct statvfs fs;

	if (statvfs(store->site->store.path, &fs) < 0) {
		return INT64_MAX; /* the next write reports the trouble */
	}
	return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

bool store_is_read_only(const struct store *store)
{
	struct statvfs fs;

	return statvfs(store->site->store.path, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

static int delete_file(struct store *store, const char *name, int64_t used, int64_t room)
{
	char what[64], why[128];

	/* The audit row comes first: to the verifier, a file without it that is gone looks like tampering. */
	snprintf(what, sizeof(what), "delete %.24s", name);
	snprintf(why, sizeof(why), "retention: %lld MiB used, %lld MiB free", (long long)(used >> 20),
		(long long)(room >> 20));
	int r = store_audit(store, "emisd", what, "", why);
	store_aggregate_close_files(store); /* the file may be one of them */
	r = r == 0 ? store_remove(store, name) : r;
	if (r == 0) {
		log_info("deleted %s: %s", name, why);
	}
	return r;
}

/* Files of readings that wait for their wall time are not deleted: they are small, and the readings are nowhere else.
 */
static int is_dated(const struct dirent *entry)
{
	return store_raw_is_file(entry) && !store_raw_is_undated(entry->d_name);
}

/* Deletes the oldest files of a kind until quota and disk have room. Those from the name first_kept on stay. */
static int delete_oldest(struct store *store, int (*is_one)(const struct dirent *), const char *first_kept)
{
	struct dirent **names;
	int64_t used = store_used_bytes(store), room = store_free_bytes(store);
	int n = scandir(store->site->store.path, &names, is_one, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		bool wanted = used > store->site->store.quota_bytes || room < store->site->store.reserve_bytes;
		if (r == 0 && wanted && strcmp(names[i]->d_name, first_kept) < 0) {
			r = delete_file(store, names[i]->d_name, used, room);
			used = store_used_bytes(store);
			room = store_free_bytes(store);
		}
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
	}
	return r;
}

static int make_room(struct store *store)
{
	const struct store_conf *conf = &store->site->store;
	struct utc now = clock_utc(store->clock);
	struct utc today = time_floor(now, DAY_MS, store->site->judging.offset_min);
	char name[32];
	int month = store_aggregate_month(store, now), kept = month / 100 * 12 + month % 100 - 1 - conf->keep_minutes;

	store_raw_name(store, (struct utc){ today.ms - KEEP_DAYS * DAY_MS }, name, sizeof(name));
	int r = delete_oldest(store, is_dated, name);
	if (r == 0) {
		snprintf(name, sizeof(name), "min-%04d%02d.db", kept / 12, kept % 12 + 1);
		r = delete_oldest(store, store_aggregate_is_month, name);
	}
	if (r == 0) {
		snprintf(name, sizeof(name), "roll-%04d.db", month / 100 - (conf->keep_means + 11) / 12);
		r = delete_oldest(store, store_aggregate_is_year, name);
	}
	return r;
}

static void keep_ballast(struct store *store, int64_t room)
{
	int64_t size = store->site->store.reserve_bytes / 4;
	char path[PATH_SIZE * 2];
	struct stat st;

	store_path(store, BALLAST, path, sizeof(path));
	if (stat(path, &st) == 0 || room < 2 * store->site->store.reserve_bytes) {
		return;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0) {
		return;
	}
	bool good = posix_fallocate(fd, 0, size) == 0;
	if (close(fd) < 0 || !good) {
		(void)unlink(path); /* half a ballast would not be enough */
	}
}

bool store_drop_ballast(struct store *store)
{
	char path[PATH_SIZE * 2];

	store_path(store, BALLAST, path, sizeof(path));
	if (store_free_bytes(store) >= store->site->store.reserve_bytes || unlink(path) < 0) {
		return false;
	}
	store->space->low = true; /* now, or readings would take the room that is for alarms */
	return true;
}

int store_keep_room(struct store *store)
{
	int64_t reserve = store->site->store.reserve_bytes;
	int r = make_room(store);
	int64_t room = store_free_bytes(store);

	/* Readings go on only with a quarter more than the reserve, or they would stop and go with each batch. */
	store->space->low = room < (store->space->low ? reserve + reserve / 4 : reserve);
	store->space->free = room;
	keep_ballast(store, room);
	return r;
}

bool store_space_low(const struct store *store)
{
	return store->space->low;
}
