/* delivery_rows.c - rows of the outbox: which of them are sent now, and what becomes of those the broker refuses. */
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "daemon/mqtt/delivery_internal.h"
#include "daemon/store/outbox.h"
#include "daemon/store/store.h"

/* Acknowledgements are recorded within this time: one write for many. After a kill their rows are sent again. */
#define RECORD_WITHIN_MS 200
#define MAX_REFUSALS 4 /* of a row for which the broker ends the connection; then it is parked with the reason */
#define REPORT_WAITING_AFTER_MS 60000

/* ---- rows that the broker took ---- */

static void record_later(struct delivery *d, int64_t id)
{
	size_t n = window_acknowledge(d->window, id);

	if (n == 1) {
		loop_set_timer(d->soon, RECORD_WITHIN_MS * 1000000LL);
	}
	if (n == WINDOW_MOST) {
		delivery_record(d);
	}
}

/* The broker takes messages of the topic again: those parked for want of a right to it are pending. */
static void release_topic(struct delivery *d, const char *topic)
{
	if (store_outbox_release_topic(d->store, topic) < 0) {
		log_error(
			"cannot release the parked messages of %s: %s; they stay parked", topic, store_error(d->store));
	}
}

void delivery_row_acknowledged(struct delivery *d, int64_t id, bool no_subscriber)
{
	const char *broker = connection_broker_name(d->connection);
	struct window_flight flight;

	if (!window_end_flight(d->window, id, &flight)) {
		return;
	}
	poison_count_acknowledgement(&d->poison);
	bool aside = hold_aside_reason(&d->hold, flight.topic) != NULL;
	if (hold_settle(&d->hold, id)) {
		window_rows_pending_again(d->window);
		if (aside) {
			release_topic(d, flight.topic);
		}
		if (hold_is_empty(&d->hold)) {
			log_info("broker %s: takes messages again", broker);
		}
	}
	record_later(d, id);
	if (no_subscriber && !d->warned_no_subscriber) {
		log_warning("broker %s: took message %lld, but no client is subscribed to its topic", broker,
			(long long)id);
	}
	d->warned_no_subscriber = no_subscriber;
}

/* ---- rows that the broker does not take ---- */

static void park(struct delivery *d, int64_t id, const char *reason)
{
	log_error("message %lld is parked: %s; emisctl outbox lists it", (long long)id, reason);
	if (store_outbox_park(d->store, id, clock_utc(d->context->clock), reason) < 0) {
		log_error("message %lld cannot be parked: %s", (long long)id, store_error(d->store));
		window_rows_pending_again(d->window);
	}
	d->handler.parked(d->handler.context, id, reason);
}

void delivery_count_refusal(struct delivery *d, int64_t id, const char *reason)
{
	int refusals = store_outbox_refused(d->store, id, reason);

	if (refusals < 0) {
		log_error("message %lld was refused (%s), but the store cannot count that: %s", (long long)id, reason,
			store_error(d->store));
	} else if (refusals >= MAX_REFUSALS) {
		park(d, id, reason);
	} else {
		window_rows_pending_again(d->window);
	}
}

static void report_waiting(struct delivery *d, const char *reason)
{
	d->waiting_reported = true;
	d->handler.waiting(d->handler.context, reason);
}

/* The row stays pending; its reason is for emisctl outbox. */
static void store_reason(struct delivery *d, int64_t id, const char *reason)
{
	if (store_outbox_wait(d->store, id, reason) < 0) {
		log_error("cannot store why message %lld waits: %s", (long long)id, store_error(d->store));
	}
}

void delivery_row_refused(struct delivery *d, const struct window_flight *flight, int code, const char *reason)
{
	enum refusal refusal = hold_refusal_of(code);
	int64_t now = clock_real_mono_ms();
	bool first = hold_is_empty(&d->hold);

	if (refusal == REFUSAL_FOR_GOOD) {
		if (hold_settle(&d->hold, flight->id)) {
			window_rows_pending_again(d->window);
		}
		park(d, flight->id, reason);
		return;
	}
	window_pass_over(d->window);
	bool was_aside = hold_aside_reason(&d->hold, flight->topic) != NULL;
	const struct refused refused = { flight->topic, flight->id, refusal, reason };
	if (!hold_add_refusal(&d->hold, &refused, now) || was_aside) {
		return; /* a parked row that was tried stays parked */
	}
	if (hold_aside_reason(&d->hold, flight->topic)) {
		park(d, flight->id, reason);
		window_rows_pending_again(d->window); /* the later rows of its topic are to be parked, too */
		return;
	}
	store_reason(d, flight->id, reason);
	if (first) {
		log_warning("broker %s: refused message %lld for now: %s; it and the messages behind it wait and are "
			    "tried again",
			connection_broker_name(d->connection), (long long)flight->id, reason);
	}
	if (now - d->hold.since_ms >= REPORT_WAITING_AFTER_MS) {
		report_waiting(d, reason);
	}
}

/* A message that this connection cannot take is not sent on it; the next one may take more. */
static void pass_over_large(struct delivery *d, int64_t id, size_t size)
{
	char reason[96];

	snprintf(reason, sizeof(reason), "the message has %zu bytes, the broker takes at most %zu", size,
		connection_terms(d->connection)->largest);
	window_pass_over(d->window);
	store_reason(d, id, reason);
	if (!d->waiting_reported) {
		log_warning("broker %s: message %lld waits: %s", connection_broker_name(d->connection), (long long)id,
			reason);
		report_waiting(d, reason);
	}
}

/* ---- sending ---- */

/* A broker says how many messages it takes at once (Receive Maximum). */
static bool has_room(const struct delivery *d)
{
	return window_in_flight(d->window) < delivery_window_size(d) &&
		connection_in_flight(d->connection) < connection_terms(d->connection)->at_once;
}

/* False when the library takes no more now. */
static bool publish_row(struct delivery *d, const struct outbox_row *row)
{
	switch (connection_publish(d->connection, row->id, row->topic, row->payload, false)) {
	case MQTT_HANDED:
		break;
	case MQTT_LATER:
		hold_withdraw(&d->hold, row->id);
		return false;
	case MQTT_NEVER:
		if (hold_settle(&d->hold, row->id)) {
			window_rows_pending_again(d->window);
		}
		park(d, row->id, "the topic is not UTF-8: MQTT cannot carry it");
		return true;
	}
	window_add_flight(d->window, row->id, row->topic);
	return true;
}

/* Sends the row, passes it over when it has to wait, or parks it. False when the library takes no more now. */
static bool send_row(struct delivery *d, const struct outbox_row *row)
{
	size_t size = mqtt_message_size(row->topic, row->payload);

	if (size > connection_terms(d->connection)->largest) {
		pass_over_large(d, row->id, size);
		return true;
	}
	const char *aside = hold_aside_reason(&d->hold, row->topic);
	if (aside) {
		park(d, row->id, aside);
		return true;
	}
	if (!hold_admits(&d->hold, row->topic, row->id, clock_real_mono_ms())) {
		window_pass_over(d->window);
		return true;
	}
	return publish_row(d, row);
}

/* Tries the oldest parked row of the topic. False when that cannot be done now. */
static bool try_parked_row(struct delivery *d, const char *topic)
{
	struct outbox_row row = { 0 };
	int n = store_outbox_parked_first(d->store, topic, &row);

	if (n == 0) {
		hold_forget_topic(&d->hold, topic); /* somebody released them */
		return true;
	}
	if (n < 0) {
		log_error("cannot read the outbox: %s; trying again in 1 s", store_error(d->store));
		return false;
	}
	hold_start_try(&d->hold, row.topic, row.id);
	bool sent = row.payload && publish_row(d, &row);
	free(row.payload);
	if (!sent) {
		hold_withdraw(&d->hold, row.id);
	}
	return sent;
}

/* Tries the oldest row of each topic that is set aside, although the row is parked. */
static void try_parked(struct delivery *d)
{
	const char *topic;

	while (has_room(d) && (topic = hold_due_topic(&d->hold, clock_real_mono_ms())) != NULL) {
		if (!try_parked_row(d, topic)) {
			delivery_retry_soon(d);
			return;
		}
	}
}

/* Reads one range of pending rows and sends them. False when reading or sending has to wait. */
static bool send_range(struct delivery *d, const struct window_range *range)
{
	struct outbox_row rows[WINDOW_MOST];
	bool taking = true, has_had_room = true;
	int n = store_outbox_pending(d->store, range->after, range->before, rows, range->most);

	if (n < 0) {
		log_error("cannot read the outbox: %s; trying again in 1 s", store_error(d->store));
		delivery_retry_soon(d);
		return false;
	}
	if (n == 0) { /* only then: fewer rows than asked for may also mean that memory ran out */
		window_range_empty(d->window);
		return true;
	}
	for (int i = 0; i < n; i++) {
		has_had_room = has_had_room && has_room(d);
		taking = taking && has_had_room && send_row(d, &rows[i]);
		if (taking) {
			window_advance(d->window, rows[i].id);
		}
		free(rows[i].payload);
	}
	if (!taking && has_had_room) {
		delivery_retry_soon(d);
	}
	return taking;
}

/* All rows were sent and acknowledged: none waits any more. */
static void end_waiting(struct delivery *d)
{
	if (d->waiting_reported && window_is_clear(d->window)) {
		d->waiting_reported = false;
		d->handler.waiting(d->handler.context, NULL);
	}
}

void delivery_send_rows(struct delivery *d)
{
	struct window_range range;

	if (hold_next_try_ms(&d->hold) <= clock_real_mono_ms()) {
		window_rows_pending_again(d->window); /* the oldest row that is held back is tried before newer ones */
	}
	if (window_is_drained(d->window)) {
		delivery_record(d);
		window_start_over(d->window);
	}
	if (window_get_state(d->window) == WINDOW_DRAINING) {
		return; /* wait for acknowledgements in flight: rows are read when reading starts over */
	}
	try_parked(d);
	while (has_room(d) && !hold_blocks_all(&d->hold, clock_real_mono_ms()) &&
		window_next_range(d->window, delivery_window_size(d), &range) && send_range(d, &range)) {
	}
	if (window_is_drained(d->window)) {
		delivery_retry_soon(d); /* pending again, and no acknowledgement will come */
	}
	end_waiting(d);
}
