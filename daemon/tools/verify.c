#include "daemon/tools/verify.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/time.h"
#include "daemon/store/chain_verify.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

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

/* ---- findings ---- */

/* "#" stands for the number of the finding, "@" for its text. */
static const char *const sentences[CHAIN_FAULT_COUNT] = {
	[CHAIN_FILE_MISSING] = "@ is not there, and no retention deleted it",
	[CHAIN_ROW_UNREADABLE] = "@",
	[CHAIN_ROW_MISSING] = "the @ is gone",
	[CHAIN_ROW_CHANGED] = "the @ was changed after it was linked",
	[CHAIN_LINK_BROKEN] = "the link does not follow from the one before",
	[CHAIN_LINK_REPLACED] = "the hash is not the one that was kept elsewhere",
	[CHAIN_LINK_DAMAGED] = "the link is damaged",
	[CHAIN_LINK_MISSING] = "links up to @ are missing",
	[CHAIN_UNREADABLE] = "the chain cannot be read beyond link #: @",
	[CHAIN_TOO_SHORT] = "the chain ends with link #, before the one that was kept elsewhere",
	[CHAIN_ROWS_UNLINKED] = "# @ are not in the chain",
	[CHAIN_QUERY_FAILED] = "@",
	[CHECKPOINT_MISSING] = "checkpoint # is not there",
	[CHECKPOINT_UNSIGNED] = "checkpoint # is not signed by the key @",
	[CHECKPOINT_KEY_UNKNOWN] = "checkpoint # is signed by the key @, which the audit log does not name",
	[CHECKPOINT_DAMAGED] = "checkpoint # names no link and hash",
	[CHECKPOINT_LINK_MISSING] = "checkpoint # knows link @, which is not there",
	[CHECKPOINT_LINK_CHANGED] = "checkpoint # knows another hash of link @",
	[CHECKPOINTS_UNREADABLE] = "the checkpoints cannot be read: @",
	[CHECKPOINT_OTHER_KEY] = "another key signs from checkpoint # on: @",
};

/* Links one after another with the same finding, which are printed as one line. */
struct range {
	int64_t first;
	int64_t last;
	char words[192]; /* empty = none */
};

static void compose(const struct chain_finding *finding, char *words, size_t size)
{
	size_t n = 0;

	words[0] = '\0';
	for (const char *c = sentences[finding->fault]; *c && n < size; c++) {
		if (*c == '#') {
			n += (size_t)snprintf(words + n, size - n, "%" PRId64, finding->number);
		} else if (*c == '@') {
			n += (size_t)snprintf(words + n, size - n, "%s", finding->text);
		} else {
			n += (size_t)snprintf(words + n, size - n, "%c", *c);
		}
	}
}

static void print_range(struct range *range)
{
	if (range->words[0]) {
		printf("FAILED  links %" PRId64 " to %" PRId64 ": %s\n", range->first, range->last, range->words);
	}
	range->words[0] = '\0';
}

static void print_finding(void *context, const struct chain_finding *finding)
{
	struct range *range = context;
	char words[sizeof(range->words)], sentence[STORE_ERROR_SIZE + 64];

	if (finding->fault > CHAIN_LINK_MISSING) {
		print_range(range);
		compose(finding, sentence, sizeof(sentence));
		printf("%s  %s\n", finding->fault == CHECKPOINT_OTHER_KEY ? "NOTE  " : "FAILED", sentence);
		return;
	}
	compose(finding, words, sizeof(words));
	if (strcmp(words, range->words) != 0 || finding->number != range->last + 1) {
		print_range(range);
		range->first = finding->number;
		snprintf(range->words, sizeof(range->words), "%s", words);
	}
	range->last = finding->number;
}

static int run(struct chain_query *query)
{
	struct range range = { 0 };
	struct chain_result result;

	if (chain_verify(query, print_finding, &range, &result) < 0) {
		fprintf(stderr, "emisctl: %s/state.db cannot be read: %s\n", query->directory,
			query->error[0] ? query->error : "no such file or no right");
		return EXIT_REFUSED;
	}
	print_range(&range);
	printf("%" PRId64 " links, %u rows compared, %u in files that retention deleted, %" PRId64
	       " checkpoints signed by %s\n",
		result.links, result.compared, result.retired, result.checkpoints,
		result.signer[0] ? result.signer : "nobody");
	puts(result.failures ? "The store is not as it was written." : "All is as it was written.");
	return result.failures ? EXIT_REFUSED : EXIT_DONE;
}

/* ---- options ---- */

/* "N:HASH" */
static bool read_against(struct chain_query *q, const char *text)
{
	const char *colon = strchr(text, ':');
	char number[24];

	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(number) ||
		strlen(colon + 1) != PROOF_HASH_TEXT - 1) {
		return false;
	}
	snprintf(number, sizeof(number), "%.*s", (int)(colon - text), text);
	snprintf(q->against_hash, sizeof(q->against_hash), "%s", colon + 1);
	char *end = NULL;
	q->against = strtoll(number, &end, 10);
	return *end == '\0' && q->against > 0;
}

/* Returns an exit status, or -1 to go on. */
static int read_option(struct chain_query *q, int option, const char *directory)
{
	bool good = true;

	switch (option) {
	case 'd':
		q->directory = optarg;
		break;
	case 'f':
		good = time_parse(optarg, CHINA_OFFSET_MIN, &q->from);
		break;
	case 't':
		good = time_parse(optarg, CHINA_OFFSET_MIN, &q->to);
		break;
	case 'k':
		good = text_copy(q->key, sizeof(q->key), optarg);
		break;
	case 'a':
		good = read_against(q, optarg);
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
	struct chain_query query = { .directory = directory, .from = { INT64_MIN }, .to = { INT64_MAX } };
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "d:h", longs, NULL)) != -1) {
		status = read_option(&query, option, directory);
	}
	if (status < 0 && optind < argc) {
		fprintf(stderr, "emisctl: verify: \"%s\" is not an option\n", argv[optind]);
		status = EXIT_USAGE;
	}
	return status < 0 ? run(&query) : status;
}
