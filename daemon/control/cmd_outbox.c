/* cmd_outbox.c - emisctl outbox and release: the messages that the broker refused. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "daemon/base/json_text.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"
#include "daemon/store/audit.h"
#include "daemon/store/outbox.h"

#define MAX_ROWS 1000

json_t *cmd_outbox_table(struct daemon *d)
{
	static const struct reply_column columns[] = { { "broker", "text" }, { "state", "text" },
		{ "pending", "integer" }, { "sent", "integer" }, { "parked", "integer" }, { "oldest", "seconds" },
		{ "error", "text" } };
	json_t *table = reply_table("outbox", columns, ARRAY_SIZE(columns));
	struct outbox_status s;

	outbox_get_status(d->outbox, &s);
	double oldest = (double)(clock_utc(&d->clock).ms - s.counts.oldest_pending.ms) / 1000.0;
	reply_add_row(table,
		json_pack("[s, s, I, I, I, o, o]", s.broker, s.state, (json_int_t)s.counts.pending,
			(json_int_t)s.counts.sent, (json_int_t)s.counts.parked,
			reply_number(s.counts.pending > 0 ? oldest : NAN), json_text(s.error)));
	return table;
}

struct rows {
	struct daemon *daemon;
	json_t *table;
};

static void add_parked_row(void *context, const struct store_parked *p)
{
	struct rows *rows = context;

	reply_add_row(rows->table,
		json_pack("[s, I, o, I, o, o, o]", p->stream, (json_int_t)p->seq, json_text(p->topic),
			(json_int_t)p->size, reply_moment(rows->daemon, p->created),
			p->waits ? json_null() : reply_moment(rows->daemon, p->parked), json_text(p->reason)));
}

json_t *cmd_outbox(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct reply_column columns[] = { { "stream", "text" }, { "number", "integer" },
		{ "topic", "text" }, { "bytes", "integer" }, { "created", "time" }, { "parked", "time" },
		{ "reason", "text" } };
	struct rows rows = { d, reply_table("parked", columns, ARRAY_SIZE(columns)) };

	(void)request;
	if (store_outbox_parked(d->store, MAX_ROWS, add_parked_row, &rows) < 0) {
		snprintf(error, size, "%s", store_error(d->store));
		json_decref(rows.table);
		return NULL;
	}
	return json_pack("[o, o]", cmd_outbox_table(d), rows.table);
}

json_t *cmd_release(struct daemon *d, const json_t *request, char *error, size_t size)
{
	const char *who = json_string_value(json_object_get(request, "who"));
	char released[32];
	int64_t n = store_outbox_release(d->store);

	snprintf(released, sizeof(released), "%lld messages", (long long)n);
	if (n < 0 || store_audit(d->store, who ? who : "", "release parked messages", "", released) < 0) {
		snprintf(error, size, "%s", store_error(d->store));
		return NULL;
	}
	if (n > 0) {
		outbox_send_again(d->outbox);
	}
	return json_array();
}
