/* shim_powercut.c - a power cut for a program that runs with this library in LD_PRELOAD.
 *
 * The program works in the folder POWERCUT_DIR as usual. Beside it stands what the disk would hold if the power went
 * now: POWERCUT_SHADOW/inodes has the bytes of each file as its last sync left them, POWERCUT_SHADOW/data the names as
 * the last sync of the folder left them, as hard links. At the start all that is there counts as durable.
 *
 * Every call that changes the folder, or syncs, is a step. At step number POWERCUT_AT the program ends at once, with
 * status CUT. Nothing that was not synced is in the shadow then; with POWERCUT_TEAR, a random seed, some of it is:
 * sectors of 512 bytes in any order, truncations, and the first few changes of names. With POWERCUT_LIE, syncs do
 * nothing: a disk that lies.
 *
 * Not modelled: -shm files (SQLite never trusts one after a start), files outside the folder, memory maps. */
#undef _FILE_OFFSET_BITS /* open() and open64() are two functions here */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUT 77
#define SECTOR 512
#define PATH 512
#define NAME 128
#define MAX_FILES 512
#define MAX_FDS 1024
#define MAX_CHANGES 256

struct piece { /* written and not synced */
	off64_t offset;
	size_t size;
};

struct file {
	ino64_t inode;
	bool gone; /* its last name was taken away */
	int live;  /* reads what the program sees */
	struct piece *pieces;
	size_t n_pieces;
	bool resized;
};

struct change { /* of names, not synced: "" stands for none */
	char from[NAME];
	char to[NAME];
	int file;
};

enum { FD_OTHER = 0, FD_FOLDER = -1 }; /* else the number of the file + 1 */

static struct {
	pthread_mutex_t lock;
	bool ready;
	const char *folder;
	const char *shadow;
	long at;
	long steps;
	unsigned tear;
	bool lie;
	struct file files[MAX_FILES];
	int n_files;
	int fds[MAX_FDS];
	struct change changes[MAX_CHANGES];
	int n_changes;
} shim = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct {
	int (*open64)(const char *path, int flags, ...);
	int (*close)(int fd);
	ssize_t (*write)(int fd, const void *data, size_t size);
	ssize_t (*pwrite64)(int fd, const void *data, size_t size, off64_t offset);
	int (*ftruncate64)(int fd, off64_t size);
	int (*fsync)(int fd);
	int (*unlink)(const char *path);
	int (*rename)(const char *from, const char *to);
} real;

#define FIND(name) (*(void **)&real.name = dlsym(RTLD_NEXT, #name))

static void die(const char *what)
{
	fprintf(stderr, "shim_powercut: %s: %s\n", what, strerror(errno));
	abort();
}

/* ---- the shadow ---- */

static void shadow_path(char *path, const char *part, const char *name)
{
	snprintf(path, PATH, "%s/%s/%s", shim.shadow, part, name);
}

static void inode_path(char *path, int file)
{
	char name[32];

	snprintf(name, sizeof(name), "%d", file);
	shadow_path(path, "inodes", name);
}

/* Copies bytes of the live file to its shadow. */
static void copy(const struct file *file, int shadow, off64_t offset, size_t size)
{
	char buffer[4096];

	while (size > 0) {
		ssize_t n = pread64(file->live, buffer, size < sizeof(buffer) ? size : sizeof(buffer), offset);
		if (n <= 0) {
			return; /* it has become shorter since */
		}
		if (real.pwrite64(shadow, buffer, (size_t)n, offset) != n) {
			die("the shadow takes nothing");
		}
		offset += n;
		size -= (size_t)n;
	}
}

static int open_shadow(int file)
{
	char path[PATH];

	inode_path(path, file);
	int fd = real.open64(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		die(path);
	}
	return fd;
}

static off64_t size_of(const struct file *file)
{
	struct stat64 st;

	return fstat64(file->live, &st) == 0 ? st.st_size : 0;
}

static void forget_pieces(struct file *file)
{
	free(file->pieces);
	file->pieces = NULL;
	file->n_pieces = 0;
	file->resized = false;
}

static void sync_file(int number)
{
	struct file *file = &shim.files[number];

	if (!file->gone) {
		int shadow = open_shadow(number);
		for (size_t i = 0; i < file->n_pieces; i++) {
			copy(file, shadow, file->pieces[i].offset, file->pieces[i].size);
		}
		if (real.ftruncate64(shadow, size_of(file)) < 0) {
			die("the shadow cannot be cut");
		}
		real.close(shadow);
	}
	forget_pieces(file);
}

static void apply_change(const struct change *change)
{
	char from[PATH], to[PATH], inode[PATH];

	if (change->from[0]) {
		shadow_path(from, "data", change->from);
		real.unlink(from);
	}
	if (change->to[0]) {
		shadow_path(to, "data", change->to);
		inode_path(inode, change->file);
		real.unlink(to);
		if (link(inode, to) < 0 && errno != ENOENT) { /* ENOENT: the file went before the folder was synced */
			die(to);
		}
	}
}

static void sync_names(void)
{
	for (int i = 0; i < shim.n_changes; i++) {
		apply_change(&shim.changes[i]);
	}
	shim.n_changes = 0;
}

/* A part of what was never synced is on the disk all the same. */
static void tear(void)
{
	srand(shim.tear);
	int share = rand() % 101, names = shim.n_changes > 0 ? rand() % (shim.n_changes + 1) : 0;

	for (int i = 0; i < names; i++) {
		apply_change(&shim.changes[i]);
	}
	for (int k = 0; k < shim.n_files; k++) {
		struct file *file = &shim.files[k];
		if (file->gone || (file->n_pieces == 0 && !file->resized)) {
			continue;
		}
		int shadow = open_shadow(k);
		for (size_t i = 0; i < file->n_pieces; i++) {
			off64_t end = file->pieces[i].offset + (off64_t)file->pieces[i].size;
			for (off64_t at = file->pieces[i].offset; at < end; at += SECTOR - at % SECTOR) {
				off64_t left = SECTOR - at % SECTOR;
				if (rand() % 100 < share) {
					copy(file, shadow, at, (size_t)(left < end - at ? left : end - at));
				}
			}
		}
		if (file->resized && rand() % 2 && real.ftruncate64(shadow, size_of(file)) < 0) {
			die("the shadow cannot be cut");
		}
		real.close(shadow);
	}
}

static void step(void)
{
	if (++shim.steps == shim.at) {
		if (shim.tear) {
			tear();
		}
		_exit(CUT);
	}
}

/* ---- what is there ---- */

/* The name within the folder; NULL for all that is not modelled. */
static const char *name_of(const char *path)
{
	size_t n = shim.folder ? strlen(shim.folder) : 0;

	if (n == 0 || strncmp(path, shim.folder, n) != 0 || path[n] != '/' || strstr(path, "-shm")) {
		return NULL;
	}
	return path + n + 1;
}

/* The number of the file, which gets one if it has none. */
static int number_of(const char *path)
{
	struct stat64 st;

	if (stat64(path, &st) < 0) {
		die(path);
	}
	for (int i = 0; i < shim.n_files; i++) {
		if (shim.files[i].inode == st.st_ino && !shim.files[i].gone) {
			return i;
		}
	}
	if (shim.n_files == MAX_FILES) {
		errno = ENOSPC;
		die("too many files");
	}
	struct file *file = &shim.files[shim.n_files];
	*file = (struct file){ .inode = st.st_ino, .live = real.open64(path, O_RDONLY | O_CLOEXEC) };
	real.close(open_shadow(shim.n_files));
	return shim.n_files++;
}

static void add_piece(struct file *file, off64_t offset, size_t size)
{
	struct piece *more = realloc(file->pieces, (file->n_pieces + 1) * sizeof(*more));

	if (!more) {
		die("out of memory");
	}
	more[file->n_pieces++] = (struct piece){ offset, size };
	file->pieces = more;
}

static void add_change(const char *from, const char *to, int file)
{
	struct change *change = &shim.changes[shim.n_changes++];

	if (shim.n_changes == MAX_CHANGES) {
		sync_names(); /* no disk waits for ever */
		change = &shim.changes[shim.n_changes++];
	}
	snprintf(change->from, sizeof(change->from), "%s", from);
	snprintf(change->to, sizeof(change->to), "%s", to);
	change->file = file;
}

/* The file behind the path loses this name. */
static void lose(const char *path)
{
	struct stat64 st;

	for (int i = 0; stat64(path, &st) == 0 && st.st_nlink == 1 && i < shim.n_files; i++) {
		if (shim.files[i].inode == st.st_ino && !shim.files[i].gone) {
			char inode[PATH];
			inode_path(inode, i);
			real.unlink(inode);
			real.close(shim.files[i].live);
			forget_pieces(&shim.files[i]);
			shim.files[i].gone = true;
		}
	}
}

/* ---- start and end ---- */

static void make(const char *part)
{
	char path[PATH];

	snprintf(path, sizeof(path), "%s%s%s", shim.shadow, part ? "/" : "", part ? part : "");
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		die(path);
	}
}

static void take_stock(void)
{
	DIR *folder = opendir(shim.folder);
	struct dirent *entry;
	char path[PATH];

	while (folder && (entry = readdir(folder))) {
		snprintf(path, sizeof(path), "%s/%s", shim.folder, entry->d_name);
		if (entry->d_type == DT_REG && name_of(path)) {
			int number = number_of(path);
			add_piece(&shim.files[number], 0, (size_t)size_of(&shim.files[number]));
			sync_file(number);
			add_change("", entry->d_name, number);
			sync_names();
		}
	}
	if (folder) {
		closedir(folder);
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
	shim.at = at ? atol(at) : 0;
	shim.tear = tear_seed ? (unsigned)atol(tear_seed) : 0;
	shim.lie = getenv("POWERCUT_LIE");
	shim.folder = getenv("POWERCUT_DIR");
	shim.shadow = getenv("POWERCUT_SHADOW");
	if (shim.folder && shim.shadow) {
		make(NULL);
		make("inodes");
		make("data");
		take_stock();
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
	const char *name = name_of(path);
	bool made = name && (flags & O_CREAT) && stat64(path, &st) < 0;
	if (made) {
		step();
	}
	int fd = real.open64(path, flags, mode);
	if (fd >= 0 && fd < MAX_FDS) {
		shim.fds[fd] = FD_OTHER;
		if (name && (flags & O_ACCMODE) != O_RDONLY) {
			int number = number_of(path);
			shim.fds[fd] = number + 1;
			if (made) {
				add_change("", name, number);
			}
			if (flags & O_TRUNC) {
				shim.files[number].resized = true;
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

static struct file *file_of(int fd)
{
	return fd >= 0 && fd < MAX_FDS && shim.fds[fd] > 0 ? &shim.files[shim.fds[fd] - 1] : NULL;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	lock();
	struct file *file = file_of(fd);
	if (file) {
		step();
	}
	ssize_t n = real.pwrite64(fd, data, size, offset);
	if (file && n > 0) {
		add_piece(file, offset, (size_t)n);
	}
	unlock();
	return n;
}

ssize_t write(int fd, const void *data, size_t size)
{
	lock();
	struct file *file = file_of(fd);
	off64_t offset = file ? lseek64(fd, 0, SEEK_CUR) : 0;
	if (file) {
		step();
	} else {
		unlock(); /* a pipe may make it wait */
	}
	ssize_t n = real.write(fd, data, size);
	if (file) {
		if (n > 0) {
			add_piece(file, offset, (size_t)n);
		}
		unlock();
	}
	return n;
}

int ftruncate64(int fd, off64_t size)
{
	lock();
	struct file *file = file_of(fd);
	if (file) {
		step();
		file->resized = true;
	}
	int r = real.ftruncate64(fd, size);
	unlock();
	return r;
}

/* The real sync would only cost time: nobody pulls the plug of this machine. */
int fsync(int fd)
{
	int r = 0;

	lock();
	struct file *file = file_of(fd);
	if (file) {
		step();
		if (!shim.lie) {
			sync_file((int)(file - shim.files));
		}
	} else if (fd >= 0 && fd < MAX_FDS && shim.fds[fd] == FD_FOLDER) {
		step();
		if (!shim.lie) {
			sync_names();
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
	const char *name = name_of(path);
	if (name && access(path, F_OK) == 0) {
		step();
		lose(path);
		add_change(name, "", 0);
	}
	int r = real.unlink(path);
	unlock();
	return r;
}

int rename(const char *from, const char *to)
{
	lock();
	const char *old = name_of(from), *new = name_of(to);
	if (old && new &&access(from, F_OK) == 0) {
		step();
		lose(to);
		add_change(old, new, number_of(from));
	}
	int r = real.rename(from, to);
	unlock();
	return r;
}
