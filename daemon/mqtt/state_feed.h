/* state_feed.h - the retained states on their way to the bureau: which of them changed and are not published yet. They
 * are composed when there is room for them, so the newest value goes and none queues. Whatever is lost on the way goes
 * again. No thread of its own; main loop only. */
#ifndef EMIS_DAEMON_MQTT_STATE_FEED_H
#define EMIS_DAEMON_MQTT_STATE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_feed;

/* States 0 to n - 1; nothing is to be published yet. NULL when out of memory. */
struct state_feed *state_feed_create(size_t n);
void state_feed_destroy(struct state_feed *feed);

/* One, or all of them, are to be published. */
void state_feed_want(struct state_feed *feed, size_t index);
void state_feed_want_all(struct state_feed *feed);

/* The connection ended: what was on its way is to be published again. */
void state_feed_lost(struct state_feed *feed);

/* The next one in turn that is to be published and is not on its way; it then is. False when there is none. */
bool state_feed_next(struct state_feed *feed, size_t *ret_index);

/* It could not be handed over, or was refused for a reason that passes: it comes again. */
void state_feed_put_back(struct state_feed *feed, size_t index);
/* The broker took it, or never will. */
void state_feed_settled(struct state_feed *feed, size_t index);

size_t state_feed_in_flight(const struct state_feed *feed);
/* Those that are to be published and not on their way. */
size_t state_feed_waiting(const struct state_feed *feed);

#endif
