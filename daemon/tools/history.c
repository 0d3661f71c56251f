#include "daemon/tools/history.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "common/text.h"
#include "daemon/store/history_read.h"
#include "daemon/tools/history_print.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static const char usage[] =
	"Usage: emisctl history OUTLET FACTOR [OPTION]...\n"
	"Prints what is stored of a point: its means of a period, or its readings. Needs no running emisd.\n\n"
	"      --period P       minute (10 minutes for water), hour (default), day, month, or raw: every reading\n"
	"      --basis B        measured (default), dry, or converted: at a reference oxygen\n"
	"      --o2 N           the reference oxygen in %%; without it the only one there is\n"
	"      --from TIME      from then on; 2026-03-02T08:00:00+08:00 or 2026-03-02\n"
	"      --to TIME        and before then\n"
	"      --format F       table (default), csv or json\n"
	"  -d, --directory DIR  the store or a copy of it (default %s)\n"
	"  -h, --help           print this and end\n\n"
	"What is not known is \"-\" in a table, empty in csv and null in json.\n"
	"Exit status: 0 done, 1 something could not be read, 2 wrong usage.\n";

struct history {
	struct history_query query;
	bool raw;
	bool has_basis;
	bool has_o2;
	enum history_format format;
	struct history_series *names; /* all series in the store, each once */
	size_t n_names;
	size_t room;
	bool out_of_memory;
	struct history_out out;
};

/* ---- choosing the series ---- */

static bool is_same_series(const struct history_series *a, const struct history_series *b)
{
	return strcmp(a->outlet, b->outlet) == 0 && strcmp(a->factor, b->factor) == 0 && a->kind == b->kind &&
		a->o2_ref == b->o2_ref;
}

/* Adds a series to h->names. */
static void take_name(void *context, const struct history_series *name)
{
	struct history *h = context;

	for (size_t i = 0; i < h->n_names; i++) {
		if (is_same_series(&h->names[i], name)) {
			return;
		}
	}
	if (h->n_names == h->room) {
		size_t room = h->room ? h->room * 2 : 64;
		struct history_series *grown = realloc(h->names, room * sizeof(*grown));
		h->out_of_memory |= !grown;
		if (!grown) {
			return;
		}
		h->names = grown;
		h->room = room;
	}
	h->names[h->n_names++] = *name;
}

/* Adds a word to a list separated by ", ", unless the list already has it. */
static void add_word(char *list, size_t size, const char *word)
{
	size_t n = strlen(list), length = strlen(word);

	for (const char *found = strstr(list, word); found; found = strstr(found + 1, word)) {
		if ((found == list || found[-1] == ' ') && (found[length] == ',' || found[length] == '\0')) {
			return;
		}
	}
	snprintf(list + n, size - n, "%s%s", n > 0 ? ", " : "", word);
}

/* Prints why no single series was found, with the names to choose from: outlets, factors of the outlet, or series of
 * the point. Returns an exit status. */
static int refuse_query(const struct history *h, bool outlet_known, bool factor_known)
{
	const struct history_query *q = &h->query;
	char list[1024] = "";

	for (size_t i = 0; i < h->n_names; i++) {
		const struct history_series *name = &h->names[i];
		char word[64];
		if (!outlet_known) {
			add_word(list, sizeof(list), name->outlet);
		} else if (strcmp(name->outlet, q->outlet) == 0 && !factor_known) {
			add_word(list, sizeof(list), name->factor);
		} else if (strcmp(name->outlet, q->outlet) == 0 && strcmp(name->factor, q->factor) == 0) {
			snprintf(word, sizeof(word), name->o2_ref < 0 ? "%s" : "%s --o2 %g",
				series_kind_name(name->kind), name->o2_ref);
			add_word(list, sizeof(list), word);
		}
	}
	if (h->n_names == 0) {
		fprintf(stderr, "emisctl: history: there is nothing of that kind in %s\n", q->directory);
	} else if (!outlet_known) {
		fprintf(stderr, "emisctl: history: the store knows no outlet \"%s\"; it knows %s\n", q->outlet, list);
	} else if (!factor_known) {
		fprintf(stderr, "emisctl: history: the store knows no \"%s\" of %s; it knows %s\n", q->factor,
			q->outlet, list);
	} else {
		fprintf(stderr, "emisctl: history: say which series of %s %s: --basis %s\n", q->outlet, q->factor,
			list);
	}
	return EXIT_REFUSED;
}

/* Finds the one series that the options mean. Returns an exit status, or -1 to go on. */
static int choose_series(struct history *h)
{
	struct history_query *q = &h->query;
	bool outlet_known = false, factor_known = false;
	size_t matches = 0;
	double o2_ref = -1.0;

	for (size_t i = 0; i < h->n_names; i++) {
		const struct history_series *name = &h->names[i];
		bool outlet = strcmp(name->outlet, q->outlet) == 0;
		bool factor = outlet && strcmp(name->factor, q->factor) == 0;
		outlet_known |= outlet;
		factor_known |= factor;
		if (factor && (h->raw || (name->kind == q->kind && (!h->has_o2 || name->o2_ref == q->o2_ref)))) {
			matches++;
			o2_ref = name->o2_ref;
		}
	}
	if (matches != 1) {
		return refuse_query(h, outlet_known, factor_known);
	}
	q->o2_ref = o2_ref;
	return -1;
}

/* ---- the run ---- */

static void print_mean(void *context, const struct mean *mean, double amount)
{
	history_mean(context, mean, amount);
}

static void print_reading(void *context, const struct reading *reading, bool late)
{
	history_reading(context, reading, late);
}

/* Prints the series. Returns an exit status. */
static int print_series(struct history *h)
{
	struct history_query *q = &h->query;

	history_begin(&h->out, stdout, h->format, h->raw, q->offset_min);
	int r = h->raw ? history_read_raw(q, print_reading, &h->out) : history_read_means(q, print_mean, &h->out);
	bool printed = history_end(&h->out);
	if (r < 0) {
		fprintf(stderr, "emisctl: history: %s\n", q->error);
	}
	if (q->damaged > 0) {
		fprintf(stderr, "emisctl: history: %u damaged parts of the store were skipped; see emisctl verify\n",
			q->damaged);
	}
	if (!printed) {
		fputs("emisctl: history: not everything could be written\n", stderr);
	}
	return r < 0 || q->damaged > 0 || !printed ? EXIT_REFUSED : EXIT_DONE;
}

/* Returns an exit status. */
static int run_history(struct history *h)
{
	int r = history_read_offset(&h->query);

	r = r == 0 ? history_read_series(&h->query, h->raw, take_name, h) : r;
	if (r < 0 || h->out_of_memory) {
		fprintf(stderr, "emisctl: history: %s\n", r < 0 ? h->query.error : "out of memory");
		return EXIT_REFUSED;
	}
	int status = choose_series(h);
	return status < 0 ? print_series(h) : status;
}

/* ---- options ---- */

/* The index of the word in the NULL-terminated list, or -1. */
static int find_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], word) == 0) {
			return i;
		}
	}
	return -1;
}

/* Returns an exit status, or -1 to go on. */
static int read_option(struct history *h, int option, const char *directory)
{
	static const char *const formats[] = { "table", "csv", "json", NULL };
	bool good = true;

	switch (option) {
	case 'd':
		h->query.directory = optarg;
		break;
	case 'p':
		h->raw = strcmp(optarg, "raw") == 0;
		good = h->raw || period_from_name(optarg, &h->query.period);
		break;
	case 'b':
		h->has_basis = good = series_kind_from_name(optarg, &h->query.kind);
		break;
	case 'o':
		h->has_o2 = good = num_parse_double(optarg, &h->query.o2_ref) && h->query.o2_ref >= 0.0;
		break;
	case 'f':
		good = time_parse(optarg, h->query.offset_min, &h->query.from);
		break;
	case 't':
		good = time_parse(optarg, h->query.offset_min, &h->query.to);
		break;
	case 'F':
		good = find_word(formats, optarg) >= 0;
		h->format = good ? (enum history_format)find_word(formats, optarg) : h->format;
		break;
	case 'h':
		printf(usage, directory);
		return EXIT_DONE;
	default:
		fputs("Try 'emisctl history --help'.\n", stderr);
		return EXIT_USAGE;
	}
	if (!good) {
		fprintf(stderr, "emisctl: history: \"%s\" is not a valid value; see emisctl history --help\n", optarg);
	}
	return good ? -1 : EXIT_USAGE;
}

/* Reads outlet and factor, and checks that the options fit together. Returns an exit status, or -1 to go on. */
static int read_point(struct history *h, int argc, char **argv)
{
	if (argc - optind != 2) {
		fputs("emisctl: history takes an outlet and a factor, as in emisctl history DA001 so2\n", stderr);
		return EXIT_USAGE;
	}
	if (h->raw && (h->has_basis || h->has_o2)) {
		fputs("emisctl: history: readings are as measured; --basis and --o2 are of means\n", stderr);
		return EXIT_USAGE;
	}
	if (h->has_o2) {
		if (h->has_basis && h->query.kind != SERIES_CONVERTED) {
			fputs("emisctl: history: --o2 needs --basis converted\n", stderr);
			return EXIT_USAGE;
		}
		h->query.kind = SERIES_CONVERTED;
	}
	/* A name that is too long for a point is cut; choose_series() then does not find it. */
	(void)text_copy(h->query.outlet, sizeof(h->query.outlet), argv[optind]);
	(void)text_copy(h->query.factor, sizeof(h->query.factor), argv[optind + 1]);
	return -1;
}

int history_main(int argc, char **argv, const char *directory)
{
	static const struct option longs[] = { { "directory", required_argument, NULL, 'd' },
		{ "period", required_argument, NULL, 'p' }, { "basis", required_argument, NULL, 'b' },
		{ "o2", required_argument, NULL, 'o' }, { "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' }, { "format", required_argument, NULL, 'F' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct history *h = calloc(1, sizeof(*h));
	int option, status = -1;

	if (!h) {
		fputs("emisctl: out of memory\n", stderr);
		return EXIT_REFUSED;
	}
	h->query.directory = directory;
	h->query.period = PERIOD_HOUR;
	h->query.offset_min = CHINA_OFFSET_MIN;
	h->query.from.ms = INT64_MIN;
	h->query.to.ms = INT64_MAX;
	optind = 1;
	while (status < 0 && (option = getopt_long(argc, argv, "d:h", longs, NULL)) != -1) {
		status = read_option(h, option, directory);
	}
	status = status < 0 ? read_point(h, argc, argv) : status;
	status = status < 0 ? run_history(h) : status;
	free(h->names);
	free(h);
	return status;
}
