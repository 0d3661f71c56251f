/* main.c - emisctl: sends a command to the daemon and prints the reply. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/cmd_probe.h"
#include "cli/cmds.h"
#include "cli/emisd.h"
#include "common/array.h"
#include "common/num.h"
#include "common/text.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

static const char usage[] =
	"Usage: emisctl [OPTION]... COMMAND\n\n"
	"  status      every point with value, hour mean, limit and flag; links; the way to the bureau\n"
	"  alarms      raised alarms (--all: also those that ended)\n"
	"  limits [KEY] the limits that apply, with document and clause (--all: the whole catalogue);\n"
	"              with a KEY, everything about that limit\n"
	"  budget      the hours of this month that need not meet a limit: allowed, used, left\n"
	"  ack NO      acknowledge the alarm of that number, or id (--remark)\n"
	"  mark OUTLET record calibration, a fault, ... of an outlet: --kind, --until, and --from, --factor, --remark\n"
	"  marks       the marks that are active, planned or ended within a day (--all: all)\n"
	"  audit       who changed what\n"
	"  identity    the public key that signs for this box, and the end of its chain\n"
	"  history     what is stored of a point: means, readings; see emisctl history --help\n"
	"  verify      check that the stored data is unchanged; see emisctl verify --help\n"
	"  backtest    judge a file of history; see emisctl backtest --help\n"
	"  outbox      messages that the broker refused, and why\n"
	"  release     send them once more\n"
	"  instruments answers, failures and response times of each instrument\n"
	"  plan        the requests made of each instrument, and what they cost on the wire\n"
	"  raw NAME    the registers of an instrument as they came last\n"
	"  probe       look at an instrument without a daemon; see emisctl probe --help\n\n"
	"      --socket PATH    control socket (default $EMISD_SOCKET or /run/emisd/ctl.sock)\n"
	"      --json           print JSON\n"
	"      --outlet ID      only this outlet\n"
	"      --factor F       only this factor\n"
	"      --sector S       limits: only this sector and its parts\n"
	"      --tier T         limits: only ultra-low, special, local, general or own\n"
	"      --all            alarms: ended ones too; limits: all of the catalogue\n"
	"      --kind K         mark: calibration, fault, maintenance, shut-down, start-up or stopped\n"
	"      --from TIME, --until TIME   mark: as 2026-03-02T08:00:00+08:00 (default: from now)\n"
	"      --remark TEXT    ack, mark: why\n"
	"      --lang zh|en     language of headings (default: from LC_ALL, LC_MESSAGES, LANG)\n"
	"      --no-color       no colours; so does the environment variable NO_COLOR\n"
	"      --timeout S      wait at most so long for the daemon (default 5)\n"
	"      --version, -h, --help\n\n"
	"Exit status: 0 done, 1 refused by the daemon, 2 wrong usage, 3 no daemon answers.\n";

static const struct {
	const char *name;
	const char *argument; /* describes its argument; NULL when it takes none */
	bool needed;          /* the argument must be given */
	void (*show)(const json_t *tables, const struct view *view);
} commands[] = {
	{ "ack", "the number or the id of an alarm", true, cmd_done },
	{ "alarms", NULL, false, cmd_alarms },
	{ "audit", NULL, false, cmd_audit },
	{ "budget", NULL, false, cmd_budget },
	{ "identity", NULL, false, cmd_identity },
	{ "instruments", NULL, false, cmd_instruments },
	{ "limits", "the key of a limit, or none", false, cmd_limits },
	{ "mark", "an outlet", true, cmd_marks },
	{ "marks", NULL, false, cmd_marks },
	{ "outbox", NULL, false, cmd_outbox },
	{ "plan", NULL, false, cmd_plan },
	{ "raw", "the name of an instrument", true, cmd_raw },
	{ "release", NULL, false, cmd_done },
	{ "status", NULL, false, cmd_status },
};

/* The commands that emisd carries out; each has options of its own. */
static const char *const programs[] = { "backtest", "history", "probe", "verify" };

struct options {
	const char *socket;
	bool json;
	bool all;
	const char *argument;
	const char *texts[6]; /* by index in text_options; sent to the daemon unchanged */
	int timeout_ms;
	struct view view;
};

/* Options whose values only the daemon checks. */
static const char *const text_options[] = { "sector", "tier", "kind", "from", "until", "remark" };
enum { TEXT_OPTION = 256 }; /* plus the index in text_options: the option's code for getopt_long() */

static bool speaks_chinese(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);
		if (value && *value) {
			return strncmp(value, "zh", 2) == 0;
		}
	}
	return false;
}

static int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int64_t width;

	if (columns && num_parse_int(columns, 20, 1000, &width)) {
		return (int)width;
	}
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

/* Returns an exit status, or -1 to go on. */
static int read_option(struct options *o, int option)
{
	double seconds;

	if (option >= TEXT_OPTION) {
		o->texts[option - TEXT_OPTION] = optarg;
		return -1;
	}
	switch (option) {
	case 's':
		o->socket = optarg;
		return -1;
	case 'j':
		o->json = true;
		return -1;
	case 'a':
		o->all = true;
		return -1;
	case 'o':
		o->view.outlet = optarg;
		return -1;
	case 'f':
		o->view.factor = optarg;
		return -1;
	case 'n':
		o->view.colours = false;
		return -1;
	case 'l':
		o->view.chinese = strcmp(optarg, "zh") == 0;
		if (o->view.chinese || strcmp(optarg, "en") == 0) {
			return -1;
		}
		fprintf(stderr, "emisctl: --lang: \"%s\" is neither zh nor en\n", optarg);
		return EXIT_USAGE;
	case 't':
		if (num_parse_double(optarg, &seconds) && seconds > 0.0 && seconds <= 3600.0) {
			o->timeout_ms = (int)(seconds * 1000.0);
			return -1;
		}
		fprintf(stderr, "emisctl: --timeout: \"%s\" is not a number of seconds up to 3600\n", optarg);
		return EXIT_USAGE;
	case 'v':
		puts("emisctl " EMISD_VERSION);
		return EXIT_DONE;
	case 'h':
		fputs(usage, stdout);
		return EXIT_DONE;
	default:
		fputs("Try 'emisctl --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

/* Sends the command to the daemon and prints its reply. Returns an exit status. */
static int run_query(const struct options *o, size_t command)
{
	struct client_error error = { 0 };
	json_t *request = json_pack("{s:s, s:b, s:s*, s:s*, s:s*}", "cmd", commands[command].name, "all", o->all,
		"argument", o->argument, "outlet", o->view.outlet, "factor", o->view.factor);

	for (size_t i = 0; i < ARRAY_SIZE(text_options); i++) {
		if (o->texts[i]) {
			json_object_set_new(request, text_options[i], json_string(o->texts[i]));
		}
	}
	json_t *tables = client_ask(o->socket, request, o->timeout_ms, &error);

	json_decref(request);
	if (!tables) {
		fprintf(stderr, "emisctl: %s\n", error.words);
		return error.refused ? EXIT_REFUSED : EXIT_NO_DAEMON;
	}
	if (o->json) {
		tables_print_json(tables);
	} else {
		commands[command].show(tables, &o->view);
	}
	json_decref(tables);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
}

/* Finds the command by its name, argv[0], checks its arguments and runs it. Returns an exit status. */
static int run_command(struct options *o, int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, argv[0]) != 0) {
			continue;
		}
		if (argc - 1 > (commands[i].argument != NULL) || argc - 1 < commands[i].needed) {
			fprintf(stderr, "emisctl: %s takes %s%s\n", argv[0],
				commands[i].argument ? "one argument: " : "no argument",
				commands[i].argument ? commands[i].argument : "");
			return EXIT_USAGE;
		}
		o->argument = argv[1];
		o->view.explain = o->argument != NULL;
		return run_query(o, i);
	}
	const char *nearest = NULL;
	char hint[TEXT_HINT_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		text_keep_nearest(argv[0], commands[i].name, &nearest);
	}
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		text_keep_nearest(argv[0], programs[i], &nearest);
	}
	fprintf(stderr, "emisctl: there is no command \"%s\"%s; try 'emisctl --help'\n", argv[0],
		text_did_you_mean(nearest, hint));
	return EXIT_USAGE;
}

/* Runs history or verify on the store of the daemon that answers; if none answers, on the default store. Returns an
 * exit status. */
static int run_on_store(const struct options *o, const char *mode, int argc, char **argv)
{
	struct client_error error = { 0 };
	char option[] = "--directory", *args[64];
	bool named = argc > 60;

	for (int i = 1; i < argc; i++) {
		named |= strncmp(argv[i], "-d", 2) == 0 || strncmp(argv[i], "--d", 3) == 0 ||
			strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
	}
	json_t *request = named ? NULL : json_pack("{s:s}", "cmd", "status");
	json_t *tables = request ? client_ask(o->socket, request, o->timeout_ms, &error) : NULL;
	const json_t *site = tables ? tables_find(tables, "site") : NULL;
	const char *store = site ? tables_text(site, json_array_get(json_object_get(site, "rows"), 0), "store") : "";
	char *directory = *store ? strdup(store) : NULL;
	json_decref(tables);
	json_decref(request);
	if (!directory) {
		return emisd_run(mode, "which knows the store", argc, argv);
	}
	memcpy(args, argv, (size_t)argc * sizeof(*args));
	args[argc] = option;
	args[argc + 1] = directory;
	int status = emisd_run(mode, "which knows the store", argc + 2, args); /* returns only when this fails */
	free(directory);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' }, { "all", no_argument, NULL, 'a' },
		{ "outlet", required_argument, NULL, 'o' }, { "factor", required_argument, NULL, 'f' },
		{ "lang", required_argument, NULL, 'l' }, { "no-color", no_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' }, { "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' }, { "sector", required_argument, NULL, TEXT_OPTION },
		{ "tier", required_argument, NULL, TEXT_OPTION + 1 },
		{ "kind", required_argument, NULL, TEXT_OPTION + 2 },
		{ "from", required_argument, NULL, TEXT_OPTION + 3 },
		{ "until", required_argument, NULL, TEXT_OPTION + 4 },
		{ "remark", required_argument, NULL, TEXT_OPTION + 5 }, { NULL, 0, NULL, 0 } };
	const char *socket = getenv("EMISD_SOCKET");
	const char *no_color = getenv("NO_COLOR");
	struct options o = { .socket = socket && *socket ? socket : "/run/emisd/ctl.sock", .timeout_ms = 5000 };
	int option, status = -1;

	setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of Chinese characters; every Debian has this locale */
	o.view.chinese = speaks_chinese();
	o.view.colours = isatty(STDOUT_FILENO) && !(no_color && *no_color);
	o.view.width = terminal_width();
	/* The commands of `programs` have options of their own, so the first word decides before getopt_long() runs. */
	if (argc > 1 && strcmp(argv[1], "probe") == 0) {
		return cmd_probe(o.socket, argc - 1, argv + 1);
	}
	if (argc > 1 && strcmp(argv[1], "backtest") == 0) {
		return emisd_run("--backtest", "which does the judging", argc - 1, argv + 1);
	}
	if (argc > 1 && strcmp(argv[1], "history") == 0) {
		return run_on_store(&o, "--history", argc - 1, argv + 1);
	}
	if (argc > 1 && strcmp(argv[1], "verify") == 0) {
		return run_on_store(&o, "--verify", argc - 1, argv + 1);
	}
	while (status < 0 && (option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		status = read_option(&o, option);
	}
	if (status >= 0) {
		return status;
	}
	if (optind == argc) {
		fputs("emisctl: no command given; try 'emisctl status' or 'emisctl --help'\n", stderr);
		return EXIT_USAGE;
	}
	return run_command(&o, argc - optind, argv + optind);
}
