#undef _FILE_OFFSET_BITS /* so that pwrite() and pwrite64() are two functions */
#include "tests/fault/failing.h"

#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const failing_kind_names[FAIL_KINDS] = { "write", "sync", "memory", "sql" };

static struct {
	bool armed;
	bool suspended;
	bool lasting;
	bool fired;
	enum failing_kind kind;
	long left; /* number of calls until the one that fails */
} failing;

static bool on_main_thread(void)
{
	return syscall(SYS_gettid) == getpid();
}

/* True when this call has to fail. */
static bool fails(enum failing_kind kind)
{
	if (!failing.armed || failing.suspended || failing.kind != kind || !on_main_thread()) {
		return false;
	}
	failing.left--;
	bool now = failing.left == 0 || (failing.lasting && failing.left < 0);
	failing.fired |= now;
	return now;
}

void failing_arm(enum failing_kind kind, long nth, bool lasting)
{
	failing.kind = kind;
	failing.left = nth;
	failing.lasting = lasting;
	failing.fired = false;
	failing.suspended = false;
	failing.armed = true;
}

void failing_suspend(bool suspended)
{
	failing.suspended = suspended;
}

bool failing_disarm(void)
{
	failing.armed = false;
	return failing.fired;
}

/* ---- files: the linker takes these definitions instead of those of libc ---- */

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fd != STDERR_FILENO && fd != STDOUT_FILENO;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	static ssize_t (*real)(int, const void *, size_t, off64_t);

	if (!real) {
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
	}
	if (failing.armed && is_file(fd) && fails(FAIL_WRITE)) {
		errno = ENOSPC;
		return -1;
	}
	return real(fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
	static ssize_t (*real)(int, const void *, size_t);

	if (!real) {
		*(void **)&real = dlsym(RTLD_NEXT, "write");
	}
	if (failing.armed && is_file(fd) && fails(FAIL_WRITE)) {
		errno = EIO;
		return -1;
	}
	return real(fd, data, size);
}

int fsync(int fd)
{
	(void)fd; /* a real sync is not needed here and takes time */
	if (fails(FAIL_SYNC)) {
		errno = EIO;
		return -1;
	}
	return 0;
}

int fdatasync(int fd)
{
	return fsync(fd);
}

/* ---- memory: the linker redirects the calls of our code to these functions (--wrap) ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return fails(FAIL_MEMORY) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails(FAIL_MEMORY) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails(FAIL_MEMORY) ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return fails(FAIL_MEMORY) ? NULL : __real_strdup(text);
}

static sqlite3_mem_methods sqlite_memory;

static void *sqlite_malloc(int size)
{
	return fails(FAIL_MEMORY) ? NULL : sqlite_memory.xMalloc(size);
}

static void *sqlite_realloc(void *old, int size)
{
	return fails(FAIL_MEMORY) ? NULL : sqlite_memory.xRealloc(old, size);
}

void failing_init(void)
{
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory) != SQLITE_OK) {
		abort();
	}
	sqlite3_mem_methods ours = sqlite_memory;
	ours.xMalloc = sqlite_malloc;
	ours.xRealloc = sqlite_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK) {
		abort();
	}
	json_set_alloc_funcs(__wrap_malloc, free);
}

/* ---- SQLite: redirected in the same way ---- */

int __real_sqlite3_step(sqlite3_stmt *statement);
int __real_sqlite3_exec(
	sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **), void *context, char **error);
int __real_sqlite3_prepare_v3(
	sqlite3 *db, const char *sql, int size, unsigned flags, sqlite3_stmt **statement, const char **tail);
int __wrap_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_exec(
	sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **), void *context, char **error);
int __wrap_sqlite3_prepare_v3(
	sqlite3 *db, const char *sql, int size, unsigned flags, sqlite3_stmt **statement, const char **tail);

int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
	return fails(FAIL_SQL) ? SQLITE_IOERR : __real_sqlite3_step(statement);
}

int __wrap_sqlite3_exec(
	sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **), void *context, char **error)
{
	return fails(FAIL_SQL) ? SQLITE_IOERR : __real_sqlite3_exec(db, sql, callback, context, error);
}

int __wrap_sqlite3_prepare_v3(
	sqlite3 *db, const char *sql, int size, unsigned flags, sqlite3_stmt **statement, const char **tail)
{
	*statement = NULL;
	return fails(FAIL_SQL) ? SQLITE_IOERR : __real_sqlite3_prepare_v3(db, sql, size, flags, statement, tail);
}
