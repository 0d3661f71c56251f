/* shadow.c - see shadow.h. */
#undef _FILE_OFFSET_BITS
#include "tests/fault/shadow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512
#define PATH 512
#define NAME 128
#define MAX_FILES 512
#define MAX_CHANGES 256

struct piece { /* bytes that were written and not synced */
	off64_t offset;
	size_t size;
};

struct file {
	ino64_t inode;
	bool gone; /* the last name of the file was removed */
	int live;  /* a descriptor that reads the bytes as the program sees them */
	struct piece *pieces;
	size_t n_pieces;
	bool resized;
};

struct change { /* a change of names that was not synced; "" means no name */
	char from[NAME];
	char to[NAME];
	int file;
};

static struct {
	const char *folder;
	const char *shadow;
	struct file files[MAX_FILES];
	int n_files;
	struct change changes[MAX_CHANGES];
	int n_changes;
} shim;

struct real_calls real;

static void die(const char *what)
{
	fprintf(stderr, "powercut: %s: %s\n", what, strerror(errno));
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
			return; /* the file has become shorter since then */
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

void shadow_sync_file(int number)
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
		if (real.link(inode, to) < 0 &&
			errno != ENOENT) { /* ENOENT: the file was deleted before the folder was synced */
			die(to);
		}
	}
}

void shadow_sync_names(void)
{
	for (int i = 0; i < shim.n_changes; i++) {
		apply_change(&shim.changes[i]);
	}
	shim.n_changes = 0;
}

/* Puts a random part of the data that were never synced on the simulated disk. */
void shadow_tear(unsigned seed)
{
	srand(seed);
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

/* ---- names and numbers of files ---- */

/* The name within the folder; NULL for a path that is not modelled. */
const char *shadow_name(const char *path)
{
	size_t n = shim.folder ? strlen(shim.folder) : 0;

	if (n == 0 || strncmp(path, shim.folder, n) != 0 || path[n] != '/' || strstr(path, "-shm")) {
		return NULL;
	}
	return path + n + 1;
}

/* The number of the file; a file without a number gets one. */
int shadow_file(const char *path)
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

void shadow_wrote(int number, off64_t offset, size_t size)
{
	struct file *file = &shim.files[number];
	struct piece *more = realloc(file->pieces, (file->n_pieces + 1) * sizeof(*more));

	if (!more) {
		die("out of memory");
	}
	more[file->n_pieces++] = (struct piece){ offset, size };
	file->pieces = more;
}

void shadow_rename(const char *from, const char *to, int file)
{
	struct change *change = &shim.changes[shim.n_changes++];

	if (shim.n_changes == MAX_CHANGES) {
		shadow_sync_names(); /* a real disk does not wait for ever either */
		change = &shim.changes[shim.n_changes++];
	}
	snprintf(change->from, sizeof(change->from), "%s", from);
	snprintf(change->to, sizeof(change->to), "%s", to);
	change->file = file;
}

/* Notes that the file behind the path is about to lose this name. */
void shadow_lose(const char *path)
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

/* ---- start ---- */

static void make(const char *part)
{
	char path[PATH];

	snprintf(path, sizeof(path), "%s%s%s", shim.shadow, part ? "/" : "", part ? part : "");
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		die(path);
	}
}

void shadow_start(const char *folder_path, const char *shadow)
{
	DIR *folder = opendir(folder_path);
	struct dirent *entry;
	char path[PATH];

	shim.folder = folder_path;
	shim.shadow = shadow;
	make(NULL);
	make("inodes");
	make("data");

	while (folder && (entry = readdir(folder))) {
		snprintf(path, sizeof(path), "%s/%s", shim.folder, entry->d_name);
		if (entry->d_type == DT_REG && shadow_name(path)) {
			int number = shadow_file(path);
			shadow_wrote(number, 0, (size_t)size_of(&shim.files[number]));
			shadow_sync_file(number);
			shadow_rename("", entry->d_name, number);
			shadow_sync_names();
		}
	}
	if (folder) {
		closedir(folder);
	}
}

void shadow_resized(int number)
{
	shim.files[number].resized = true;
}
