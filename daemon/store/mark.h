/* mark.h - operators' marks beside the data, in the store. Errors, callbacks and thread: store.h. */
#ifndef EMIS_DAEMON_STORE_MARK_H
#define EMIS_DAEMON_STORE_MARK_H

#include <stdint.h>

#include "core/pipeline.h"
#include "daemon/store/store.h"

/* An operator's note beside the data (core/pipeline.h, struct mark). */
struct store_mark {
	int64_t id;
	char outlet[OUTLET_ID_SIZE];
	char factor[FACTOR_KEY_SIZE]; /* empty = all */
	char kind[16];
	char remark[256];
	char who[64];
	enum flag flag;
	struct utc from;
	struct utc until;
	struct utc applies; /* readings from here on get the flag; periods that were closed before stay as they are */
	struct utc at;
};

/* Stores the mark with its audit row, one transaction. mark->id is ignored. 0 or -errno. */
int store_mark_add(struct store *store, const struct store_mark *mark);

/* Calls `take` with the marks that end after `since`, oldest first. 0 or -errno. */
int store_marks(struct store *store, struct utc since, void (*take)(void *context, const struct store_mark *mark),
	void *context);

#endif
