/* history_read.h - the history of one point out of the store's files, beside a running emisd or without one. Only
 * reads. A read transaction covers one day of minutes, one month of hours or one hour of readings, and ends well within
 * a second: emisd cannot checkpoint its files meanwhile. Functions return 0, or -errno with a sentence in
 * query->error; what a callback gets lives until the callback returns. */
#ifndef EMIS_DAEMON_STORE_HISTORY_READ_H
#define EMIS_DAEMON_STORE_HISTORY_READ_H

#include "core/pipeline.h"
#include "daemon/store/store.h"

struct history_query {
	const char *directory;
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE];
	enum series_kind kind;
	double o2_ref; /* volume % of oxygen; -1 without one */
	enum period period;
	struct utc from;  /* inclusive */
	struct utc to;    /* exclusive */
	int offset_min;   /* local time minus UTC; periods follow local time */
	unsigned damaged; /* damaged pieces that were left out */
	char error[STORE_ERROR_SIZE];
};

/* A series that the files know. */
struct history_series {
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE];
	enum series_kind kind;
	double o2_ref; /* -1 without one */
};

/* Sets query->offset_min as state.db has it; China's when state.db does not. */
int history_read_offset(struct history_query *query);

/* Calls `take` with every series of means, or of readings when `raw` (kind and o2_ref then mean nothing). A series that
 * several files know comes several times. */
int history_read_series(struct history_query *query, bool raw,
	void (*take)(void *context, const struct history_series *series), void *context);

/* Calls `take` with the means of the query, by start. Of `mean` rule and end are not set. */
int history_read_means(struct history_query *query, void (*take)(void *context, const struct mean *mean, double amount),
	void *context);

/* Calls `take` with the readings of the query hour by hour, within an hour by their stamps. */
int history_read_raw(struct history_query *query, void (*take)(void *context, const struct reading *reading, bool late),
	void *context);

#endif
