/* delivery_internal.h - what delivery.c (events and timers) and delivery_rows.c (rows of the outbox) share. */
#ifndef EMIS_DAEMON_MQTT_DELIVERY_INTERNAL_H
#define EMIS_DAEMON_MQTT_DELIVERY_INTERNAL_H

#include "daemon/base/backoff.h"
#include "daemon/mqtt/delivery.h"
#include "daemon/mqtt/hold.h"
#include "daemon/mqtt/poison.h"
#include "daemon/mqtt/window.h"

struct delivery {
	const struct message_context *context;
	struct store *store;
	struct connection *connection;
	struct optional *optional;
	struct delivery_handler handler;
	struct window *window;
	struct hold hold;
	struct poison poison;
	struct loop_timer *soon;  /* acknowledgements are recorded, and what could not be sent is tried again */
	struct loop_timer *later; /* a pause ends: of rows that are held back, or of what may wait */
	struct backoff unrecordable;
	bool waiting_reported; /* that messages wait, to the handler */
	bool warned_no_subscriber;
};

/* In a second: no other event would restart sending. */
void delivery_retry_soon(struct delivery *delivery);
/* How many rows may be in flight. */
size_t delivery_window_size(const struct delivery *delivery);

/* ---- delivery_rows.c ---- */

/* Sends rows as far as there is room. */
void delivery_send_rows(struct delivery *delivery);
/* The broker took a row. */
void delivery_row_acknowledged(struct delivery *delivery, int64_t id, bool no_subscriber);
/* The broker refused a row, for good or for now. */
void delivery_row_refused(struct delivery *delivery, const struct window_flight *flight, int code, const char *reason);
/* The broker ended the connection once more because of a row. */
void delivery_count_refusal(struct delivery *delivery, int64_t id, const char *reason);

#endif
