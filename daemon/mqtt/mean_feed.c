#include "daemon/mqtt/mean_feed.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "daemon/store/state.h"

static const struct {
	enum period period;
	int64_t ms;
	const char *key; /* in the store: up to where means were sent */
} kinds[] = {
	{ PERIOD_MINUTE, MINUTE_MS, "sent-minutes" },
	{ PERIOD_HOUR, HOUR_MS, "sent-hours" },
	{ PERIOD_DAY, DAY_MS, "sent-days" },
};

#define KINDS ARRAY_SIZE(kinds)

/* Up to where periods of a kind were sent, by their start. */
struct progress {
	struct aggregate_iterator *iterator;
	struct utc sent;      /* all up to here; stored */
	struct utc live_from; /* periods from here on are new to this connection */
	struct utc live_sent; /* new ones were sent up to here */
	bool exhausted;       /* none to send before mean_feed_wake() */
};

struct message {
	char topic[TOPIC_SIZE];
	char *payload;
};

struct mean_feed {
	const struct message_context *context;
	struct store *store;
	struct progress progress[KINDS];
	bool blocked; /* the broker refused a message: none goes for a while */

	/* The period that is being sent: one message for each outlet. */
	size_t kind;
	bool live;
	struct utc start;
	struct message *messages;
	size_t n_messages;
	size_t handed;  /* given by mean_feed_next() */
	size_t settled; /* acknowledged, of these */

	struct aggregate_means means; /* while its messages are composed */
};

/* Up to where an earlier run sent; the first run begins with the open period. */
static struct utc read_sent(const struct mean_feed *f, size_t kind)
{
	struct utc now = clock_utc(f->context->clock);
	struct utc open = time_floor(now, kinds[kind].ms, f->context->site->judging.offset_min);
	char *text = store_meta_text(f->store, kinds[kind].key);
	struct utc sent = { text && text[0] ? atoll(text) : open.ms - 1 };

	free(text);
	return sent;
}

struct mean_feed *mean_feed_create(const struct message_context *context, struct store *store)
{
	struct mean_feed *f = calloc(1, sizeof(*f));

	if (!f) {
		return NULL;
	}
	f->context = context;
	f->store = store;
	for (size_t i = 0; i < KINDS; i++) {
		f->progress[i].sent = read_sent(f, i);
		f->progress[i].exhausted = true;
		f->progress[i].iterator = aggregate_iterator_create(store, kinds[i].period);
		if (!f->progress[i].iterator) {
			mean_feed_destroy(f);
			return NULL;
		}
	}
	return f;
}

static void drop_messages(struct mean_feed *f)
{
	for (size_t i = 0; i < f->n_messages; i++) {
		free(f->messages[i].payload);
	}
	free(f->messages);
	f->messages = NULL;
	f->n_messages = f->handed = f->settled = 0;
}

void mean_feed_destroy(struct mean_feed *feed)
{
	if (feed) {
		drop_messages(feed);
		for (size_t i = 0; i < KINDS; i++) {
			aggregate_iterator_destroy(feed->progress[i].iterator);
		}
		free(feed);
	}
}

void mean_feed_connected(struct mean_feed *f)
{
	struct utc now = clock_utc(f->context->clock);

	drop_messages(f);
	f->blocked = false;
	for (size_t i = 0; i < KINDS; i++) {
		struct progress *p = &f->progress[i];
		p->live_from = time_floor(now, kinds[i].ms, f->context->site->judging.offset_min);
		p->live_sent.ms = p->live_from.ms - 1;
		p->exhausted = false;
	}
}

void mean_feed_wake(struct mean_feed *f)
{
	for (size_t i = 0; i < KINDS; i++) {
		f->progress[i].exhausted = false;
	}
}

/* ---- composing ---- */

/* Composes one message for each outlet of the period; the means are ordered by outlet. False when out of memory. */
static bool compose_messages(struct mean_feed *f)
{
	f->messages = calloc(f->means.n, sizeof(*f->messages));
	for (size_t i = 0; f->messages && i < f->means.n;) {
		struct message *m = &f->messages[f->n_messages];
		size_t n = 1;
		while (i + n < f->means.n && strcmp(f->means.means[i + n].outlet, f->means.means[i].outlet) == 0) {
			n++;
		}
		message_mean_topic(f->context, &f->means.means[i], kinds[f->kind].period, m->topic);
		m->payload = message_mean(f->context, &f->means.means[i], n, kinds[f->kind].period);
		if (!m->payload) {
			return false;
		}
		f->n_messages++;
		i += n;
	}
	return f->messages != NULL;
}

static void store_sent(struct mean_feed *f, size_t kind, struct utc sent)
{
	char text[32];

	if (sent.ms <= f->progress[kind].sent.ms) {
		return;
	}
	f->progress[kind].sent = sent;
	snprintf(text, sizeof(text), "%lld", (long long)sent.ms);
	if (store_set_meta(f->store, kinds[kind].key, text) < 0) {
		log_error(
			"cannot store up to where means were sent: %s; some may be sent twice", store_error(f->store));
	}
}

/* Reads the next period of a kind, new or old, and composes its messages. False when there is none, or after an error,
 * which is logged. */
static bool read_period(struct mean_feed *f, size_t kind, bool live)
{
	struct progress *p = &f->progress[kind];
	struct utc until = { live ? INT64_MAX / 2 : p->live_from.ms };

	f->kind = kind;
	f->live = live;
	aggregate_iterator_seek(p->iterator, live ? p->live_sent : p->sent, until);
	int r = aggregate_iterator_next(p->iterator, &f->means);
	f->start = r == 1 ? f->means.start : f->start;
	if (r == 1 && compose_messages(f)) {
		return true;
	}
	drop_messages(f);
	if (r != 0) {
		log_error("cannot read or compose means: %s; trying again when a period closes",
			r < 0 ? store_error(f->store) : "out of memory");
		p->exhausted = true;
	}
	return false;
}

/* Finds the next period to send: new ones of each kind, then old ones. */
static bool find_period(struct mean_feed *f)
{
	for (int live = 1; live >= 0; live--) {
		for (size_t k = 0; k < KINDS; k++) {
			bool wanted = f->context->site->mqtt.means[kinds[k].period] && !f->progress[k].exhausted;
			if (wanted && read_period(f, k, live)) {
				return true;
			}
		}
	}
	for (size_t k = 0; k < KINDS; k++) {
		struct progress *p = &f->progress[k];
		/* No old period is left: all up to the last new one were sent. */
		if (!p->exhausted && p->live_sent.ms >= p->live_from.ms) {
			store_sent(f, k, p->live_sent);
		}
		p->exhausted = true;
	}
	return false;
}

/* ---- sending ---- */

bool mean_feed_next(struct mean_feed *f, struct mean_message *ret_message)
{
	if (f->blocked || (f->n_messages > 0 && f->handed == f->n_messages) ||
		(f->n_messages == 0 && !find_period(f))) {
		return false;
	}
	const struct message *m = &f->messages[f->handed++];
	*ret_message = (struct mean_message){ -(int64_t)f->handed, m->topic, m->payload };
	return true;
}

void mean_feed_put_back(struct mean_feed *f)
{
	f->handed--;
}

void mean_feed_settle(struct mean_feed *f, int64_t token)
{
	struct progress *p = &f->progress[f->kind];

	(void)token; /* the order does not matter: the period is sent when all are settled */
	if (f->n_messages == 0 || ++f->settled < f->n_messages) {
		return;
	}
	if (f->live) {
		p->live_sent = f->start;
	} else {
		store_sent(f, f->kind, f->start);
	}
	drop_messages(f);
}

void mean_feed_refused(struct mean_feed *f, const char *reason)
{
	if (!f->blocked) {
		log_warning("the broker refused means: %s; they are tried again after a pause", reason);
	}
	f->blocked = true;
	drop_messages(f);
}

void mean_feed_unblock(struct mean_feed *f)
{
	f->blocked = false;
}

size_t mean_feed_in_flight(const struct mean_feed *f)
{
	return f->handed - f->settled;
}
