/* salvage.c - a damaged file is set aside under another name and never deleted. A new file takes its place, with every
 * row that can still be read. */
#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"
#include "common/text.h"
#include "daemon/store/salvage_internal.h"

#define HOLE_MOST 200000   /* at most so many rows between two readable parts are tried one by one */
#define SEQUENCE_JUMP 1000 /* numbers to leave out when the last number given cannot be read */

/* Two connections instead of one with an attached file: after an error in it SQLite writes to neither file. */
struct salvage {
	struct sqlite3 *db;  /* the new file */
	struct sqlite3 *old; /* the damaged one */
	int64_t rows;
	bool broken; /* something could not be read */
};

/* A table that both files have. */
struct salvaged_table {
	char name[32];
	char columns[512]; /* columns that both files have, comma-separated */
	char parameters[128];
	char order[128]; /* the key's columns */
	bool has_rowid;
};

static bool old_has_column(struct salvage *s, const char *table, const char *column)
{
	char ignored[STORE_ERROR_SIZE];
	sqlite3_stmt *find = store_db_prepare(s->old, "SELECT 1 FROM pragma_table_info(?1) WHERE name=?2", ignored);
	bool found = false;

	if (find) {
		sqlite3_bind_text(find, 1, table, -1, SQLITE_STATIC);
		sqlite3_bind_text(find, 2, column, -1, SQLITE_STATIC);
		found = sqlite3_step(find) == SQLITE_ROW;
	}
	sqlite3_finalize(find);
	return found;
}

static void append(char *list, size_t size, const char *word)
{
	size_t n = strlen(list);

	snprintf(list + n, size - n, "%s%s", n > 0 ? "," : "", word);
}

/* False when the damaged file does not have the table. */
static bool describe(struct salvage *s, const char *name, struct salvaged_table *t)
{
	char ignored[STORE_ERROR_SIZE];
	sqlite3_stmt *columns = store_db_prepare(s->db,
		"SELECT name, pk, (SELECT wr FROM pragma_table_list(?1)) FROM pragma_table_info(?1) ORDER BY pk",
		ignored);

	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "%.31s", name);
	if (columns) {
		sqlite3_bind_text(columns, 1, t->name, -1, SQLITE_STATIC);
	}
	while (columns && sqlite3_step(columns) == SQLITE_ROW) {
		const char *column = (const char *)sqlite3_column_text(columns, 0);
		t->has_rowid = sqlite3_column_int(columns, 2) == 0;
		if (old_has_column(s, t->name, column)) {
			append(t->columns, sizeof(t->columns), column);
			append(t->parameters, sizeof(t->parameters), "?");
		}
		if (sqlite3_column_int(columns, 1) > 0) {
			append(t->order, sizeof(t->order), column);
		}
	}
	sqlite3_finalize(columns);
	if (t->has_rowid) {
		snprintf(t->order, sizeof(t->order), "rowid");
	}
	return t->columns[0] != '\0';
}

/* Copies the rows of a SELECT until it ends or fails. *ret_last = first column of the last row that was read, untouched
 * without any. False when it failed. */
static bool copy(struct salvage *s, const struct salvaged_table *t, const char *select, int64_t row, int64_t *ret_last)
{
	char sql[1024];
	char ignored[STORE_ERROR_SIZE];
	int step = SQLITE_ERROR;

	snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO %s(%s) VALUES(%s)", t->name, t->columns, t->parameters);
	sqlite3_stmt *put = store_db_prepare(s->db, sql, ignored);
	sqlite3_stmt *get = store_db_prepare(s->old, select, ignored);
	if (put && get && sqlite3_bind_parameter_count(get) > 0) {
		sqlite3_bind_int64(get, 1, row);
	}
	while (put && get && (step = sqlite3_step(get)) == SQLITE_ROW) {
		*ret_last = sqlite3_column_int64(get, 0);
		for (int i = 1; i < sqlite3_column_count(get); i++) {
			sqlite3_bind_value(put, i, sqlite3_column_value(get, i));
		}
		if (sqlite3_step(put) == SQLITE_DONE) {
			s->rows += sqlite3_changes(s->db);
		}
		sqlite3_reset(put); /* a failed step means that the row breaks a rule of its table: it is left out */
	}
	sqlite3_finalize(put);
	sqlite3_finalize(get);
	return step == SQLITE_DONE;
}

/* Copies rows from the front until a read fails, from the back until a read fails, and the rest one by one. */
static void copy_table(struct salvage *s, const struct salvaged_table *t)
{
	const char *key = t->has_rowid ? "rowid" : "0";
	int64_t first = 0, last = 0, found;
	char front[1024], back[1200], one[1024], descending[256] = "";
	size_t n = 0;

	for (const char *c = t->order; *c && n + 8 < sizeof(descending); c++) {
		n += (size_t)snprintf(descending + n, sizeof(descending) - n, *c == ',' ? " DESC," : "%c", *c);
	}
	snprintf(front, sizeof(front), "SELECT %s, %s FROM %s ORDER BY %s", key, t->columns, t->name, t->order);
	snprintf(back, sizeof(back), "SELECT %s, %s FROM %s ORDER BY %s DESC", key, t->columns, t->name, descending);
	snprintf(one, sizeof(one), "SELECT %s, %s FROM %s WHERE rowid=?1", key, t->columns, t->name);
	if (copy(s, t, front, 0, &first)) {
		return;
	}
	s->broken = true;
	(void)copy(s, t, back, 0, &last); /* it stops at the damage */
	for (int64_t row = first + 1; t->has_rowid && row < last && row - first < HOLE_MOST; row++) {
		(void)copy(s, t, one, row, &found); /* a row that cannot be read is left out */
	}
}

/* Makes AUTOINCREMENT go on after the numbers that the damaged file has given. */
static int keep_sequences(struct salvage *s, char *error)
{
	char ignored[STORE_ERROR_SIZE];
	sqlite3_stmt *get = store_db_prepare(s->old, "SELECT name, seq FROM sqlite_sequence", ignored);
	sqlite3_stmt *put = NULL;
	int r = 0, step = SQLITE_ERROR;

	if (!get) {
		return 0; /* no table has such numbers, or the schema is lost and with it all rows */
	}
	put = store_db_prepare(s->db, "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name=?1", error);
	sqlite3_stmt *add = store_db_prepare(s->db,
		"INSERT INTO sqlite_sequence SELECT ?1, ?2 WHERE NOT EXISTS(SELECT 1 FROM sqlite_sequence WHERE "
		"name=?1)",
		error);
	r = put && add ? 0 : -EIO;
	while (r == 0 && (step = sqlite3_step(get)) == SQLITE_ROW) {
		sqlite3_stmt *const both[] = { put, add };
		for (int i = 0; r == 0 && i < 2; i++) {
			sqlite3_bind_value(both[i], 1, sqlite3_column_value(get, 0));
			sqlite3_bind_value(both[i], 2, sqlite3_column_value(get, 1));
			r = store_db_run(both[i], error);
		}
	}
	if (r == 0 && step != SQLITE_DONE) {
		char sql[96];
		snprintf(sql, sizeof(sql), "UPDATE sqlite_sequence SET seq = seq + %d", SEQUENCE_JUMP);
		r = store_db_exec(s->db, sql, error);
	}
	sqlite3_finalize(get);
	sqlite3_finalize(put);
	sqlite3_finalize(add);
	return r;
}

static void copy_all(struct salvage *s)
{
	char ignored[STORE_ERROR_SIZE];
	sqlite3_stmt *tables = store_db_prepare(s->db,
		"SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
		ignored);
	struct salvaged_table table;

	while (tables && sqlite3_step(tables) == SQLITE_ROW) {
		if (describe(s, (const char *)sqlite3_column_text(tables, 0), &table)) {
			copy_table(s, &table);
		} else {
			s->broken = true;
		}
	}
	sqlite3_finalize(tables);
}

void store_note_damage(struct store *store, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(store->damage, sizeof(store->damage), format, arguments);
	va_end(arguments);
	store->n_damages++;
	log_error("%s", store->damage);
}

void store_aside_name(const struct store *store, const char *name, char *ret_aside, size_t size)
{
	char path[PATH_SIZE * 2 + 64], compact[TIME_TEXT_SIZE];

	time_format_compact(clock_utc(store->clock), 0, compact);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(ret_aside, size, "%.24s.damaged-%s-%u", name, compact, i);
		store_path(store, ret_aside, path, sizeof(path));
		if (access(path, F_OK) != 0) {
			break;
		}
	}
}

/* "DIRECTORY/NAMEpart" */
static void part_path(const struct store *store, const char *name, const char *part, char *path, size_t size)
{
	char whole[128];

	snprintf(whole, sizeof(whole), "%.96s%.24s", name, part);
	store_path(store, whole, path, size);
}

static void remove_part(const struct store *store, const char *name, const char *part)
{
	char path[PATH_SIZE * 2];

	part_path(store, name, part, path, sizeof(path));
	(void)unlink(path); /* mostly there is none */
}

/* Gives the damaged file and its log a second name; renames them where the file system has no hard links. */
static int set_aside(struct store *store, const char *name, char *aside, size_t size)
{
	static const char *const parts[] = { "", "-wal" };
	char from[PATH_SIZE * 2], to[PATH_SIZE * 2];

	store_aside_name(store, name, aside, size);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		part_path(store, name, parts[i], from, sizeof(from));
		part_path(store, aside, parts[i], to, sizeof(to));
		if (link(from, to) < 0 && errno != ENOENT && rename(from, to) < 0) {
			snprintf(store->error, sizeof(store->error), "%s is damaged and cannot be set aside: %s", from,
				strerror(errno));
			return -errno;
		}
	}
	return store_sync_folder(store);
}

/* NAME.saved, which is complete, takes the place of the damaged file. The log of the damaged file is deleted before:
 * SQLite would apply it to the new file. */
static int replace(struct store *store, const char *name)
{
	char from[PATH_SIZE * 2], to[PATH_SIZE * 2];

	remove_part(store, name, "-wal");
	remove_part(store, name, "-shm");
	int r = store_sync_folder(store);
	part_path(store, name, ".saved", from, sizeof(from));
	store_path(store, name, to, sizeof(to));
	if (r == 0 && rename(from, to) < 0) {
		r = -errno;
		snprintf(store->error, sizeof(store->error), "cannot rename %s to %s: %s", from, to, strerror(-r));
	}
	return r == 0 ? store_sync_folder(store) : r;
}

/* Called before a file is opened: after a power cut in the middle of a salvage NAME.new is incomplete and deleted,
 * NAME.saved is complete and takes the place. */
static int resume(struct store *store, const char *name)
{
	char path[PATH_SIZE * 2];

	remove_part(store, name, ".new");
	remove_part(store, name, ".new-wal");
	remove_part(store, name, ".new-shm");
	part_path(store, name, ".saved", path, sizeof(path));
	if (access(path, F_OK) != 0) {
		return 0;
	}
	store_note_damage(store, "%.24s was damaged; what was saved of it before the last stop takes its place", name);
	return replace(store, name);
}

/* Copies the rows that can be read; fails only when the new file cannot be written. 0 or -errno. */
static int save_rows(struct salvage *s, const char *damaged, char *error)
{
	char ignored[STORE_ERROR_SIZE];

	s->old = store_db_open_read(damaged, ignored);
	if (!s->old) {
		return 0;
	}
	int r = store_db_exec(s->db, "PRAGMA foreign_keys=OFF; BEGIN IMMEDIATE", error);
	if (r == 0) {
		copy_all(s);
		r = store_db_end(s->db, keep_sequences(s, error), error);
	}
	sqlite3_close(s->old);
	return r;
}

/* Makes NAME.new with the rows that can be read, in one file without a log. 0 or -errno. */
static int save(struct store *store, struct salvage *s, const char *name, const struct db_schema *schema)
{
	const struct db_options options = { .no_sync = store->site->store.no_sync };
	char path[PATH_SIZE * 2], log[PATH_SIZE * 2], damaged[PATH_SIZE * 2];

	part_path(store, name, ".new", path, sizeof(path));
	part_path(store, name, ".new-wal", log, sizeof(log));
	store_path(store, name, damaged, sizeof(damaged));
	s->db = store_db_open(path, schema, &options, store->error, NULL);
	int r = s->db ? save_rows(s, damaged, store->error) : -EIO;
	r = r == 0 ? store_db_exec(s->db, "PRAGMA journal_mode=DELETE", store->error) : r;
	sqlite3_close(s->db);
	if (r == 0 && access(log, F_OK) == 0) {
		snprintf(store->error, sizeof(store->error), "the log of %s cannot be merged into it", path);
		r = -EIO;
	}
	return r;
}

/* Opens a file with the options of the store. */
static struct sqlite3 *open_path(
	struct store *store, const char *path, const struct db_schema *schema, bool *ret_damaged)
{
	const struct db_options options = { store->bounded ? &store->busy : NULL, store->site->store.no_sync };

	return store_db_open(path, schema, &options, store->error, ret_damaged);
}

/* A power cut may come after each step; resume() goes on from there. NAME.new is made; the damaged file gets its second
 * name; NAME.new becomes NAME.saved, which says that both is done; NAME.saved takes the place. */
struct sqlite3 *store_salvage(struct store *store, const char *name, const struct db_schema *schema, const char *why)
{
	char aside[96], from[PATH_SIZE * 2], path[PATH_SIZE * 2], reason[160];
	struct salvage s = { 0 };

	snprintf(reason, sizeof(reason), "%.159s", why);
	reason[strcspn(reason, "\n")] = '\0';
	int r = save(store, &s, name, schema);
	r = r == 0 ? set_aside(store, name, aside, sizeof(aside)) : r;
	part_path(store, name, ".new", from, sizeof(from));
	part_path(store, name, ".saved", path, sizeof(path));
	if (r == 0 && rename(from, path) < 0) {
		r = -errno;
		snprintf(store->error, sizeof(store->error), "cannot rename %s: %s", from, strerror(-r));
	}
	r = r == 0 ? store_sync_folder(store) : r;
	r = r == 0 ? replace(store, name) : r;
	if (r < 0) {
		return NULL;
	}
	store_note_damage(store, "%.24s was damaged (%s); it is kept as %s, %lld rows of it were saved", name, reason,
		aside, (long long)s.rows);
	store_path(store, name, path, sizeof(path));
	return open_path(store, path, schema, NULL);
}

/* 1 when the file is damaged, 0 when not, or -errno when that cannot be known. `check` reads the whole file. */
static int is_damaged(struct store *store, struct sqlite3 *db, bool check, char *words, size_t size)
{
	sqlite3_stmt *s = NULL;
	const char *found = NULL;

	if (sqlite3_prepare_v2(db, check ? "PRAGMA quick_check(1)" : "PRAGMA schema_version", -1, &s, NULL) ==
			SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW) {
		found = (const char *)sqlite3_column_text(s, 0);
	}
	int r = found ? check && strcmp(found, "ok") != 0 : store_db_is_damaged(db) ? 1 : -EIO;
	if (r > 0) {
		/* the first line of SQLite's answer is "*** in database main ***" */
		const char *line = found ? strchr(found, '\n') : NULL;
		snprintf(words, size, "%.100s", line ? line + 1 : found ? found : sqlite3_errmsg(db));
	} else if (r < 0) {
		r = store_db_fail(db, "cannot check", store->error);
	}
	sqlite3_finalize(s);
	return r;
}

struct sqlite3 *store_open_file(struct store *store, const char *name, const struct db_schema *schema, bool check)
{
	char path[PATH_SIZE * 2], words[160] = "";
	bool damaged = false;

	store_path(store, name, path, sizeof(path));
	if (resume(store, name) < 0) {
		return NULL;
	}
	struct sqlite3 *db = open_path(store, path, schema, &damaged);
	int r = db ? is_damaged(store, db, check, words, sizeof(words)) : 0;
	if (r != 0) {
		sqlite3_close(db);
		db = NULL;
		damaged = r > 0;
	}
	if (!db && damaged) {
		db = store_salvage(store, name, schema, words[0] ? words : "it is not a database of emisd");
	}
	return db;
}

const char *store_damage(const struct store *store, unsigned *ret_n)
{
	*ret_n = store->n_damages;
	return store->damage;
}
