#include "daemon/mqtt/window.h"

#include <assert.h>
#include <stdlib.h>

#include "common/text.h"

/* ---- the tables; docs/architecture.md shows the same ---- */

enum event {
	OPENED,        /* a connection was made */
	LOST,          /* the connection ended */
	COMMITTED,     /* new rows may have been committed */
	PENDING_AGAIN, /* rows that were read before are pending */
	DRAINED,       /* no row is in flight */
	EMPTY,         /* the store has no further row of the range that was read */
	EVENTS
};

enum action {
	NOTHING,
	START,  /* reading starts over, from the first pending row */
	FORGET, /* what was in flight is pending */
};

#define STATES (WINDOW_DRAINING + 1)

struct rule {
	enum window_state next;
	enum action action;
};

/* clang-format off */
static const struct rule rules[STATES][EVENTS] = {
	[WINDOW_CLOSED] = {
		[OPENED]        = { WINDOW_NEW,      START },
		[LOST]          = { WINDOW_CLOSED,   NOTHING },
		[COMMITTED]     = { WINDOW_CLOSED,   NOTHING }, /* read when a connection is made */
		[PENDING_AGAIN] = { WINDOW_CLOSED,   NOTHING }, /* likewise */
		[DRAINED]       = { WINDOW_CLOSED,   NOTHING },
		[EMPTY]         = { WINDOW_CLOSED,   NOTHING },
	},
	[WINDOW_NEW] = {
		[OPENED]        = { WINDOW_NEW,      START },
		[LOST]          = { WINDOW_CLOSED,   FORGET },
		[COMMITTED]     = { WINDOW_NEW,      NOTHING },
		[PENDING_AGAIN] = { WINDOW_DRAINING, NOTHING },
		[DRAINED]       = { WINDOW_NEW,      NOTHING },
		[EMPTY]         = { WINDOW_OLD,      NOTHING },
	},
	[WINDOW_OLD] = {
		[OPENED]        = { WINDOW_NEW,      START },
		[LOST]          = { WINDOW_CLOSED,   FORGET },
		[COMMITTED]     = { WINDOW_NEW,      NOTHING }, /* new before old */
		[PENDING_AGAIN] = { WINDOW_DRAINING, NOTHING },
		[DRAINED]       = { WINDOW_OLD,      NOTHING },
		[EMPTY]         = { WINDOW_IDLE,     NOTHING },
	},
	[WINDOW_IDLE] = {
		[OPENED]        = { WINDOW_NEW,      START },
		[LOST]          = { WINDOW_CLOSED,   FORGET },
		[COMMITTED]     = { WINDOW_NEW,      NOTHING },
		[PENDING_AGAIN] = { WINDOW_DRAINING, NOTHING },
		[DRAINED]       = { WINDOW_IDLE,     NOTHING },
		[EMPTY]         = { WINDOW_IDLE,     NOTHING },
	},
	[WINDOW_DRAINING] = {
		[OPENED]        = { WINDOW_NEW,      START },
		[LOST]          = { WINDOW_CLOSED,   FORGET },
		[COMMITTED]     = { WINDOW_DRAINING, NOTHING }, /* read when reading starts over */
		[PENDING_AGAIN] = { WINDOW_DRAINING, NOTHING },
		[DRAINED]       = { WINDOW_NEW,      START },   /* before, rows in flight would be sent twice */
		[EMPTY]         = { WINDOW_DRAINING, NOTHING },
	},
};

enum record_event {
	ACKNOWLEDGED, /* by the broker; the store does not know */
	RECORDED,     /* the store took all that were kept */
	FAILED,       /* the store did not, and more may be kept */
	FAILED_FULL,  /* the store did not, and no more fit */
	RECORD_EVENTS
};

enum record_action {
	KEEP,
	EMPTY_LIST,
	EMPTY_LIST_AND_SEND_AGAIN, /* the forgotten rows are pending: PENDING_AGAIN */
};

#define RECORD_STATES (WINDOW_RECORD_FORGOT + 1)

struct record_rule {
	enum window_record next;
	enum record_action action;
};

static const struct record_rule record_rules[RECORD_STATES][RECORD_EVENTS] = {
	[WINDOW_RECORD_NONE] = {
		[ACKNOWLEDGED] = { WINDOW_RECORD_DUE,    KEEP },
		[RECORDED]     = { WINDOW_RECORD_NONE,   KEEP },
		[FAILED]       = { WINDOW_RECORD_NONE,   KEEP },
		[FAILED_FULL]  = { WINDOW_RECORD_NONE,   KEEP },
	},
	[WINDOW_RECORD_DUE] = {
		[ACKNOWLEDGED] = { WINDOW_RECORD_DUE,    KEEP },
		[RECORDED]     = { WINDOW_RECORD_NONE,   EMPTY_LIST },
		[FAILED]       = { WINDOW_RECORD_DUE,    KEEP },
		[FAILED_FULL]  = { WINDOW_RECORD_FORGOT, EMPTY_LIST },
	},
	[WINDOW_RECORD_FORGOT] = {
		[ACKNOWLEDGED] = { WINDOW_RECORD_FORGOT, KEEP },
		[RECORDED]     = { WINDOW_RECORD_NONE,   EMPTY_LIST_AND_SEND_AGAIN },
		[FAILED]       = { WINDOW_RECORD_FORGOT, KEEP },
		[FAILED_FULL]  = { WINDOW_RECORD_FORGOT, EMPTY_LIST },
	},
};
/* clang-format on */

struct window {
	enum window_state state;
	int64_t new_from; /* ids from here on are new to this connection */
	int64_t last_new; /* highest id read of the new rows */
	int64_t last_old; /* and of the older ones */
	size_t n_passed_over;
	struct window_flight flights[WINDOW_MOST];
	size_t n_flights;

	enum window_record record;
	int64_t unrecorded[WINDOW_MOST];
	size_t n_unrecorded;
};

static void handle(struct window *w, enum event event)
{
	const struct rule *rule = &rules[w->state][event];

	w->state = rule->next;
	switch (rule->action) {
	case NOTHING:
		return;
	case START:
		w->last_new = w->new_from - 1;
		w->last_old = 0;
		w->n_passed_over = 0;
		return;
	case FORGET:
		w->n_flights = 0;
		return;
	}
}

static void handle_record(struct window *w, enum record_event event)
{
	const struct record_rule *rule = &record_rules[w->record][event];

	w->record = rule->next;
	switch (rule->action) {
	case KEEP:
		return;
	case EMPTY_LIST:
		w->n_unrecorded = 0;
		return;
	case EMPTY_LIST_AND_SEND_AGAIN:
		w->n_unrecorded = 0;
		handle(w, PENDING_AGAIN);
		return;
	}
}

struct window *window_create(void)
{
	return calloc(1, sizeof(struct window));
}

void window_destroy(struct window *window)
{
	free(window);
}

enum window_state window_get_state(const struct window *w)
{
	return w->state;
}

/* ---- events of the connection and the store ---- */

void window_open(struct window *w, int64_t new_from)
{
	w->new_from = new_from;
	handle(w, OPENED);
}

void window_close(struct window *w)
{
	handle(w, LOST);
}

void window_rows_committed(struct window *w)
{
	handle(w, COMMITTED);
}

void window_rows_pending_again(struct window *w)
{
	handle(w, PENDING_AGAIN);
}

bool window_is_drained(const struct window *w)
{
	return w->state == WINDOW_DRAINING && w->n_flights == 0;
}

void window_start_over(struct window *w)
{
	if (w->n_flights == 0) {
		handle(w, DRAINED);
	}
}

/* ---- reading and sending ---- */

bool window_next_range(const struct window *w, size_t size, struct window_range *ret_range)
{
	if (w->n_flights >= size) {
		return false;
	}
	if (w->state == WINDOW_NEW) {
		*ret_range = (struct window_range){ w->last_new, INT64_MAX, size - w->n_flights };
		return true;
	}
	/* Older rows are read some at a time, not one for each acknowledgement. */
	if (w->state == WINDOW_OLD && w->n_flights * 2 <= size) {
		*ret_range = (struct window_range){ w->last_old, w->new_from, size - w->n_flights };
		return true;
	}
	return false;
}

void window_range_empty(struct window *w)
{
	handle(w, EMPTY);
}

void window_advance(struct window *w, int64_t id)
{
	if (id >= w->new_from) {
		w->last_new = id;
	} else {
		w->last_old = id;
	}
}

void window_pass_over(struct window *w)
{
	w->n_passed_over++;
}

void window_add_flight(struct window *w, int64_t id, const char *topic)
{
	assert(w->n_flights < WINDOW_MOST);
	struct window_flight *flight = &w->flights[w->n_flights++];
	flight->id = id;
	(void)text_copy(flight->topic, sizeof(flight->topic), topic); /* topics of the outbox are shorter */
}

bool window_end_flight(struct window *w, int64_t id, struct window_flight *ret_flight)
{
	for (size_t i = 0; i < w->n_flights; i++) {
		if (w->flights[i].id == id) {
			*ret_flight = w->flights[i];
			w->flights[i] = w->flights[--w->n_flights];
			return true;
		}
	}
	return false;
}

size_t window_in_flight(const struct window *w)
{
	return w->n_flights;
}

int64_t window_first_in_flight(const struct window *w)
{
	return w->n_flights > 0 ? w->flights[0].id : 0;
}

bool window_is_clear(const struct window *w)
{
	return w->state == WINDOW_IDLE && w->n_flights == 0 && w->n_passed_over == 0;
}

/* ---- acknowledgements that the store does not know yet ---- */

enum window_record window_get_record(const struct window *w)
{
	return w->record;
}

size_t window_acknowledge(struct window *w, int64_t id)
{
	assert(w->n_unrecorded < WINDOW_MOST);
	w->unrecorded[w->n_unrecorded++] = id;
	handle_record(w, ACKNOWLEDGED);
	return w->n_unrecorded;
}

size_t window_unrecorded(const struct window *w, const int64_t **ret_ids)
{
	*ret_ids = w->unrecorded;
	return w->n_unrecorded;
}

void window_recorded(struct window *w)
{
	handle_record(w, RECORDED);
}

void window_record_failed(struct window *w)
{
	handle_record(w, w->n_unrecorded == WINDOW_MOST ? FAILED_FULL : FAILED);
}
