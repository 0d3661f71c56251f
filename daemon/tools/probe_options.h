/* probe_options.h - what emisd --probe shall look at. For probe*.c only. */
#ifndef EMIS_DAEMON_TOOLS_PROBE_OPTIONS_H
#define EMIS_DAEMON_TOOLS_PROBE_OPTIONS_H

#include <stdint.h>

#include "daemon/conf/link_conf.h"

enum probe_exit { PROBE_DONE = 0, PROBE_REFUSED = 1, PROBE_USAGE = 2 };
enum probe_mode { PROBE_NOTHING, PROBE_SCAN, PROBE_READ, PROBE_PAIR, PROBE_PROFILE };

struct probe_options {
	enum probe_mode mode;
	struct link_conf conf;
	const char *share;
	int64_t unit;
	int64_t function;
	int64_t address;
	int64_t count;
	int64_t first_unit;
	int64_t last_unit;
	double low; /* NAN: nothing is marked */
	double high;
	const char *profile;
};

/* Sets what is given. Returns an exit status, after a sentence, or -1 to go on. */
int probe_read_options(struct probe_options *options, int argc, char **argv);

#endif
