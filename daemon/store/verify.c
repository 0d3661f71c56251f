#include "daemon/store/verify.h"

#include <getopt.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/num.h"
#include "common/text.h"
#include "common/time.h"
#include "daemon/conf/site.h"
#include "daemon/store/chain.h"
#include "daemon/store/db.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* Of the moments that are printed; the store does not know the site's zone. */
#define CHINA_MIN 480

static const char usage[] =
	"Usage: emisctl verify [OPTION]...\n"
	"Checks that readings, alarm events, marks and audit rows are as they were once written: each is linked in a "
	"chain\n"
	"of hashes, and hourly checkpoints of the chain are signed and were told to the bureau. Needs no running "
	"emisd.\n\n"
	"  -d, --directory DIR  the store or a copy of it (default %s)\n"
	"      --from TIME      look into what was linked from then on; the chain is walked as a whole\n"
	"      --to TIME        and up to then\n"
	"      --key KEY        the public key that must have signed (default: any that the audit log names)\n"
	"      --against N:HASH a link and its hash from a checkpoint that was kept elsewhere\n"
	"  -h, --help           print this and end\n\n"
	"Exit status: 0 all is as it was, 1 something is not, 2 wrong usage.\n";

struct range {
	int64_t first;
	int64_t last;
	char words[192];
};

struct verify {
	const char *directory;
	struct utc from;
	struct utc to;
	char key[PROOF_KEY_TEXT];    /* that must have signed; empty = any that the audit log names */
	char signer[PROOF_KEY_TEXT]; /* of the last checkpoint looked at */
	int64_t against;             /* 0 = none */
	char against_hash[PROOF_HASH_TEXT];

	struct sqlite3 *state;
	struct sqlite3 *raw; /* the file of the last chunk; NULL when it cannot be read */
	char raw_name[32];
	char error[STORE_ERROR_SIZE];
	struct range range; /* of links with the same finding, not yet printed */
	unsigned failures;
	unsigned checked;
	unsigned retired; /* in files that retention deleted */
	int64_t links;
};

/* ---- findings ---- */

static void print_range(struct verify *v)
{
	if (v->range.words[0]) {
		printf("FAILED  links %lld to %lld: %s\n", (long long)v->range.first, (long long)v->range.last,
			v->range.words);
	}
	v->range.words[0] = '\0';
}

static void __attribute__((format(printf, 3, 4))) find(struct verify *v, int64_t link, const char *format, ...)
{
	char words[sizeof(v->range.words)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	v->failures++;
	if (strcmp(words, v->range.words) != 0 || link != v->range.last + 1) {
		print_range(v);
		v->range.first = link;
		snprintf(v->range.words, sizeof(v->range.words), "%s", words);
	}
	v->range.last = link;
}

static void __attribute__((format(printf, 2, 3))) fail(struct verify *v, const char *format, ...)
{
	va_list arguments;

	print_range(v);
	v->failures++;
	fputs("FAILED  ", stdout);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

/* ---- rows ---- */

/* The number that a query gives; `otherwise` without a row. */
static int64_t count(struct verify *v, const char *sql, const char *parameter, int64_t otherwise)
{
	sqlite3_stmt *s = store_db_prepare(v->state, sql, v->error);
	int64_t n = otherwise;

	if (!s) {
		fail(v, "%s", v->error);
		return otherwise;
	}
	if (parameter) {
		sqlite3_bind_text(s, 1, parameter, -1, SQLITE_STATIC);
	}
	int step = sqlite3_step(s);
	if (step == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL) {
		n = sqlite3_column_int64(s, 0);
	} else if (step != SQLITE_ROW && step != SQLITE_DONE) {
		(void)store_db_fail(v->state, "cannot read", v->error); /* told at once */
		fail(v, "%s", v->error);
	}
	sqlite3_finalize(s);
	return n;
}

/* The file that the link's row lies in; NULL when it is not there or cannot be read. */
static struct sqlite3 *file_of(struct verify *v, const struct chain_link *link)
{
	char path[PATH_SIZE * 2];

	if (!link->file[0]) {
		return v->state;
	}
	if (strcmp(v->raw_name, link->file) != 0) {
		sqlite3_close(v->raw);
		snprintf(path, sizeof(path), "%s/%s", v->directory, link->file);
		v->raw = access(path, F_OK) == 0 ? store_db_open_read(path, v->error) : NULL;
		snprintf(v->raw_name, sizeof(v->raw_name), "%s", link->file);
	}
	return v->raw;
}

static void check_content(struct verify *v, const struct chain_link *link)
{
	struct sqlite3 *db = file_of(v, link);
	struct proof_hash content;
	char what[64];

	if (!db) {
		snprintf(what, sizeof(what), "delete %s", link->file);
		if (count(v, "SELECT count(*) FROM audit WHERE what=?1", what, 0) > 0) {
			v->retired++;
		} else {
			find(v, link->id, "%s is not there, and no retention deleted it", link->file);
		}
		return;
	}
	int r = chain_content(db, link, &content, v->error);
	v->checked++;
	if (r < 0) {
		find(v, link->id, "%s", v->error);
	} else if (r == 0) {
		find(v, link->id, "the %s is gone", link->kind);
	} else if (!proof_same(&content, &link->content)) {
		find(v, link->id, "the %s was changed after it was linked", link->kind);
	}
}

static bool read_link(sqlite3_stmt *row, struct chain_link *link)
{
	memset(link, 0, sizeof(*link));
	link->id = sqlite3_column_int64(row, 0);
	bool good = text_copy(link->kind, sizeof(link->kind), (const char *)sqlite3_column_text(row, 1)) &&
		text_copy(link->file, sizeof(link->file), (const char *)sqlite3_column_text(row, 2));
	link->row = sqlite3_column_int64(row, 3);
	link->upto = sqlite3_column_int64(row, 4);
	link->at_ms = sqlite3_column_int64(row, 5);
	if (!good || sqlite3_column_bytes(row, 6) != PROOF_HASH_SIZE ||
		sqlite3_column_bytes(row, 7) != PROOF_HASH_SIZE || strchr(link->file, '/')) {
		return false;
	}
	memcpy(link->content.bytes, sqlite3_column_blob(row, 6), PROOF_HASH_SIZE);
	memcpy(link->hash.bytes, sqlite3_column_blob(row, 7), PROOF_HASH_SIZE);
	return true;
}

static void check_link(struct verify *v, const struct proof_hash *before, const struct chain_link *link)
{
	struct proof_hash hash = chain_hash(before, link);
	char text[PROOF_HASH_TEXT];

	if (!proof_same(&hash, &link->hash)) {
		find(v, link->id, "the link does not follow from the one before");
	}
	if (link->at_ms >= v->from.ms && link->at_ms <= v->to.ms) {
		check_content(v, link);
	}
	if (link->id == v->against && strcmp(proof_hash_text(&link->hash, text), v->against_hash) != 0) {
		find(v, link->id, "the hash is not the one that was kept elsewhere");
	}
}

static void walk(struct verify *v)
{
	sqlite3_stmt *site = store_db_prepare(v->state, "SELECT value FROM meta WHERE key='site'", v->error);
	sqlite3_stmt *s = store_db_prepare(
		v->state, "SELECT id, kind, file, row, upto, at_ms, content, hash FROM link ORDER BY id", v->error);
	struct chain_link link;
	int step = SQLITE_ERROR;

	if (site && s && sqlite3_step(site) == SQLITE_ROW) {
		struct proof_hash before = chain_start((const char *)sqlite3_column_text(site, 0));
		while ((step = sqlite3_step(s)) == SQLITE_ROW) {
			if (!read_link(s, &link)) {
				find(v, sqlite3_column_int64(s, 0), "the link makes no sense");
				continue;
			}
			if (link.id != v->links + 1) {
				find(v, v->links + 1, "links up to %lld are missing", (long long)link.id - 1);
			}
			check_link(v, &before, &link);
			before = link.hash;
			v->links = link.id;
		}
	}
	print_range(v);
	if (step != SQLITE_DONE) {
		fail(v, "the chain cannot be read beyond link %lld: %s", (long long)v->links, sqlite3_errmsg(v->state));
	}
	if (v->against > v->links) {
		fail(v, "the chain ends with link %lld, before the one that was kept elsewhere", (long long)v->links);
	}
	sqlite3_finalize(site);
	sqlite3_finalize(s);
}

/* What was put in beside the chain. */
static void look_for_strangers(struct verify *v)
{
	static const struct {
		const char *what;
		const char *sql;
	} queries[] = {
		{ "events",
			"SELECT count(*) FROM event WHERE NOT EXISTS(SELECT 1 FROM link WHERE kind='event' AND "
			"row=seq)" },
		{ "audit rows",
			"SELECT count(*) FROM audit WHERE NOT EXISTS(SELECT 1 FROM link WHERE kind='audit' AND "
			"row=audit.id)" },
		{ "marks",
			"SELECT count(*) FROM mark WHERE NOT EXISTS(SELECT 1 FROM link WHERE kind='mark' AND "
			"row=mark.id)" },
		{ "alarm messages",
			"SELECT count(*) FROM outbox WHERE stream='alarm' AND NOT EXISTS(SELECT 1 FROM event WHERE "
			"event.seq="
			"outbox.seq)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		int64_t n = count(v, queries[i].sql, NULL, 0);
		if (n > 0) {
			fail(v, "%lld %s are not in the chain", (long long)n, queries[i].what);
		}
	}
}

/* ---- checkpoints ---- */

/* The word after "name " at the start of a line of the body. */
static bool word_of(const char *body, const char *name, char *buf, size_t size)
{
	size_t n = strlen(name);

	for (const char *line = body; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, name, n) == 0 && line[n] == ' ') {
			snprintf(buf, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
			return true;
		}
	}
	return false;
}

static void check_checkpoint(struct verify *v, sqlite3_stmt *row)
{
	long long number = sqlite3_column_int64(row, 0);
	const char *body = (const char *)sqlite3_column_text(row, 1);
	const char *signature = (const char *)sqlite3_column_text(row, 2);
	const char *key = v->key[0] ? v->key : (const char *)sqlite3_column_text(row, 4);
	char link[32], hash[PROOF_HASH_TEXT];

	if (v->signer[0] && strcmp(v->signer, key) != 0) {
		printf("NOTE    another key signs from checkpoint %lld on: %s\n", number, key);
	}
	(void)text_copy(v->signer, sizeof(v->signer), key); /* what does not fit signs nothing */
	if (!proof_signed(key, body, signature)) {
		fail(v, "checkpoint %lld is not signed by the key %s", number, key);
	} else if (!v->key[0] && count(v, "SELECT count(*) FROM audit WHERE what='key made' AND new=?1", key, 0) == 0) {
		fail(v, "checkpoint %lld is signed by the key %s, which the audit log does not name", number, key);
	} else if (!word_of(body, "link", link, sizeof(link)) || !word_of(body, "hash", hash, sizeof(hash))) {
		fail(v, "checkpoint %lld names no link and hash", number);
	} else if (sqlite3_column_type(row, 3) == SQLITE_NULL) {
		fail(v, "checkpoint %lld knows link %s, which is not there", number, link);
	} else if (strcmp(hash, (const char *)sqlite3_column_text(row, 3)) != 0) {
		fail(v, "checkpoint %lld knows another hash of link %s", number, link);
	}
}

static int64_t check_checkpoints(struct verify *v)
{
	sqlite3_stmt *s = store_db_prepare(v->state,
		"SELECT number, body, signature, iif(link.id IS NULL, NULL, lower(hex(hash))), public_key FROM "
		"checkpoint"
		" LEFT JOIN link ON link.id = checkpoint.link ORDER BY number",
		v->error);
	int64_t n = 0;
	int step = SQLITE_ERROR;

	while (s && (step = sqlite3_step(s)) == SQLITE_ROW) {
		if (sqlite3_column_int64(s, 0) != ++n) {
			fail(v, "checkpoint %lld is not there", (long long)n);
			n = sqlite3_column_int64(s, 0);
		}
		check_checkpoint(v, s);
	}
	if (step != SQLITE_DONE) {
		fail(v, "the checkpoints cannot be read: %s", sqlite3_errmsg(v->state));
	}
	sqlite3_finalize(s);
	return n;
}

/* ---- the whole ---- */

static int run(struct verify *v)
{
	char path[PATH_SIZE * 2];

	snprintf(path, sizeof(path), "%s/state.db", v->directory);
	v->state = access(path, R_OK) == 0 ? store_db_open_read(path, v->error) : NULL;
	if (!v->state) {
		fprintf(stderr, "emisctl: %s cannot be read: %s\n", path,
			v->error[0] ? v->error : "no such file or no right");
		return EXIT_REFUSED;
	}
	walk(v);
	look_for_strangers(v);
	int64_t checkpoints = check_checkpoints(v);
	printf("%lld links, %u rows compared, %u in files that retention deleted, %lld checkpoints signed by %s\n",
		(long long)v->links, v->checked, v->retired, (long long)checkpoints,
		v->signer[0] ? v->signer : "nobody");
	puts(v->failures ? "The store is not as it was written." : "All is as it was written.");
	sqlite3_close(v->raw);
	sqlite3_close(v->state);
	return v->failures ? EXIT_REFUSED : EXIT_DONE;
}

static bool read_against(struct verify *v, const char *text)
{
	const char *colon = strchr(text, ':');
	char number[24];

	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(number) ||
		strlen(colon + 1) != PROOF_HASH_TEXT - 1) {
		return false;
	}
	snprintf(number, sizeof(number), "%.*s", (int)(colon - text), text);
	snprintf(v->against_hash, sizeof(v->against_hash), "%s", colon + 1);
	char *end = NULL;
	v->against = strtoll(number, &end, 10);
	return *end == '\0' && v->against > 0;
}

/* Returns an exit status, or -1 to go on. */
static int read_option(struct verify *v, int option, const char *directory)
{
	bool good = true;

	switch (option) {
	case 'd':
		v->directory = optarg;
		break;
	case 'f':
		good = time_parse(optarg, CHINA_MIN, &v->from);
		break;
	case 't':
		good = time_parse(optarg, CHINA_MIN, &v->to);
		break;
	case 'k':
		good = text_copy(v->key, sizeof(v->key), optarg);
		break;
	case 'a':
		good = read_against(v, optarg);
		break;
	case 'h':
		printf(usage, directory);
		return EXIT_DONE;
	default:
		fputs("Try 'emisctl verify --help'.\n", stderr);
		return EXIT_USAGE;
	}
	if (!good) {
		fprintf(stderr, "emisctl: verify: \"%s\" makes no sense; see emisctl verify --help\n", optarg);
	}
	return good ? -1 : EXIT_USAGE;
}

int verify_main(int argc, char **argv, const char *directory)
{
	static const struct option longs[] = { { "directory", required_argument, NULL, 'd' },
		{ "from", required_argument, NULL, 'f' }, { "to", required_argument, NULL, 't' },
		{ "key", required_argument, NULL, 'k' }, { "against", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct verify v = { .directory = directory, .from = { INT64_MIN }, .to = { INT64_MAX } };
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "d:h", longs, NULL)) != -1) {
		status = read_option(&v, option, directory);
	}
	if (status < 0 && optind < argc) {
		fprintf(stderr, "emisctl: verify: \"%s\" is not an option\n", argv[optind]);
		status = EXIT_USAGE;
	}
	return status < 0 ? run(&v) : status;
}
