/* outbox_flight.c - what is on its way to the broker, and what of it was acknowledged. */
#include "common/log.h"
#include "daemon/mqtt/outbox_internal.h"

#define AGAIN_MS 1000

const char *outbox_broker_name(const struct outbox *o)
{
	return o->context->site->mqtt.brokers[o->broker];
}

size_t outbox_all_in_flight(const struct outbox *o)
{
	return o->in_flight + mean_feed_in_flight(o->means) + state_feed_in_flight(o->states) + o->online_in_flight;
}

void outbox_restart_patience(struct outbox *o)
{
	if (outbox_all_in_flight(o) > 0) {
		/* A cut that says nothing is noticed within the keepalive. */
		loop_set_timer(o->patience, o->context->site->mqtt.keepalive_s * 1000000000LL);
	}
}

/* Marks what was acknowledged. */
void outbox_mark_done(struct outbox *o)
{
	if (o->n_done == 0) {
		return;
	}
	if (store_outbox_done(o->store, o->done, o->n_done, clock_utc(o->context->clock)) == 0) {
		o->n_done = 0;
		o->again |= o->unmarked;
		o->unmarked = false;
		backoff_reset(&o->unmarkable);
		return;
	}
	(void)backoff_next(&o->unmarkable);
	if (backoff_worth_a_line(&o->unmarkable)) {
		log_error("%zu messages were acknowledged, but cannot be marked: %s; they may go twice (failure %u)",
			o->n_done, store_error(o->store), o->unmarkable.failures);
	}
	loop_set_timer(o->marking, AGAIN_MS * 1000000LL); /* no other event would restart sending */
	if (o->n_done == MAX_WINDOW) {
		o->unmarked = true;
		o->n_done = 0;
	}
}
