#include "daemon/backtest_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "daemon/conf_parts.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2 };

static const char usage[] =
	"Usage: emisctl backtest --limits TIER[,TIER...] --sector S [OPTION]... FILE.csv\n\n"
	"Judges a file of history as emisd would have judged it; needs no running emisd and changes nothing.\n\n"
	"The first line of the file names its columns: time, the keys of factors (so2, o2, ...), KEY.flag for\n"
	"their flags or flag for all (N F M S D C T B). A row stands for the time until the next one is due; rows\n"
	"may be hourly or finer for gas, daily or finer for water. An empty value is a missing one.\n\n"
	"      --limits TIERS      ultra-low, special, local, general, own\n"
	"      --sector S          as emisctl limits --all lists them: steel.sinter-head, wwtp.1a, ...\n"
	"      --also-sector S     limits of this sector, too\n"
	"      --built DATE        when the plant was built; without it, all limits that may apply are judged\n"
	"      --air-added yes|no  whether air is added to burn the waste gas\n"
	"      --column KEY=NAME   the file calls the factor KEY (or time) NAME\n"
	"      --set KEY=VALUE     a factor that the file does not hold and that never changes, as o2=15\n"
	"      --start TIME        the file has no times: its rows begin here; goes with --interval\n"
	"      --interval D        how long a row stands (1min, 1h, 24h; default: from the first two rows)\n"
	"      --timezone Z        of times without an offset, and of days (default +08:00)\n"
	"      --order O           convert-first (default) or average-first: minutes or the hour to reference oxygen\n"
	"      --rounding R        none (default) or half-even: to the decimals of the factor before judging\n"
	"      --hysteresis H      share below the limit that ends an alarm (default 0.05)\n"
	"      --means P           print the means of minute, hour, day or month and longer (default none)\n"
	"      --json              one JSON object a line: mean, event, limit, budget\n"
	"      --share DIR         where factors.conf and limits.d lie\n"
	"  -h, --help              print this and end\n\n"
	"Exit status: 0 judged, 1 the file or the catalogue cannot be used, 2 wrong usage.\n";

static int wrong(const char *option, const char *found, const char *expected)
{
	fprintf(stderr, "emisctl backtest: --%s: found \"%s\", expected %s\n", option, found, expected);
	return EXIT_USAGE;
}

static int read_tiers(struct backtest_options *o, const char *text)
{
	char list[128];
	char *rest = list;
	size_t n = 0;

	snprintf(list, sizeof(list), "%s", text);
	for (char *tier = strsep(&rest, ","); tier; tier = strsep(&rest, ",")) {
		size_t known = 0;
		while (conf_tiers[known] && strcmp(conf_tiers[known], tier) != 0) {
			known++;
		}
		if (!conf_tiers[known] || n == 5) {
			return wrong("limits", tier, "ultra-low, special, local, general or own");
		}
		snprintf(o->tiers[n++], sizeof(o->tiers[0]), "%s", tier);
	}
	return -1;
}

static int read_column(struct backtest_options *o, const char *text)
{
	const char *equals = strchr(text, '=');
	struct csv_name *name = &o->names[o->csv.n_names];

	if (!equals || equals == text || !equals[1] || o->csv.n_names == BACKTEST_NAMES) {
		return wrong("column", text, "KEY=NAME");
	}
	snprintf(name->factor, sizeof(name->factor), "%.*s", (int)(equals - text), text);
	snprintf(name->column, sizeof(name->column), "%s", equals + 1);
	o->csv.n_names++;
	return -1;
}

static int read_constant(struct backtest_options *o, const char *text)
{
	const char *equals = strchr(text, '=');
	struct backtest_constant *constant = &o->constants[o->n_constants];

	if (!equals || equals == text || o->n_constants == BACKTEST_NAMES ||
		!num_parse_double(equals + 1, &constant->value)) {
		return wrong("set", text, "KEY=NUMBER");
	}
	snprintf(constant->factor, sizeof(constant->factor), "%.*s", (int)(equals - text), text);
	o->n_constants++;
	return -1;
}

/* One of two words. */
static int read_choice(const char *option, const char *text, const char *first, const char *second, int *ret_place)
{
	if (strcmp(text, first) == 0 || strcmp(text, second) == 0) {
		*ret_place = strcmp(text, second) == 0;
		return -1;
	}
	char expected[64];
	snprintf(expected, sizeof(expected), "%s or %s", first, second);
	return wrong(option, text, expected);
}

static int read_judging(struct backtest_options *o, int option)
{
	int place = 0, status = -1;

	switch (option) {
	case 'O':
		status = read_choice("order", optarg, "convert-first", "average-first", &place);
		o->order = (enum conversion_order)place;
		return status;
	case 'R':
		status = read_choice("rounding", optarg, "none", "half-even", &place);
		o->rounding = (enum rounding)place;
		return status;
	case 'A':
		return read_choice("air-added", optarg, "no", "yes", &o->air_added);
	case 'H':
		return num_parse_double(optarg, &o->hysteresis) && o->hysteresis >= 0.0 && o->hysteresis <= 0.5
			? -1
			: wrong("hysteresis", optarg, "a share from 0 to 0.5");
	default:
		fputs("Try 'emisctl backtest --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

static int read_option(struct backtest_options *o, int option)
{
	switch (option) {
	case 'l':
		return read_tiers(o, optarg);
	case 's':
		o->sector = optarg;
		return -1;
	case 'a':
		o->also_sector = optarg;
		return -1;
	case 'b':
		return time_parse(optarg, CHINA_OFFSET_MIN, &o->built) ? -1
								       : wrong("built", optarg, "a date as 2015-03-01");
	case 'c':
		return read_column(o, optarg);
	case 'e':
		return read_constant(o, optarg);
	case 't':
		o->csv.has_start = time_parse(optarg, o->csv.offset_min, &o->csv.start);
		return o->csv.has_start ? -1 : wrong("start", optarg, "a moment as 2011-01-01T00:00:00+08:00");
	case 'i':
		return time_parse_duration(optarg, &o->csv.interval_ms) && o->csv.interval_ms >= SECOND_MS
			? -1
			: wrong("interval", optarg, "a duration as 5s, 1min, 1h");
	case 'z':
		return time_parse_zone(optarg, &o->csv.offset_min)
			? -1
			: wrong("timezone", optarg, "+08:00, UTC or Asia/Shanghai");
	case 'm':
		o->has_means = period_from_name(optarg, &o->means);
		return o->has_means ? -1 : wrong("means", optarg, "minute, hour, day or month");
	case 'j':
		o->json = true;
		return -1;
	case 'S':
		o->share = optarg;
		return -1;
	case 'h':
		fputs(usage, stdout);
		return EXIT_DONE;
	default:
		return read_judging(o, option);
	}
}

int backtest_read_options(int argc, char **argv, struct backtest_options *o)
{
	static const struct option longs[] = { { "limits", required_argument, NULL, 'l' },
		{ "sector", required_argument, NULL, 's' }, { "also-sector", required_argument, NULL, 'a' },
		{ "built", required_argument, NULL, 'b' }, { "air-added", required_argument, NULL, 'A' },
		{ "column", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 'e' },
		{ "start", required_argument, NULL, 't' }, { "interval", required_argument, NULL, 'i' },
		{ "timezone", required_argument, NULL, 'z' }, { "order", required_argument, NULL, 'O' },
		{ "rounding", required_argument, NULL, 'R' }, { "hysteresis", required_argument, NULL, 'H' },
		{ "means", required_argument, NULL, 'm' }, { "json", no_argument, NULL, 'j' },
		{ "share", required_argument, NULL, 'S' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		status = read_option(o, option);
	}
	if (status >= 0) {
		return status;
	}
	if (optind + 1 != argc || !o->sector || !o->tiers[0][0]) {
		fputs("emisctl backtest: --limits, --sector and one file are needed; try 'emisctl backtest --help'\n",
			stderr);
		return EXIT_USAGE;
	}
	if (o->csv.has_start && o->csv.interval_ms == 0) {
		fputs("emisctl backtest: --start goes with --interval\n", stderr);
		return EXIT_USAGE;
	}
	o->csv.path = argv[optind];
	o->csv.names = o->names;
	return -1;
}
