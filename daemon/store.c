#include "daemon/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/store_parts.h"

size_t store_point_number(const struct store *store, size_t outlet, size_t point)
{
	size_t number = point;

	for (size_t i = 0; i < outlet; i++) {
		number += store->site->outlets[i].n_points;
	}
	return number;
}

void store_series_name(const struct outlet *outlet, const struct point *point, char *ret_name)
{
	snprintf(ret_name, SERIES_NAME_SIZE, "%s/%s", outlet->id, point->factor->key);
}

void store_path(const struct store *store, const char *name, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s/%s", store->site->store.path, name);
}

int store_sync_folder(struct store *store)
{
	const char *folder = store->site->store.path;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd >= 0 && fsync(fd) == 0 ? 0 : -errno;

	if (r < 0) {
		snprintf(store->error, sizeof(store->error), "cannot sync %s: %s", folder, strerror(-r));
	}
	if (fd >= 0) {
		close(fd);
	}
	return r;
}

const char *store_error(const struct store *store)
{
	return store->error;
}

const char *store_boot(const struct store *store)
{
	return store->boot;
}

static void read_boot_id(struct store *store)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file || !fgets(store->boot, sizeof(store->boot), file)) {
		/* Then each run is a boot of its own: two boots must never look like one. */
		uint64_t random = 0;
		(void)!getrandom(&random, sizeof(random), 0); /* of so few bytes it gives all */
		snprintf(store->boot, sizeof(store->boot), "run-%016llx", (unsigned long long)random);
	}
	store->boot[strcspn(store->boot, "\n")] = '\0';
	if (file) {
		fclose(file);
	}
}

/* Only one emisd may work on a directory. The lock goes with the process, so none is ever left behind. */
static int take_directory(struct store *store)
{
	const char *directory = store->site->store.path;
	char path[PATH_SIZE * 2], pid[32] = "?";

	if (mkdir(directory, 0750) < 0 && errno != EEXIST) {
		snprintf(store->error, sizeof(store->error), "cannot create %s: %s", directory, strerror(errno));
		return -errno;
	}
	store_path(store, "lock", path, sizeof(path));
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (store->lock_fd < 0) {
		snprintf(store->error, sizeof(store->error), "cannot open %s: %s", path, strerror(errno));
		return -errno;
	}
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = pread(store->lock_fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		snprintf(store->error, sizeof(store->error), "%s is in use by another emisd (pid %s)", directory, pid);
		return -EBUSY;
	}
	/* For the sentence above only: a full disk that keeps the number away is no reason to fail here. */
	int n = snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (ftruncate(store->lock_fd, 0) < 0 || pwrite(store->lock_fd, pid, (size_t)n, 0) != n) {
		(void)ftruncate(store->lock_fd, 0);
	}
	return 0;
}

/* SQLite's words for a full disk do not name the disk. */
static void explain_space(struct store *store)
{
	struct statvfs fs;
	size_t n = strlen(store->error);

	if (statvfs(store->site->store.path, &fs) == 0 && fs.f_bavail * fs.f_frsize < (fsblkcnt_t)1 << 20) {
		snprintf(store->error + n, sizeof(store->error) - n,
			"; the disk of %s has %llu KiB free: make room and start again", store->site->store.path,
			(unsigned long long)(fs.f_bavail * fs.f_frsize / 1024));
	}
}

/* Copies of the store are read without the configuration. */
static int remember_offset(struct store *store)
{
	char *stored = store_meta_text(store, "offset_min"), now[16];

	snprintf(now, sizeof(now), "%d", store->site->judging.offset_min);
	int r = stored && strcmp(stored, now) == 0 ? 0 : store_set_meta(store, "offset_min", now);
	free(stored);
	return r;
}

struct store *store_open(const struct site *site, const struct clock *clock, char *error, size_t size)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	store->site = site;
	store->clock = clock;
	store->lock_fd = -1;
	store->numbers.fd = -1;
	for (size_t i = 0; i < site->n_outlets; i++) {
		store->n_points += site->outlets[i].n_points;
	}
	store_roll_init(store);
	read_boot_id(store);
	if (take_directory(store) < 0 || store_raw_open(store) < 0 || store_state_open(store) < 0 ||
		remember_offset(store) < 0) {
		explain_space(store);
		snprintf(error, size, "%s", store->error);
		store_close(store);
		return NULL;
	}
	return store;
}

void store_close(struct store *store)
{
	if (!store) {
		return;
	}
	store_raw_close(store);
	store_roll_close(store);
	if (store->state.set_meta) {
		(void)store_set_meta(store, "in_use", "0"); /* else the next start looks closer */
	}
	store_state_close(store);
	store_numbers_close(store);
	if (store->lock_fd >= 0) {
		close(store->lock_fd);
	}
	free(store);
}
