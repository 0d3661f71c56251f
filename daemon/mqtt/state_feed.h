/* state_feed.h - remembers which retained states are to be published and which are in flight. A state is composed only
 * when there is room for it, so its newest value is sent and none queues. A state that is lost on its way is published
 * again. Main loop only. */
#ifndef EMIS_DAEMON_MQTT_STATE_FEED_H
#define EMIS_DAEMON_MQTT_STATE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_feed;

/* States 0 to n - 1; none is to be published yet. NULL when out of memory. */
struct state_feed *state_feed_create(size_t n);
void state_feed_destroy(struct state_feed *feed);

/* One state, or all of them, are to be published. */
void state_feed_want(struct state_feed *feed, size_t index);
void state_feed_want_all(struct state_feed *feed);

/* The connection ended: states in flight are to be published again. */
void state_feed_lost(struct state_feed *feed);

/* Gives the next state in turn that is to be published and is not in flight; it is in flight then. False when there is
 * none. */
bool state_feed_next(struct state_feed *feed, size_t *ret_index);

/* The state could not be sent, or was refused for a reason that passes: it is to be published again. */
void state_feed_put_back(struct state_feed *feed, size_t index);
/* The broker took the state, or never will. */
void state_feed_settle(struct state_feed *feed, size_t index);

size_t state_feed_in_flight(const struct state_feed *feed);
/* How many are to be published and not in flight. */
size_t state_feed_waiting(const struct state_feed *feed);

#endif
