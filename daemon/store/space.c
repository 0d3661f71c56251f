/* space.c - room: the quota, the disk that fills, the ballast. Oldest readings go first, then the minutes and the
 * other means that need not be kept any longer, all by whole files; alarms are never deleted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/store/store_internal.h"

#define BALLAST "ballast"
#define KEEP_DAYS 2 /* of readings, whatever the disk says: the open day is made again from them */
#define SECTOR 512  /* of st_blocks */

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
		return INT64_MAX; /* then writing itself will tell */
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

	/* The row first: a file that is gone without a word would look like tampering. */
	snprintf(what, sizeof(what), "delete %.24s", name);
	snprintf(why, sizeof(why), "retention: %lld MiB used, %lld MiB free", (long long)(used >> 20),
		(long long)(room >> 20));
	int r = store_audit(store, "emisd", what, "", why);
	store_aggregate_close(store); /* it may have the file open */
	r = r == 0 ? store_remove(store, name) : r;
	if (r == 0) {
		log_info("deleted %s: %s", name, why);
	}
	return r;
}

/* Readings that wait for their time are few, and nowhere else: they stay. */
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
	char path[PATH_SIZE * 2], name[32];
	int month = store_aggregate_month(store, now), kept = month / 100 * 12 + month % 100 - 1 - conf->keep_minutes;

	store_raw_path(store, (struct utc){ today.ms - KEEP_DAYS * DAY_MS }, path, sizeof(path));
	int r = delete_oldest(store, is_dated, strrchr(path, '/') + 1);
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
		(void)unlink(path); /* half a ballast is none */
	}
}

bool store_drop_ballast(struct store *store)
{
	char path[PATH_SIZE * 2];

	store_path(store, BALLAST, path, sizeof(path));
	if (store_free_bytes(store) >= store->site->store.reserve_bytes || unlink(path) < 0) {
		return false;
	}
	store->space.low = true; /* at once, or readings would take what was kept for alarms */
	return true;
}

int store_keep_room(struct store *store)
{
	int64_t reserve = store->site->store.reserve_bytes;
	int r = make_room(store);
	int64_t room = store_free_bytes(store);

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
