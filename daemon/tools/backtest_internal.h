/* backtest_internal.h - the inside of emisctl backtest; for backtest.c and backtest_print.c only. */
#ifndef EMIS_DAEMON_TOOLS_BACKTEST_INTERNAL_H
#define EMIS_DAEMON_TOOLS_BACKTEST_INTERNAL_H

#include "daemon/conf/site.h"
#include "daemon/tools/backtest_options.h"

/* What a limit came to. */
struct tally {
	unsigned judged; /* periods */
	unsigned over;
	unsigned alarms;
};

struct backtest {
	struct backtest_options options;
	struct site *site;
	struct outlet outlet;
	struct point points[OUTLET_POINTS]; /* of the outlet */
	struct pipeline *pipeline;
	struct csv *csv;
	struct tally tallies[OUTLET_POINTS][POINT_LIMITS];
	unsigned warnings;
	unsigned conditions;
	size_t used;             /* rows that held a value or a flag */
	struct utc first;        /* start of the first row */
	struct utc end;          /* of the last row */
	struct utc filed_until;  /* end of the last base period (a minute of gas) that it was filed under */
	struct utc judged_until; /* end of the last period that was closed: later than filed_until when that is within
				    one */
	bool at_end;             /* what comes now is behind the end of the file */
};

/* For struct pipeline_sink; the context is the struct backtest. */
void backtest_take_mean(void *context, const struct mean_record *record);
void backtest_take_event(void *context, const struct event *event);

/* The month's share of each limit that has one; `whole` when the month is over, false for the one that the file ends
 * in. */
void backtest_print_budgets(const struct backtest *b, struct utc month, bool whole);
void backtest_print_summary(const struct backtest *b);
void backtest_print_file(const struct backtest *b);

#endif
