/* probe_options.h - the options of emisd --probe. For probe*.c only. */
#ifndef EMIS_DAEMON_TOOLS_PROBE_OPTIONS_H
#define EMIS_DAEMON_TOOLS_PROBE_OPTIONS_H

#include <stdint.h>

#include "daemon/conf/link_conf.h"

enum probe_exit { PROBE_DONE = 0, PROBE_REFUSED = 1, PROBE_USAGE = 2 };
enum probe_mode { PROBE_NOTHING, PROBE_SCAN, PROBE_READ, PROBE_PAIR, PROBE_PROFILE };

struct probe_options {
	enum probe_mode mode;
	struct link_conf conf;
	const char *catalogue; /* the folder of profiles.d and factors.conf */
	int64_t unit;
	int64_t function;
	int64_t address;
	int64_t count;
	int64_t first_unit;
	int64_t last_unit;
	double low; /* values from low to high are printed with *; NAN: none */
	double high;
	const char *profile;
};

/* Sets the options that are given; the caller has set the defaults. Returns an exit status after a message or the help
 * text, or -1 to go on. Texts point into argv. */
int probe_read_options(struct probe_options *options, int argc, char **argv);

#endif
