/* store_space.c - room: the quota, the disk that fills, the ballast. Oldest readings go first, by whole files; alarms
 * and means are never deleted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/store_parts.h"

#define BALLAST "ballast"
#define KEEP_DAYS 2 /* of readings, whatever the disk says: the open day is made again from them */
#define SECTOR 512  /* of st_blocks */

static int is_ours(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Bytes on the disk of all files in the directory. */
static int64_t used_bytes(const struct store *store)
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

static int64_t free_bytes(const struct store *store)
{
	struct statvfs fs;

	if (statvfs(store->site->store.path, &fs) < 0) {
		return INT64_MAX; /* then writing itself will tell */
	}
	return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

int store_remove(struct store *store, const char *name)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char path[PATH_SIZE * 2], file[64];

	for (size_t i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "%.24s%s", name, parts[i]);
		store_path(store, file, path, sizeof(path));
		if (unlink(path) < 0 && errno != ENOENT) {
			snprintf(store->error, sizeof(store->error), "cannot delete %s: %s", path, strerror(errno));
			return -errno;
		}
	}
	return 0;
}

static int delete_day(struct store *store, const char *name, int64_t used, int64_t room)
{
	char what[64], why[128];

	/* The row first: a file that is gone without a word would look like tampering. */
	snprintf(what, sizeof(what), "delete %.24s", name);
	snprintf(why, sizeof(why), "retention: %lld MiB used, %lld MiB free", (long long)(used >> 20),
		(long long)(room >> 20));
	int r = store_audit(store, "emisd", what, "", why);
	r = r == 0 ? store_remove(store, name) : r;
	if (r == 0) {
		log_info("deleted %s: %s", name, why);
	}
	return r;
}

/* Deletes the oldest days until quota and disk have room. */
static int delete_oldest(struct store *store)
{
	struct dirent **names;
	char first_kept[PATH_SIZE * 2];
	int64_t used = used_bytes(store), room = free_bytes(store);
	struct utc today = time_floor(clock_utc(store->clock), DAY_MS, store->site->judging.offset_min);
	int n = scandir(store->site->store.path, &names, store_raw_is_file, alphasort), r = 0;

	store_raw_path(store, (struct utc){ today.ms - KEEP_DAYS * DAY_MS }, first_kept, sizeof(first_kept));
	for (int i = 0; i < n; i++) {
		bool wanted = used > store->site->store.quota_bytes || room < store->site->store.reserve_bytes;
		bool undated = store_raw_is_undated(names[i]->d_name); /* few, and nowhere else */
		if (r == 0 && wanted && !undated && strcmp(names[i]->d_name, strrchr(first_kept, '/') + 1) < 0) {
			r = delete_day(store, names[i]->d_name, used, room);
			used = used_bytes(store);
			room = free_bytes(store);
		}
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
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
		(void)unlink(path); /* half a ballast is none */
	}
}

bool store_drop_ballast(struct store *store)
{
	char path[PATH_SIZE * 2];

	store_path(store, BALLAST, path, sizeof(path));
	return free_bytes(store) < store->site->store.reserve_bytes && unlink(path) == 0;
}

int store_keep_room(struct store *store)
{
	int64_t reserve = store->site->store.reserve_bytes;
	int r = delete_oldest(store);
	int64_t room = free_bytes(store);

	/* A quarter more before it is good again, or readings would stop and go with each batch. */
	store->space.low = room < (store->space.low ? reserve + reserve / 4 : reserve);
	store->space.free = room;
	keep_ballast(store, room);
	return r;
}

bool store_space_low(const struct store *store)
{
	return store->space.low;
}
