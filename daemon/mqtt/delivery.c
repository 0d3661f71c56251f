#include "daemon/mqtt/delivery.h"

#include <stdlib.h>

#include "common/log.h"
#include "daemon/mqtt/delivery_internal.h"
#include "daemon/store/outbox.h"
#include "daemon/store/store.h"

#define RETRY_MS 1000
#define NO_RIGHT "%(reason 0x87)%" /* as mqtt_callbacks.c writes it */

void delivery_retry_soon(struct delivery *d)
{
	loop_set_timer(d->soon, RETRY_MS * 1000000LL);
}

size_t delivery_window_size(const struct delivery *d)
{
	return poison_window(&d->poison, d->context->site->mqtt.window);
}

void delivery_record(struct delivery *d)
{
	const int64_t *ids;
	size_t n = window_unrecorded(d->window, &ids);

	if (n == 0) {
		return;
	}
	if (store_outbox_done(d->store, ids, n, clock_utc(d->context->clock)) == 0) {
		window_recorded(d->window);
		backoff_reset(&d->unrecordable);
		return;
	}
	(void)backoff_next(&d->unrecordable);
	if (backoff_worth_a_line(&d->unrecordable)) {
		log_error("cannot record that %zu messages were acknowledged: %s; trying again each second; they may "
			  "be sent twice (failure %u)",
			n, store_error(d->store), d->unrecordable.failures);
	}
	window_record_failed(d->window);
	delivery_retry_soon(d);
}

/* `n` is what the store answered to a release: the number of parked messages that are pending again, or -errno. */
static void follow_release(struct delivery *d, int64_t n, const char *why)
{
	if (n < 0) {
		log_error("cannot release the parked messages: %s; they stay parked", store_error(d->store));
	} else if (n > 0) {
		log_info("%lld parked messages are tried again: %s", (long long)n, why);
		window_rows_pending_again(d->window);
	}
}

void delivery_release_parked(struct delivery *d, const char *why)
{
	follow_release(d, store_outbox_release(d->store), why);
}

/* ---- the connection ---- */

void delivery_connection_up(struct delivery *d, enum connection_news news)
{
	poison_connected(&d->poison, clock_real_mono_ms());
	delivery_record(d);
	window_open(d->window, store_outbox_newest(d->store) + 1);
	hold_reset(&d->hold);
	switch (news) {
	case CONNECTION_SAME_TERMS:
		follow_release(d, store_outbox_release_reason(d->store, NO_RIGHT),
			"a new connection may have the right to them");
		break;
	case CONNECTION_OTHER_TERMS:
		delivery_release_parked(d, "the broker announces other properties");
		break;
	case CONNECTION_NEW_BROKER:
		delivery_release_parked(d, "first connection to this broker since the start");
		break;
	}
	optional_connected(d->optional);
	delivery_send(d);
}

static void look_for_poison(struct delivery *d)
{
	const char *broker = connection_broker_name(d->connection);
	unsigned found = poison_lost(&d->poison, window_in_flight(d->window), clock_real_mono_ms());

	if (found & POISON_CULPRIT) {
		delivery_count_refusal(d, window_first_in_flight(d->window),
			"the broker ends the connection whenever this message is sent");
	}
	if (found & POISON_CAREFUL) {
		log_warning("broker %s: ended %u connections in a row with messages unacknowledged; sending messages "
			    "one by one to find the cause",
			broker, d->poison.unanswered);
	}
	if (found & POISON_QUIET) {
		log_warning("broker %s: ended %u connections in a row within 10 s; holding back states and means for "
			    "10 min",
			broker, d->poison.short_lived);
	}
}

void delivery_connection_down(struct delivery *d, bool suspicious)
{
	if (suspicious) {
		look_for_poison(d);
	}
	window_close(d->window);
	optional_lost(d->optional);
}

void delivery_acknowledged(struct delivery *d, int64_t token, bool no_subscriber)
{
	if (token == PRESENCE_TOKEN) {
		poison_prove_connection(&d->poison);
	}
	if (optional_has_token(token)) {
		optional_acknowledged(d->optional, token);
	} else {
		delivery_row_acknowledged(d, token, no_subscriber);
	}
	delivery_send(d);
}

void delivery_refused(struct delivery *d, int64_t token, int code, const char *reason)
{
	struct window_flight flight;

	if (token == PRESENCE_TOKEN) {
		poison_prove_connection(&d->poison); /* a refusal, too, shows that the connection works */
	}
	if (optional_has_token(token)) {
		optional_refused(d->optional, token, code, reason);
	} else if (window_end_flight(d->window, token, &flight)) {
		delivery_row_refused(d, &flight, code, reason);
	}
	delivery_send(d);
}

/* ---- sending ---- */

/* False when the library takes no more now. */
static bool send_optional(struct delivery *d)
{
	size_t size = delivery_window_size(d), in_flight = window_in_flight(d->window);

	if (!poison_quiet(&d->poison, clock_real_mono_ms()) &&
		!optional_send(d->optional, size > in_flight ? size - in_flight : 0)) {
		delivery_retry_soon(d);
		return false;
	}
	return true;
}

/* At the end of a pause. Every other event that restarts sending comes by itself. */
static void arm_later(struct delivery *d, bool taking)
{
	int64_t now = clock_real_mono_ms(), next = hold_next_try_ms(&d->hold);
	int64_t pause_until = optional_pause_until_ms(d->optional);
	bool quiet = poison_quiet(&d->poison, now);

	if (now < pause_until && pause_until < next) {
		next = pause_until;
	}
	if (now < d->poison.quiet_until_ms && d->poison.quiet_until_ms < next) {
		next = d->poison.quiet_until_ms;
	}
	if (taking && !quiet && now >= pause_until && connection_in_flight(d->connection) == 0 &&
		optional_has_states(d->optional)) {
		next = now; /* all states of this turn were dropped: no acknowledgement comes */
	}
	if (next != INT64_MAX) {
		loop_set_timer(d->later, (next > now ? next - now : 1) * 1000000);
	}
}

void delivery_send(struct delivery *d)
{
	if (!connection_may_send(d->connection)) {
		return;
	}
	if (!optional_send_presence(d->optional)) {
		poison_prove_connection(&d->poison); /* no harmless message fits this broker: go on without one */
	}
	delivery_send_rows(d);
	bool taking = send_optional(d);
	arm_later(d, taking);
}

void delivery_send_new(struct delivery *d)
{
	window_rows_committed(d->window);
	delivery_send(d);
}

void delivery_send_again(struct delivery *d)
{
	window_rows_pending_again(d->window);
	delivery_send_new(d);
}

static void on_soon(void *context)
{
	delivery_record(context);
	delivery_send(context);
}

static void on_later(void *context)
{
	struct delivery *d = context;

	optional_end_pause(d->optional);
	delivery_send(d);
}

/* ---- life ---- */

struct delivery *delivery_create(const struct delivery_setup *setup)
{
	struct delivery *d = calloc(1, sizeof(*d));

	if (!d) {
		return NULL;
	}
	d->context = setup->context;
	d->store = setup->store;
	d->connection = setup->connection;
	d->optional = setup->optional;
	d->handler = setup->handler;
	backoff_init(&d->unrecordable, 1, 1);
	d->window = window_create();
	d->soon = loop_add_timer(setup->loop, on_soon, d);
	d->later = loop_add_timer(setup->loop, on_later, d);
	if (!d->window || !d->soon || !d->later) {
		delivery_destroy(d);
		return NULL;
	}
	return d;
}

void delivery_destroy(struct delivery *delivery)
{
	if (delivery) {
		loop_remove_timer(delivery->soon);
		loop_remove_timer(delivery->later);
		window_destroy(delivery->window);
		free(delivery);
	}
}
