#include "daemon/tools/probe_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/num.h"
#include "common/text.h"
#include "daemon/conf/site.h"

static const char usage[] =
	"Usage: emisctl probe LINK WHAT [OPTION]...\n\n"
	"Looks at an instrument; only reads, and needs no running emisd.\n\n"
	"LINK is one of\n"
	"  --tcp HOST[:PORT]      Modbus TCP (port 502)\n"
	"  --rtu DEVICE           a serial port; --baud N (9600), --parity none|even|odd, --stop-bits 1|2\n"
	"  --rtu-tcp HOST:PORT    RTU frames through a serial server or DTU\n\n"
	"WHAT is one of\n"
	"  --scan [FIRST-LAST]    which units answer (1-247)\n"
	"  --read ADDRESS[+N]     N registers (1 to 125, default 1) from the wire address\n"
	"  --pair ADDRESS         two registers under all types and word orders; --factor KEY or\n"
	"                         --range LOW..HIGH marks what is plausible with *\n"
	"  --profile NAME[/VARIANT]  through a profile: channel, registers, value, flag\n\n"
	"Options\n"
	"  --unit N               unit id (1)\n"
	"  --function F           1 to 4 (3)\n"
	"  --timeout S            seconds for an answer (1; when scanning 0.3)\n"
	"  --share DIR            where profiles.d and factors.conf lie\n"
	"  --shared               go on although the running emisd uses the same TCP endpoint\n\n"
	"Exit status: 0 an answer came, 1 none did or the port is in use, 2 wrong usage.\n";

/* The usual range of a plant's values, by unit. Used only to point out plausible values; not a limit. */
static const struct {
	const char *unit;
	double low;
	double high;
} plausible[] = { { "mg/m3", 0.01, 5000.0 }, { "mg/L", 0.001, 5000.0 }, { "%", 0.1, 100.0 }, { "pH", 1.0, 14.0 },
	{ "degC", -40.0, 1500.0 }, { "kPa", -50.0, 200.0 }, { "m/s", 0.05, 60.0 }, { "L/s", 0.01, 20000.0 } };

/* Prints which value was wrong. Returns false. */
static bool refuse_value(const char *option, const char *found, const char *expected)
{
	fprintf(stderr, "emisctl probe: %s: found \"%s\", expected %s\n", option, found, expected);
	return false;
}

/* Reads "HOST:PORT" or "[::1]:502"; without `port_needed` the port may be missing and is 502. */
static bool parse_host(struct link_conf *conf, const char *text, const char *option, bool port_needed)
{
	const char *colon = strrchr(text, ':'), *end = colon;
	int64_t port = 502;

	if (text[0] == '[') {
		end = strchr(text, ']');
		colon = end && end[1] == ':' ? end + 1 : NULL;
		text++;
	} else if (colon && strchr(text, ':') != colon) {
		end = colon = NULL; /* an IPv6 address without a port */
	}
	if ((!colon && port_needed) || (colon && !num_parse_int(colon + 1, 1, 65535, &port))) {
		return refuse_value(option, text, port_needed ? "HOST:PORT" : "HOST or HOST:PORT");
	}
	snprintf(conf->host, sizeof(conf->host), "%.*s", end ? (int)(end - text) : (int)strlen(text), text);
	conf->port = (int)port;
	return true;
}

/* Reads a wire address (0 to 65535), decimal or hexadecimal with 0x. */
static bool parse_address(const char *text, size_t length, int64_t *ret_address)
{
	char part[16], *end;

	if (length == 0 || length >= sizeof(part)) {
		return false;
	}
	snprintf(part, sizeof(part), "%.*s", (int)length, text);
	errno = 0;
	long address = strtol(part, &end, 0);
	*ret_address = address;
	return errno == 0 && *end == '\0' && address >= 0 && address <= 65535;
}

static bool parse_range(const char *text, double *low, double *high)
{
	char first[32];
	const char *dots = strstr(text, "..");

	if (!dots || (size_t)(dots - text) >= sizeof(first)) {
		return false;
	}
	snprintf(first, sizeof(first), "%.*s", (int)(dots - text), text);
	return num_parse_double(first, low) && num_parse_double(dots + 2, high) && *low <= *high;
}

/* Sets the plausible range by the unit of the factor. */
static bool set_factor(struct probe_options *p, const char *key)
{
	struct conf_errors errors = { 0 };
	struct site *site = site_load_factors(p->catalogue, &errors);
	const struct factor *factor = site ? site_factor(site, key) : NULL;

	for (size_t i = 0; factor && i < ARRAY_SIZE(plausible); i++) {
		if (strcmp(plausible[i].unit, factor->unit) == 0) {
			p->low = plausible[i].low;
			p->high = plausible[i].high;
		}
	}
	conf_errors_finish(&errors);
	site_free(site);
	return factor ? true : refuse_value("--factor", key, "a key of factors.conf");
}

static bool set_mode(struct probe_options *p, enum probe_mode mode)
{
	if (p->mode != PROBE_NOTHING) {
		fputs("emisctl probe: only one of --scan, --read, --pair and --profile at a time\n", stderr);
		return false;
	}
	p->mode = mode;
	return true;
}

static bool parse_read(struct probe_options *p, const char *text)
{
	const char *plus = strchr(text, '+');

	if (!parse_address(text, plus ? (size_t)(plus - text) : strlen(text), &p->address) ||
		(plus && !num_parse_int(plus + 1, 1, REQUEST_REGISTERS, &p->count)) || p->address + p->count > 65536) {
		return refuse_value("--read", text, "ADDRESS or ADDRESS+N with N from 1 to 125, such as 0x000A+12");
	}
	return set_mode(p, PROBE_READ);
}

static bool parse_units(struct probe_options *p, const char *text)
{
	const char *dash = strchr(text, '-');
	char first[8] = "";

	if (dash) {
		snprintf(first, sizeof(first), "%.*s", (int)(dash - text), text);
	}
	if (!dash || !num_parse_int(first, 0, 255, &p->first_unit) ||
		!num_parse_int(dash + 1, p->first_unit, 255, &p->last_unit)) {
		return refuse_value("--scan", text, "FIRST-LAST, such as 1-32");
	}
	return true;
}

static bool set_parity(struct link_conf *conf, const char *text)
{
	static const char *const names[] = { "none", "even", "odd" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			conf->parity = "NEO"[i];
			return true;
		}
	}
	return refuse_value("--parity", text, "none, even or odd");
}

static bool set_timeout(struct probe_options *p, const char *text)
{
	double seconds;

	if (!num_parse_double(text, &seconds) || seconds < 0.02 || seconds > 10.0) {
		return refuse_value("--timeout", text, "seconds from 0.02 to 10");
	}
	p->conf.timeout_ms = (int64_t)(seconds * 1000.0);
	return true;
}

static bool set_integer(const char *option, const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char expected[48];

	snprintf(expected, sizeof(expected), "an integer from %lld to %lld", (long long)min, (long long)max);
	return num_parse_int(text, min, max, ret) || refuse_value(option, text, expected);
}

static bool read_link_option(struct probe_options *p, int option, int64_t *baud, int64_t *stop_bits)
{
	switch (option) {
	case 't':
		p->conf.type = LINK_TCP;
		return parse_host(&p->conf, optarg, "--tcp", false);
	case 'T':
		p->conf.type = LINK_RTU_TCP;
		return parse_host(&p->conf, optarg, "--rtu-tcp", true);
	case 'r':
		p->conf.type = LINK_RTU;
		return text_copy(p->conf.device, sizeof(p->conf.device), optarg);
	case 'b':
		return set_integer("--baud", optarg, 1200, 115200, baud);
	case 'y':
		return set_parity(&p->conf, optarg);
	default:
		return set_integer("--stop-bits", optarg, 1, 2, stop_bits);
	}
}

static bool read_option(struct probe_options *p, int option)
{
	switch (option) {
	case 's':
		return set_mode(p, PROBE_SCAN) && (!optarg || parse_units(p, optarg));
	case 'R':
		return parse_read(p, optarg);
	case 'P':
		p->count = 2;
		if (!parse_address(optarg, strlen(optarg), &p->address) || p->address > 65534) {
			return refuse_value("--pair", optarg, "an address from 0 to 65534");
		}
		return set_mode(p, PROBE_PAIR);
	case 'p':
		p->profile = optarg;
		return set_mode(p, PROBE_PROFILE);
	case 'u':
		return set_integer("--unit", optarg, 0, 255, &p->unit);
	case 'f':
		return set_integer("--function", optarg, 1, 4, &p->function);
	case 'w':
		return set_timeout(p, optarg);
	case 'g':
		return parse_range(optarg, &p->low, &p->high) || refuse_value("--range", optarg, "LOW..HIGH");
	case 'S': /* --shared is for emisctl; --share and --factor are read in probe_read_options() */
	case 'd':
	case 'k':
		return true;
	default:
		return false;
	}
}

static const struct option longs[] = { { "tcp", required_argument, NULL, 't' },
	{ "rtu-tcp", required_argument, NULL, 'T' }, { "rtu", required_argument, NULL, 'r' },
	{ "baud", required_argument, NULL, 'b' }, { "parity", required_argument, NULL, 'y' },
	{ "stop-bits", required_argument, NULL, 'z' }, { "scan", optional_argument, NULL, 's' },
	{ "read", required_argument, NULL, 'R' }, { "pair", required_argument, NULL, 'P' },
	{ "profile", required_argument, NULL, 'p' }, { "unit", required_argument, NULL, 'u' },
	{ "function", required_argument, NULL, 'f' }, { "timeout", required_argument, NULL, 'w' },
	{ "range", required_argument, NULL, 'g' }, { "factor", required_argument, NULL, 'k' },
	{ "share", required_argument, NULL, 'd' }, { "shared", no_argument, NULL, 'S' },
	{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

int probe_read_options(struct probe_options *p, int argc, char **argv)
{
	int64_t baud = 9600, stop_bits = 1;
	const char *factor = NULL;
	int option;
	bool linked = false, good = true;

	while (good && (option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return PROBE_DONE;
		}
		bool link_option = option && strchr("tTrbyz", option);
		linked |= option == 't' || option == 'T' || option == 'r';
		p->catalogue = option == 'd' ? optarg : p->catalogue;
		factor = option == 'k' ? optarg : factor;
		good = link_option ? read_link_option(p, option, &baud, &stop_bits) : read_option(p, option);
	}
	if (good && optind < argc && p->mode == PROBE_SCAN && argv[optind][0] != '-') {
		good = parse_units(p, argv[optind++]); /* --scan 1-32 as well as --scan=1-32 */
	}
	if (good && (!linked || p->mode == PROBE_NOTHING || optind < argc)) {
		fputs("emisctl probe: expected one link (--tcp, --rtu, --rtu-tcp) and one action (--scan, --read, "
		      "--pair, --profile); see 'emisctl probe --help'\n",
			stderr);
		good = false;
	}
	p->conf.baud = (int)baud;
	p->conf.stop_bits = (int)stop_bits;
	if (good && factor) {
		good = set_factor(p, factor);
	}
	return good ? -1 : PROBE_USAGE;
}
