/* main.c - emisd: reads the options and the configuration, starts the daemon, runs it and stops it. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/num.h"
#include "daemon/control/commands.h"
#include "daemon/daemon.h"
#include "daemon/tools/backtest.h"
#include "daemon/tools/history.h"
#include "daemon/tools/probe.h"
#include "daemon/tools/verify.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static const char usage[] = "Usage: emisd [OPTION]...\n"
			    "Polls emission monitors, judges regulatory means and publishes alarms over MQTT.\n\n"
			    "  -c, --config FILE       configuration (default " EMISD_CONFIG ")\n"
			    "      --share DIR         shipped profiles, limits and factors (default " EMISD_SHARE ")\n"
			    "      --check             check the configuration and end; needs no device and no rights\n"
			    "      --print             print the configuration in its normal form and end\n"
			    "      --debug             log more\n"
			    "      --time-scale N      simulate a clock that runs N times faster (1 to 3600); needs\n"
			    "                          \"simulation = true\" in the configuration\n"
			    "      --time-start TIME   where it starts, as 2026-03-02T07:50:00+08:00 (default: now)\n"
			    "      --time-anchor S     the real moment of that start, in seconds since 1970\n"
			    "                          (default: when emisd starts)\n"
			    "      --probe ...         look at an instrument; see emisd --probe --help\n"
			    "      --backtest ...      judge a file of history; see emisd --backtest --help\n"
			    "      --verify ...        check what is stored; see emisd --verify --help\n"
			    "      --history ...       what is stored of a point; see emisd --history --help\n"
			    "      --version           print the version and end\n"
			    "  -h, --help              print this and end\n\n"
			    "Exit status: 0 done, 1 refused (a sentence says why), 2 wrong usage.\n";

struct options {
	const char *config;
	const char *catalogue; /* the folder of shipped profiles, limits and factors */
	bool check;
	bool print;
	bool debug;
	double time_scale;  /* NAN unless given */
	double time_anchor; /* NAN unless given */
	bool has_start;
	struct utc time_start;
};

/* Returns an exit status, or -1 to go on. */
static int read_option(struct options *o, int option)
{
	switch (option) {
	case 'c':
		o->config = optarg;
		return -1;
	case 's':
		o->catalogue = optarg;
		return -1;
	case 'k':
		o->check = true;
		return -1;
	case 'p':
		o->print = true;
		return -1;
	case 'd':
		o->debug = true;
		return -1;
	case 'n':
		if (num_parse_double(optarg, &o->time_scale) && o->time_scale >= 1.0 && o->time_scale <= 3600.0) {
			return -1;
		}
		fprintf(stderr, "emisd: --time-scale: \"%s\" is not a number from 1 to 3600\n", optarg);
		return EXIT_USAGE;
	case 't':
		o->has_start = time_parse(optarg, 480, &o->time_start);
		if (o->has_start) {
			return -1;
		}
		fprintf(stderr, "emisd: --time-start: \"%s\" is not a time; write it as 2026-03-02T07:50:00+08:00\n",
			optarg);
		return EXIT_USAGE;
	case 'a':
		if (num_parse_double(optarg, &o->time_anchor)) {
			return -1;
		}
		fprintf(stderr, "emisd: --time-anchor: \"%s\" is not a number of seconds\n", optarg);
		return EXIT_USAGE;
	case 'v':
		puts("emisd " EMISD_VERSION);
		return EXIT_DONE;
	case 'h':
		fputs(usage, stdout);
		return EXIT_DONE;
	default:
		fputs("Try 'emisd --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		{ "share", required_argument, NULL, 's' }, { "check", no_argument, NULL, 'k' },
		{ "print", no_argument, NULL, 'p' }, { "debug", no_argument, NULL, 'd' },
		{ "time-scale", required_argument, NULL, 'n' }, { "time-start", required_argument, NULL, 't' },
		{ "time-anchor", required_argument, NULL, 'a' }, { "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		status = read_option(o, option);
	}
	if (status < 0 && optind < argc) {
		fprintf(stderr, "emisd: \"%s\" is not an option. Try 'emisd --help'.\n", argv[optind]);
		status = EXIT_USAGE;
	}
	if (status < 0 && isnan(o->time_scale) && (o->has_start || !isnan(o->time_anchor))) {
		fputs("emisd: --time-start and --time-anchor need --time-scale\n", stderr);
		status = EXIT_USAGE;
	}
	return status;
}

static bool make_clock(const struct options *o, const struct site *site, struct clock *clock)
{
	clock_init(clock);
	if (isnan(o->time_scale)) {
		return true;
	}
	if (!site->simulation) {
		fprintf(stderr, "emisd: --time-scale is for simulations only; %s does not say \"simulation = true;\"\n",
			o->config);
		return false;
	}
	clock_init_simulated(clock, o->time_scale, o->has_start ? o->time_start : clock_utc(clock), o->time_anchor);
	return true;
}

/* Returns the exit status. */
static int run_daemon(const struct site *site, const struct clock *clock)
{
	struct daemon daemon;
	struct control_socket *socket = NULL;
	char error[1500];
	int r = daemon_start(&daemon, site, clock);

	if (r == 0) {
		socket = control_socket_create(&daemon, commands, error, sizeof(error));
		r = socket ? daemon_run(&daemon) : -EIO;
		if (!socket) {
			log_error("%s", error);
		}
	}
	control_socket_destroy(socket);
	if (!daemon_stop(&daemon)) {
		/* A link worker that hangs in a read, or paho while it connects, still uses our memory. The store is
		 * closed, so end the process without freeing. */
		_exit(r == 0 ? EXIT_DONE : EXIT_REFUSED);
	}
	return r == 0 ? EXIT_DONE : EXIT_REFUSED;
}

/* Runs the tool that the first option names; each tool has options of its own. Returns its exit status, or -1 when the
 * first option names no tool. */
static int run_mode(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	return strcmp(mode, "--probe") == 0       ? probe_main(argc - 1, argv + 1, EMISD_SHARE)
		: strcmp(mode, "--backtest") == 0 ? backtest_main(argc - 1, argv + 1, EMISD_SHARE)
		: strcmp(mode, "--history") == 0  ? history_main(argc - 1, argv + 1, EMISD_STATE)
		: strcmp(mode, "--verify") == 0   ? verify_main(argc - 1, argv + 1, EMISD_STATE)
						  : -1;
}

int main(int argc, char **argv)
{
	struct options o = { .config = EMISD_CONFIG, .catalogue = EMISD_SHARE, .time_scale = NAN, .time_anchor = NAN };
	struct conf_errors errors = { 0 }, warnings = { 0 };
	struct clock clock;

	int status = run_mode(argc, argv);
	status = status < 0 ? read_options(argc, argv, &o) : status;
	if (status >= 0) {
		return status;
	}
	signal(SIGPIPE, SIG_IGN);
	log_init(o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	struct site *site = site_load(o.config, o.catalogue, &errors, &warnings);
	conf_errors_print(&errors, "");
	if (o.print) {
		conf_errors_finish(&warnings); /* --check prints them; --print does not */
	}
	conf_errors_print(&warnings, "note: ");
	if (!site) {
		return EXIT_REFUSED;
	}
	status = EXIT_REFUSED;
	if (o.print) {
		site_print(site, stdout);
		status = fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
	} else if (o.check) {
		printf("%s: %zu outlets, %zu instruments, %zu limits in the catalogue: good\n", o.config,
			site->n_outlets, site->n_instruments, site->n_limits);
		status = EXIT_DONE;
	} else if (make_clock(&o, site, &clock)) {
		status = run_daemon(site, &clock);
	}
	site_free(site);
	return status;
}
