/* backtest_internal.h - the state of one run of emisctl backtest; for backtest.c and backtest_print.c only. */
#ifndef EMIS_DAEMON_TOOLS_BACKTEST_INTERNAL_H
#define EMIS_DAEMON_TOOLS_BACKTEST_INTERNAL_H

#include "daemon/conf/site.h"
#include "daemon/tools/backtest_options.h"

/* The results of one limit. */
struct tally {
	unsigned judged; /* periods that were judged */
	unsigned over;   /* periods that exceeded the limit */
	unsigned alarms; /* alarms that were raised */
};

struct backtest {
	struct backtest_options options;
	struct site *site;
	struct outlet outlet;
	struct point points[OUTLET_POINTS]; /* of the outlet */
	struct pipeline *pipeline;
	struct csv *csv;
	struct tally tallies[OUTLET_POINTS][POINT_LIMITS];
	unsigned warnings;       /* raised, of all rules by limit but the period's mean */
	unsigned conditions;     /* raised */
	size_t used;             /* rows that held a value or a flag */
	struct utc first;        /* start of the first row */
	struct utc end;          /* end of the last row */
	struct utc filed_until;  /* end of the last base period (a minute of gas) in which the last row was filed */
	struct utc judged_until; /* end of the last closed period; later than filed_until if the file ends within it */
	bool past_end;           /* events that come now are later than the end of the file */
};

/* For struct pipeline_sink; the context is the struct backtest. */
void backtest_take_mean(void *context, const struct mean_record *record);
void backtest_take_event(void *context, const struct event *event);

/* Prints, for each limit that allows hours beyond it, how many hours of the month were beyond it. `whole` is true when
 * the month is over, false for the month in which the file ends. */
void backtest_print_budgets(const struct backtest *b, struct utc month, bool whole);
void backtest_print_summary(const struct backtest *b);
void backtest_print_file(const struct backtest *b);

#endif
