/* backtest_options.h - what is to be judged, and how it is printed. */
#ifndef EMIS_DAEMON_TOOLS_BACKTEST_OPTIONS_H
#define EMIS_DAEMON_TOOLS_BACKTEST_OPTIONS_H

#include "core/pipeline.h"
#include "daemon/tools/csv.h"

#define BACKTEST_NAMES 16

/* A factor that the file does not hold and that is the same all the time. */
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
	char tiers[5][16]; /* "" ends */
	const char *share;
	struct utc built;
	int air_added;
	bool json;
	bool has_means;
	enum period means; /* the shortest period whose means are printed */
	enum conversion_order order;
	enum rounding rounding;
	double hysteresis;
};

/* Returns an exit status, or -1 to go on. */
int backtest_read_options(int argc, char **argv, struct backtest_options *o);

#endif
