/* shim_powercut.c - a power cut for a program that runs with this library in LD_PRELOAD.
 *
 * The program works in the folder POWERCUT_DIR as usual. Beside it, the shadow has what the disk would hold if the
 * power were cut now: POWERCUT_SHADOW/inodes has the bytes of each file as of its last sync, POWERCUT_SHADOW/data
 * the names as of the last sync of the folder, as hard links. At the start all existing data count as durable.
 *
 * Every call that changes the folder, or syncs, is a step. At step number POWERCUT_AT the program ends at once, with
 * status CUT. The shadow then has no data that were not synced. With POWERCUT_TEAR, a random seed, it has some of
 * them: sectors of 512 bytes in any order, truncations, and the first few changes of names. With POWERCUT_LIE syncs
 * do nothing, as on a disk that confirms syncs without doing them.
 *
 * Not modelled: -shm files (SQLite never trusts one after a start), files outside the folder, memory maps. */
#undef _FILE_OFFSET_BITS /* so that open() and open64() are two functions */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fault/shadow.h"

#define CUT 77
#define MAX_FDS 1024

enum { FD_OTHER = 0, FD_FOLDER = -1 }; /* any other value is the number of the file + 1 */

static struct {
	pthread_mutex_t lock;
	bool ready;
	const char *folder;
	long at;
	long steps;
	unsigned tear;
	bool lie;
	int fds[MAX_FDS];
} shim = { .lock = PTHREAD_MUTEX_INITIALIZER };

#define FIND(name) (*(void **)&real.name = dlsym(RTLD_NEXT, #name))

static void step(void)
{
	if (++shim.steps == shim.at) {
		if (shim.tear) {
			shadow_tear(shim.tear);
		}
		_exit(CUT);
	}
}

static void get_ready(void)
{
	const char *at = getenv("POWERCUT_AT"), *tear_seed = getenv("POWERCUT_TEAR");

	FIND(open64);
	FIND(close);
	FIND(write);
	FIND(pwrite64);
	FIND(ftruncate64);
	FIND(fsync);
	FIND(unlink);
	FIND(rename);
	FIND(link);
	shim.at = at ? atol(at) : 0;
	shim.tear = tear_seed ? (unsigned)atol(tear_seed) : 0;
	shim.lie = getenv("POWERCUT_LIE");
	const char *folder = getenv("POWERCUT_DIR"), *shadow = getenv("POWERCUT_SHADOW");
	if (folder && shadow) {
		shadow_start(folder, shadow);
		shim.folder = folder;
	}
}

static void lock(void)
{
	pthread_mutex_lock(&shim.lock);
	if (!shim.ready) {
		shim.ready = true;
		get_ready();
	}
}

static void unlock(void)
{
	pthread_mutex_unlock(&shim.lock);
}

/* ---- the calls ---- */

static int do_open(const char *path, int flags, mode_t mode)
{
	struct stat64 st;

	lock();
	const char *name = shadow_name(path);
	bool made = name && (flags & O_CREAT) && stat64(path, &st) < 0;
	if (made) {
		step();
	}
	int fd = real.open64(path, flags, mode);
	if (fd >= 0 && fd < MAX_FDS) {
		shim.fds[fd] = FD_OTHER;
		if (name && (flags & O_ACCMODE) != O_RDONLY) {
			int number = shadow_file(path);
			shim.fds[fd] = number + 1;
			if (made) {
				shadow_rename("", name, number);
			}
			if (flags & O_TRUNC) {
				shadow_resized(number);
			}
		} else if (shim.folder && strcmp(path, shim.folder) == 0) {
			shim.fds[fd] = FD_FOLDER;
		}
	}
	unlock();
	return fd;
}

int open(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return do_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return do_open(path, flags, mode);
}

int close(int fd)
{
	lock();
	if (fd >= 0 && fd < MAX_FDS) {
		shim.fds[fd] = FD_OTHER;
	}
	int r = real.close(fd);
	unlock();
	return r;
}

/* The number of the file, or -1. */
static int file_of(int fd)
{
	return fd >= 0 && fd < MAX_FDS && shim.fds[fd] > 0 ? shim.fds[fd] - 1 : -1;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	lock();
	int file = file_of(fd);
	if (file >= 0) {
		step();
	}
	ssize_t n = real.pwrite64(fd, data, size, offset);
	if (file >= 0 && n > 0) {
		shadow_wrote(file, offset, (size_t)n);
	}
	unlock();
	return n;
}

ssize_t write(int fd, const void *data, size_t size)
{
	lock();
	int file = file_of(fd);
	off64_t offset = file >= 0 ? lseek64(fd, 0, SEEK_CUR) : 0;
	if (file >= 0) {
		step();
	} else {
		unlock(); /* a write to a pipe may wait */
	}
	ssize_t n = real.write(fd, data, size);
	if (file >= 0) {
		if (n > 0) {
			shadow_wrote(file, offset, (size_t)n);
		}
		unlock();
	}
	return n;
}

int ftruncate64(int fd, off64_t size)
{
	lock();
	int file = file_of(fd);
	if (file >= 0) {
		step();
		shadow_resized(file);
	}
	int r = real.ftruncate64(fd, size);
	unlock();
	return r;
}

/* Does no real sync: the power of the test machine is not cut, and a sync takes time. */
int fsync(int fd)
{
	int r = 0;

	lock();
	int file = file_of(fd);
	if (file >= 0) {
		step();
		if (!shim.lie) {
			shadow_sync_file(file);
		}
	} else if (fd >= 0 && fd < MAX_FDS && shim.fds[fd] == FD_FOLDER) {
		step();
		if (!shim.lie) {
			shadow_sync_names();
		}
	} else {
		r = real.fsync(fd);
	}
	unlock();
	return r;
}

int fdatasync(int fd)
{
	return fsync(fd);
}

int unlink(const char *path)
{
	lock();
	const char *name = shadow_name(path);
	if (name && access(path, F_OK) == 0) {
		step();
		shadow_lose(path);
		shadow_rename(name, "", 0);
	}
	int r = real.unlink(path);
	unlock();
	return r;
}

int rename(const char *from, const char *to)
{
	lock();
	const char *old = shadow_name(from), *new = shadow_name(to);
	if (old && new &&access(from, F_OK) == 0) {
		step();
		shadow_lose(to);
		shadow_rename(old, new, shadow_file(from));
	}
	int r = real.rename(from, to);
	unlock();
	return r;
}

int link(const char *from, const char *to)
{
	lock();
	const char *old = shadow_name(from), *new = shadow_name(to);
	bool there = old && new &&access(from, F_OK) == 0;
	if (there) {
		step();
	}
	int r = real.link(from, to);
	if (there && r == 0) {
		shadow_rename("", new, shadow_file(from));
	}
	unlock();
	return r;
}
