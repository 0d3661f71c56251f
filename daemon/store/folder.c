/* folder.c - the directory of the store: its lock, and the names of files in it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/store_internal.h"

void store_path(const struct store *store, const char *name, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s/%s", store->site->store.path, name);
}

int store_sync_folder(struct store *store)
{
	const char *folder = store->site->store.path;

	if (store->site->store.no_sync) {
		return 0;
	}
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

int store_folder_take(struct store *store)
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
	/* Only the sentence above needs the number, so a full disk is not a reason to fail here. */
	int n = snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (ftruncate(store->lock_fd, 0) < 0 || pwrite(store->lock_fd, pid, (size_t)n, 0) != n) {
		(void)ftruncate(store->lock_fd, 0);
	}
	return 0;
}

void store_folder_release(struct store *store)
{
	if (store->lock_fd >= 0) {
		close(store->lock_fd);
	}
}
