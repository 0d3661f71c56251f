#include "daemon/mqtt/state_feed.h"

#include <stdlib.h>

struct state {
	bool wanted;
	bool in_flight;
};

struct state_feed {
	struct state *states;
	size_t n;
	size_t turn; /* where to look first */
	size_t n_waiting;
	size_t n_in_flight;
};

struct state_feed *state_feed_create(size_t n)
{
	struct state_feed *f = calloc(1, sizeof(*f));

	if (!f) {
		return NULL;
	}
	f->n = n;
	f->states = calloc(n + 1, sizeof(*f->states));
	if (!f->states) {
		free(f);
		return NULL;
	}
	return f;
}

void state_feed_destroy(struct state_feed *feed)
{
	if (feed) {
		free(feed->states);
		free(feed);
	}
}

static bool waits(const struct state *state)
{
	return state->wanted && !state->in_flight;
}

static void set_state(struct state_feed *f, size_t index, bool wanted, bool in_flight)
{
	struct state *state = &f->states[index];

	f->n_waiting -= waits(state);
	f->n_in_flight -= state->in_flight;
	*state = (struct state){ wanted, in_flight };
	f->n_waiting += waits(state);
	f->n_in_flight += state->in_flight;
}

void state_feed_want(struct state_feed *f, size_t index)
{
	set_state(f, index, true, f->states[index].in_flight);
}

void state_feed_want_all(struct state_feed *f)
{
	for (size_t i = 0; i < f->n; i++) {
		state_feed_want(f, i);
	}
}

void state_feed_lost(struct state_feed *f)
{
	for (size_t i = 0; f->n_in_flight > 0 && i < f->n; i++) {
		if (f->states[i].in_flight) {
			set_state(f, i, true, false);
		}
	}
}

bool state_feed_next(struct state_feed *f, size_t *ret_index)
{
	if (f->n_waiting == 0) {
		return false;
	}
	while (!waits(&f->states[f->turn])) {
		f->turn = (f->turn + 1) % f->n;
	}
	*ret_index = f->turn;
	set_state(f, f->turn, false, true);
	f->turn = (f->turn + 1) % f->n;
	return true;
}

void state_feed_put_back(struct state_feed *f, size_t index)
{
	set_state(f, index, true, false);
}

void state_feed_settle(struct state_feed *f, size_t index)
{
	set_state(f, index, f->states[index].wanted, false);
}

size_t state_feed_in_flight(const struct state_feed *f)
{
	return f->n_in_flight;
}

size_t state_feed_waiting(const struct state_feed *f)
{
	return f->n_waiting;
}
