/* shadow.h - what a disk would hold of a folder if the power went now; for shim_powercut.c.
 *
 * SHADOW/inodes has the bytes of each file as its last sync left them, SHADOW/data the names as the last sync of the
 * folder left them, as hard links. Whoever calls holds a lock. What goes wrong here ends the program. */
#ifndef EMIS_TESTS_FAULT_SHADOW_H
#define EMIS_TESTS_FAULT_SHADOW_H

#include <sys/stat.h>
#include <sys/types.h>

/* The calls of libc behind those that the shim defines; set before anything else. */
struct real_calls {
	int (*open64)(const char *path, int flags, ...);
	int (*close)(int fd);
	ssize_t (*write)(int fd, const void *data, size_t size);
	ssize_t (*pwrite64)(int fd, const void *data, size_t size, off64_t offset);
	int (*ftruncate64)(int fd, off64_t size);
	int (*fsync)(int fd);
	int (*unlink)(const char *path);
	int (*rename)(const char *from, const char *to);
	int (*link)(const char *from, const char *to);
};
extern struct real_calls real;

/* All that is in the folder counts as durable. Both texts are borrowed. */
void shadow_start(const char *folder, const char *shadow);

/* The name within the folder; NULL for all that is not modelled. */
const char *shadow_name(const char *path);
/* The number of an existing file. */
int shadow_file(const char *path);

/* What the program did, and is not durable yet. */
void shadow_wrote(int file, off64_t offset, size_t size);
void shadow_resized(int file);
/* A name that is "" stands for none: a file was made, or deleted. */
void shadow_rename(const char *from, const char *to, int file);
/* The file behind the path is about to lose this name. */
void shadow_lose(const char *path);

void shadow_sync_file(int file);
void shadow_sync_names(void);
/* A random part of what was never synced is on the disk all the same. */
void shadow_tear(unsigned seed);

#endif
