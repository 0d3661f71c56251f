/* backtest_options.h - the options of emisctl backtest: which file is judged, how, and what is printed. */
#ifndef EMIS_DAEMON_TOOLS_BACKTEST_OPTIONS_H
#define EMIS_DAEMON_TOOLS_BACKTEST_OPTIONS_H

#include "core/pipeline.h"
#include "daemon/tools/csv.h"

#define BACKTEST_NAMES 16

/* KEY=VALUE of --set (a factor that the file does not hold and that never changes) or of --least. */
struct backtest_constant {
	char factor[FACTOR_KEY_SIZE];
	double value;
};

struct backtest_options {
	struct csv_conf csv;
	struct csv_name names[BACKTEST_NAMES];
	struct backtest_constant constants[BACKTEST_NAMES];
	size_t n_constants;
	struct backtest_constant least[BACKTEST_NAMES]; /* lower values are not valid */
	size_t n_least;
	const char *sector;
	const char *also_sector;
	char tiers[5][16];     /* an empty one ends the list */
	const char *catalogue; /* the folder of factors.conf and limits.d */
	struct utc built;      /* BUILT_UNKNOWN unless given */
	int air_added;         /* 1 yes, 0 no, -1 not given */
	bool json;
	bool has_means;
	enum period means; /* the shortest period whose means are printed */
	enum conversion_order order;
	enum rounding rounding;
	double hysteresis;
};

/* Sets in `o` the options that are given; the caller has set the defaults. Returns an exit status after a message or
 * the help text, or -1 to go on. Texts point into argv. */
int backtest_read_options(int argc, char **argv, struct backtest_options *o);

#endif
