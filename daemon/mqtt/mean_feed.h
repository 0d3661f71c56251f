/* mean_feed.h - the means on their way to the bureau, out of the roll files and not through the outbox: what was sent
 * is one moment a kind of period. Optional data: alarms go before them, new periods before old ones. All outlets of one
 * period are acknowledged before the next period goes; what was on its way when a connection ended goes again. */
#ifndef EMIS_DAEMON_MQTT_MEAN_FEED_H
#define EMIS_DAEMON_MQTT_MEAN_FEED_H

#include "daemon/mqtt/message.h"
#include "daemon/store/aggregate.h"

struct mean_feed;

/* Everything is borrowed. Periods before the first start are not sent. NULL when out of memory. */
struct mean_feed *mean_feed_create(const struct message_context *context, struct store *store);
void mean_feed_destroy(struct mean_feed *feed);

/* A connection stands: what closes from now on goes first. */
void mean_feed_connected(struct mean_feed *feed);

/* Periods were closed and stored. */
void mean_feed_wake(struct mean_feed *feed);

/* A message that is to be sent now; its strings live until the next call of the feed. */
struct mean_message {
	int64_t token; /* below 0 */
	const char *topic;
	const char *payload;
};
bool mean_feed_next(struct mean_feed *feed, struct mean_message *ret_message);
/* The message that mean_feed_next() gave could not be handed over: it comes again. */
void mean_feed_put_back(struct mean_feed *feed);

/* The broker took the message, or it will never take it. */
void mean_feed_settled(struct mean_feed *feed, int64_t token);
/* The broker refused it: nothing more is sent before the next connection or mean_feed_unblock(), and then the same. */
void mean_feed_refused(struct mean_feed *feed, const char *reason);
void mean_feed_unblock(struct mean_feed *feed);

/* Messages of the feed that are not acknowledged. */
size_t mean_feed_in_flight(const struct mean_feed *feed);

#endif
