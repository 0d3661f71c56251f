/* window.h - which committed rows of the outbox are on their way to the broker, which ones are to be read next, and
 * which acknowledgements the store does not know yet. Pure: no store, no broker, no clock. Main loop only.
 *
 * Two facts are kept, each by a state machine of its own (tables in window.c): how far the pending rows were read for
 * this connection (enum window_state), and whether the store knows all acknowledgements (enum window_record). They are
 * independent: a connection may end while acknowledgements are still to be recorded, and recording may fail in any
 * state of the connection. */
#ifndef EMIS_DAEMON_MQTT_WINDOW_H
#define EMIS_DAEMON_MQTT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_MOST 100 /* rows in flight, and acknowledgements that wait to be recorded */
#define WINDOW_TOPIC_SIZE 160

struct window;

enum window_state {
	WINDOW_CLOSED,  /* no connection: no row goes */
	WINDOW_NEW,     /* rows committed since the connection was made go */
	WINDOW_OLD,     /* all new rows were read: older ones go */
	WINDOW_IDLE,    /* all pending rows were read */
	WINDOW_DRAINING /* rows that were read before are pending again: reading starts over when no row is in flight */
};

enum window_record {
	WINDOW_RECORD_NONE,  /* the store knows all acknowledgements */
	WINDOW_RECORD_DUE,   /* some are to be recorded */
	WINDOW_RECORD_FORGOT /* more came than fit while the store failed: those rows go to the broker once more */
};

/* A row in flight. */
struct window_flight {
	int64_t id;
	char topic[WINDOW_TOPIC_SIZE];
};

/* Rows to read from the store: after < id < before, at most so many, by id. */
struct window_range {
	int64_t after;
	int64_t before;
	size_t most;
};

/* NULL when out of memory. */
struct window *window_create(void);
void window_destroy(struct window *window);

enum window_state window_get_state(const struct window *window);

/* ---- events of the connection and the store ---- */

/* A connection was made; rows with ids from new_from on are new and go first. */
void window_open(struct window *window, int64_t new_from);
/* The connection ended: no row is in flight any more, all of those are pending. */
void window_close(struct window *window);
/* New rows may have been committed. */
void window_rows_committed(struct window *window);
/* Rows that were read before, or passed over, are pending and are to be sent now. */
void window_rows_pending_again(struct window *window);
/* Rows are pending again and no row is in flight any more: reading may start over. */
bool window_is_drained(const struct window *window);
/* Starts over when window_is_drained(). Record acknowledgements before: their rows would be read again. */
void window_start_over(struct window *window);

/* ---- reading and sending ---- */

/* The rows to read next, when at most `size` rows may be in flight. False when none is to be read now. */
bool window_next_range(const struct window *window, size_t size, struct window_range *ret_range);
/* The store had no row in that range. */
void window_range_empty(struct window *window);
/* The row was dealt with: it was sent, parked or passed over, and is not read again before reading starts over. */
void window_advance(struct window *window, int64_t id);
/* The row stays pending although it was dealt with. */
void window_pass_over(struct window *window);
/* The row was handed to the broker. Only while window_in_flight() < WINDOW_MOST. */
void window_add_flight(struct window *window, int64_t id, const char *topic);
/* The broker answered for the row. False when the row was not in flight. */
bool window_end_flight(struct window *window, int64_t id, struct window_flight *ret_flight);
size_t window_in_flight(const struct window *window);
/* The id of a row in flight, 0 without one. */
int64_t window_first_in_flight(const struct window *window);
/* All pending rows were read and acknowledged; none was passed over. */
bool window_is_clear(const struct window *window);

/* ---- acknowledgements that the store does not know yet ---- */

enum window_record window_get_record(const struct window *window);
/* Keeps the id of an acknowledged row. Returns how many are kept: 1 says start a timer, WINDOW_MOST says record now. */
size_t window_acknowledge(struct window *window, int64_t id);
/* Those to record; *ret_ids lives until the next call of another function of the window. */
size_t window_unrecorded(const struct window *window, const int64_t **ret_ids);
/* The store recorded them. */
void window_recorded(struct window *window);
/* The store failed; they are kept, or forgotten when there is no room for one more. */
void window_record_failed(struct window *window);

#endif
