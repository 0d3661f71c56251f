/* shadow.h - a copy of a folder as the disk would hold it if the power were cut now; for shim_powercut.c.
 *
 * SHADOW/inodes has the bytes of each file as of its last sync. SHADOW/data has the names as of the last sync of the
 * folder, as hard links. The caller must hold a lock. Any error in these functions ends the program. */
#ifndef EMIS_TESTS_FAULT_SHADOW_H
#define EMIS_TESTS_FAULT_SHADOW_H

#include <sys/stat.h>
#include <sys/types.h>

/* The functions of libc behind those that the shim defines; set them before any other call. */
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

/* All data that are in the folder now count as durable. Both texts are borrowed. */
void shadow_start(const char *folder, const char *shadow);

/* The name within the folder; NULL for a path that is not modelled. */
const char *shadow_name(const char *path);
/* The number of an existing file. */
int shadow_file(const char *path);

/* Changes by the program that are not durable yet. */
void shadow_wrote(int file, off64_t offset, size_t size);
void shadow_resized(int file);
/* The name "" means no name: then a file was made, or deleted. */
void shadow_rename(const char *from, const char *to, int file);
/* The file behind the path is about to lose this name. */
void shadow_lose(const char *path);

void shadow_sync_file(int file);
void shadow_sync_names(void);
/* Makes a random part of the data that were never synced durable. */
void shadow_tear(unsigned seed);

#endif
