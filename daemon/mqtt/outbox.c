#include "daemon/mqtt/outbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "daemon/mqtt/connection.h"
#include "daemon/mqtt/delivery.h"
#include "daemon/mqtt/optional.h"
#include "daemon/mqtt/resend.h"
#include "daemon/store/outbox.h"
#include "daemon/store/store.h"

struct outbox {
	struct store *store;
	struct outbox_handler handler;
	struct presence presence;
	struct resend resend;
	struct connection *connection;
	struct optional *optional;
	struct delivery *delivery;
};

/* ---- events of the connection ---- */

static void on_up(void *context, enum connection_news news)
{
	struct outbox *o = context;

	delivery_connection_up(o->delivery, news);
}

static void on_down(void *context, bool suspicious)
{
	struct outbox *o = context;

	delivery_connection_down(o->delivery, suspicious);
}

static void on_acknowledged(void *context, int64_t token, bool no_subscriber)
{
	struct outbox *o = context;

	delivery_acknowledged(o->delivery, token, no_subscriber);
}

static void on_refused(void *context, int64_t token, int code, const char *reason)
{
	struct outbox *o = context;

	delivery_refused(o->delivery, token, code, reason);
}

static void on_requested(void *context, const struct mqtt_request *request)
{
	struct outbox *o = context;

	delivery_record(o->delivery); /* afterwards, rows that are asked for again would be recorded as acknowledged */
	struct resend_answer answer = resend_handle_request(&o->resend, request, clock_real_mono_ms());
	size_t largest = connection_terms(o->connection)->largest;

	if (answer.payload && mqtt_message_size(answer.topic, answer.payload) + request->n_correlation + 8 <= largest) {
		/* The bureau asks again for a reply that is lost. */
		(void)connection_reply(o->connection, request, answer.topic, answer.payload);
	}
	free(answer.payload);
	if (answer.again > 0) {
		log_info("the bureau asked for %lld messages again; sending them", (long long)answer.again);
		outbox_send_again(o);
	}
}

static void on_rival(void *context, const char *words)
{
	struct outbox *o = context;

	o->handler.rival(o->handler.context, words);
}

static void on_day_passed(void *context)
{
	struct outbox *o = context;

	delivery_release_parked(o->delivery, "a day has passed");
	delivery_send_new(o->delivery);
}

/* ---- life ---- */

static struct optional *create_optional(struct outbox *o, const struct outbox_setup *setup)
{
	const struct optional_setup parts = { .context = setup->context,
		.store = setup->store,
		.connection = o->connection,
		.presence = &o->presence,
		.source = { setup->handler.state, setup->handler.context, setup->handler.n_states } };

	return optional_create(&parts);
}

static struct delivery *create_delivery(struct outbox *o, const struct outbox_setup *setup)
{
	const struct delivery_setup parts = { .context = setup->context,
		.store = setup->store,
		.loop = setup->loop,
		.connection = o->connection,
		.optional = o->optional,
		.handler = { setup->handler.parked, setup->handler.waiting, setup->handler.context } };

	return delivery_create(&parts);
}

struct outbox *outbox_create(const struct outbox_setup *setup, char *error, size_t size)
{
	struct outbox *o = calloc(1, sizeof(*o));
	const struct connection_setup connection = { .site = setup->context->site,
		.presence = o ? &o->presence : NULL,
		.loop = setup->loop,
		.handler = { on_up, on_down, on_acknowledged, on_refused, on_requested, on_rival, on_day_passed, o } };

	snprintf(error, size, "out of memory");
	if (!o) {
		return NULL;
	}
	o->store = setup->store;
	o->handler = setup->handler;
	presence_init(&o->presence, setup->context, setup->store);
	resend_init(&o->resend, setup->context, setup->store);
	o->connection = connection_create(&connection, error, size); /* its events come out of the main loop */
	o->optional = o->connection ? create_optional(o, setup) : NULL;
	o->delivery = o->optional ? create_delivery(o, setup) : NULL;
	if (!o->delivery) {
		(void)outbox_finish(o, 0);
		return NULL;
	}
	return o;
}

bool outbox_finish(struct outbox *o, int timeout_ms)
{
	if (!o) {
		return true;
	}
	if (o->delivery) {
		connection_finish(o->connection, timeout_ms);
		delivery_record(o->delivery);
	}
	delivery_destroy(o->delivery);
	optional_destroy(o->optional);
	bool quiet = connection_destroy(o->connection);
	free(o);
	return quiet;
}

/* ---- orders ---- */

void outbox_send_new(struct outbox *o)
{
	delivery_send_new(o->delivery);
}

void outbox_send_again(struct outbox *o)
{
	delivery_send_again(o->delivery);
}

void outbox_periods_closed(struct outbox *o)
{
	optional_periods_closed(o->optional);
	delivery_send_new(o->delivery);
}

void outbox_publish_states(struct outbox *o)
{
	optional_want_states(o->optional);
	delivery_send(o->delivery);
}

void outbox_publish_health(struct outbox *o)
{
	optional_want_health(o->optional);
	delivery_send(o->delivery);
}

void outbox_get_status(struct outbox *o, struct outbox_status *ret_status)
{
	struct outbox_status status = { .broker = connection_broker_name(o->connection),
		.state = connection_state_name(o->connection),
		.error = connection_error(o->connection) };

	if (store_outbox_count(o->store, &status.counts) < 0) {
		log_error("cannot count the messages of the outbox: %s", store_error(o->store));
	}
	*ret_status = status;
}
