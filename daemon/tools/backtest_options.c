#include "daemon/tools/backtest_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "common/text.h"
#include "daemon/conf/site.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2 };

static const char usage[] =
	"Usage: emisctl backtest --limits TIER[,TIER...] --sector S [OPTION]... FILE.csv\n\n"
	"Judges a file of history as emisd would have judged it; needs no running emisd and changes nothing.\n\n"
	"The first line of the file names its columns: time, the keys of factors (so2, o2, ...), KEY.flag for\n"
	"their flags or flag for all (N F M S D C T B). Cells are separated by commas, semicolons (then 20,5 is a\n"
	"number) or tabs. A row stands for the interval of the file, the most frequent distance of its rows: hourly\n"
	"or finer for gas, daily or finer for water. An empty value is a missing one. What cannot be read is\n"
	"refused with its line and column. The hour (or day) that the file ends in is judged by what is there.\n\n"
	"      --limits TIERS      ultra-low, special, local, general, own\n"
	"      --sector S          as emisctl limits --all lists them: steel.sinter-head, wwtp.1a, ...\n"
	"      --also-sector S     limits of this sector, too\n"
	"      --built DATE        when the plant was built; without it, all limits that may apply are judged\n"
	"      --air-added yes|no  whether air is added to burn the waste gas\n"
	"      --column KEY=NAME   the file calls the factor KEY (or time) NAME\n"
	"      --set KEY=VALUE     a factor that the file does not hold and that never changes, as o2=15\n"
	"      --least KEY=VALUE   no value of this factor can be lower: such a value is not valid, and an hour can "
	"be\n"
	"                          certain to exceed\n"
	"      --start TIME        the file has no times: its rows begin here; needs --interval\n"
	"      --interval D        how long a row stands (1min, 1h, 24h; default: the file's most frequent distance)\n"
	"      --stamp start|end   times are those of the start (default) or the end of what a row stands for\n"
	"      --timezone Z        of times without an offset, and of days (default +08:00)\n"
	"      --order O           convert-first (default) or average-first: minutes or the hour to reference oxygen\n"
	"      --rounding R        none (default) or half-even: to the digits of the limit before judging\n"
	"      --hysteresis H      share below the limit that ends an alarm (default 0.05)\n"
	"      --means P           print the means of minute, hour, day or month and longer (default none)\n"
	"      --json              one JSON object a line: mean, event, limit, budget, file\n"
	"      --share DIR         where factors.conf and limits.d lie\n"
	"  -h, --help              print this and end\n\n"
	"Exit status: 0 judged, 1 the file or the catalogue cannot be used, 2 wrong usage.\n";

/* Prints which value was wrong. Returns EXIT_USAGE. */
static int refuse_value(const char *option, const char *found, const char *expected)
{
	fprintf(stderr, "emisctl backtest: --%s: found \"%s\", expected %s\n", option, found, expected);
	return EXIT_USAGE;
}

/* Returns an exit status, or -1 to go on. */
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
			const char *nearest = NULL;
			char hint[TEXT_HINT_SIZE];
			for (size_t i = 0; conf_tiers[i]; i++) {
				text_keep_nearest(tier, conf_tiers[i], &nearest);
			}
			fprintf(stderr,
				"emisctl backtest: --limits: found \"%s\", expected ultra-low, special, local, general "
				"or own%s\n",
				tier, text_did_you_mean(nearest, hint));
			return EXIT_USAGE;
		}
		snprintf(o->tiers[n++], sizeof(o->tiers[0]), "%s", tier);
	}
	return -1;
}

static int read_column(struct backtest_options *o, const char *text)
{
	const char *equals = strchr(text, '=');
	struct csv_name *name = &o->names[o->csv.n_names];

	if (!equals || equals == text || !equals[1] || (size_t)(equals - text) >= sizeof(name->key) ||
		strlen(equals + 1) >= sizeof(name->column)) {
		return refuse_value("column", text, "KEY=NAME, a NAME of at most 63 bytes");
	}
	if (o->csv.n_names == BACKTEST_NAMES) {
		return refuse_value("column", text, "at most 16 of them");
	}
	snprintf(name->key, sizeof(name->key), "%.*s", (int)(equals - text), text);
	snprintf(name->column, sizeof(name->column), "%s", equals + 1);
	o->csv.n_names++;
	return -1;
}

/* Reads KEY=NUMBER as one more element of `constants`. Returns an exit status, or -1 to go on. */
static int read_constant(const char *option, const char *text, struct backtest_constant *constants, size_t *n)
{
	const char *equals = strchr(text, '=');
	struct backtest_constant *constant = &constants[*n];

	if (*n == BACKTEST_NAMES) {
		return refuse_value(option, text, "at most 16 of them");
	}
	if (!equals || equals == text || (size_t)(equals - text) >= sizeof(constant->factor) ||
		!num_parse_double(equals + 1, &constant->value)) {
		return refuse_value(option, text, "KEY=NUMBER");
	}
	snprintf(constant->factor, sizeof(constant->factor), "%.*s", (int)(equals - text), text);
	(*n)++;
	return -1;
}

/* Reads one of two words; *ret_place is 0 for the first, 1 for the second. Returns an exit status, or -1 to go on. */
static int read_choice(const char *option, const char *text, const char *first, const char *second, int *ret_place)
{
	if (strcmp(text, first) == 0 || strcmp(text, second) == 0) {
		*ret_place = strcmp(text, second) == 0;
		return -1;
	}
	char expected[64];
	snprintf(expected, sizeof(expected), "%s or %s", first, second);
	return refuse_value(option, text, expected);
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
			: refuse_value("hysteresis", optarg, "a share from 0 to 0.5");
	default:
		fputs("Try 'emisctl backtest --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

/* Returns an exit status, or -1 to go on. */
static int read_option(struct backtest_options *o, int option)
{
	int place = 0, status;

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
		return time_parse(optarg, CHINA_OFFSET_MIN, &o->built)
			? -1
			: refuse_value("built", optarg, "a date as 2015-03-01");
	case 'c':
		return read_column(o, optarg);
	case 'e':
		return read_constant("set", optarg, o->constants, &o->n_constants);
	case 'L':
		return read_constant("least", optarg, o->least, &o->n_least);
	case 't':
		o->csv.has_start = time_parse(optarg, o->csv.offset_min, &o->csv.start);
		return o->csv.has_start ? -1 : refuse_value("start", optarg, "a moment as 2011-01-01T00:00:00+08:00");
	case 'i':
		return time_parse_duration(optarg, &o->csv.interval_ms) && o->csv.interval_ms >= SECOND_MS
			? -1
			: refuse_value("interval", optarg, "a duration as 5s, 1min, 1h");
	case 'E':
		status = read_choice("stamp", optarg, "start", "end", &place);
		o->csv.stamp_is_end = place == 1;
		return status;
	case 'z':
		return time_parse_zone(optarg, &o->csv.offset_min)
			? -1
			: refuse_value("timezone", optarg, "+08:00, UTC or Asia/Shanghai");
	case 'm':
		o->has_means = period_from_name(optarg, &o->means);
		return o->has_means ? -1 : refuse_value("means", optarg, "minute, hour, day or month");
	case 'j':
		o->json = true;
		return -1;
	case 'S':
		o->catalogue = optarg;
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
		{ "least", required_argument, NULL, 'L' }, { "stamp", required_argument, NULL, 'E' },
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
		fputs("emisctl backtest: --start needs --interval\n", stderr);
		return EXIT_USAGE;
	}
	o->csv.path = argv[optind];
	o->csv.names = o->names;
	return -1;
}
