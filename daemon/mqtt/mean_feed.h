/* mean_feed.h - composes messages of means from the files of aggregates; means do not go through the outbox. For each
 * kind of period one stored moment says up to where means were sent. New periods go before old ones. The messages of
 * all outlets of one period are acknowledged before the next period goes; those in flight when a connection ends go
 * again. Main loop only. */
#ifndef EMIS_DAEMON_MQTT_MEAN_FEED_H
#define EMIS_DAEMON_MQTT_MEAN_FEED_H

#include "daemon/mqtt/message.h"
#include "daemon/store/aggregate.h"

struct mean_feed;

/* Everything is borrowed. Periods before the first start are not sent. NULL when out of memory. */
struct mean_feed *mean_feed_create(const struct message_context *context, struct store *store);
void mean_feed_destroy(struct mean_feed *feed);

/* A connection was made: periods that close from now on go first. */
void mean_feed_connected(struct mean_feed *feed);

/* Periods were closed and stored. */
void mean_feed_wake(struct mean_feed *feed);

/* A message to be sent now; its strings live until the next call of the feed. */
struct mean_message {
	int64_t token; /* below 0 */
	const char *topic;
	const char *payload;
};
/* False when there is none now. */
bool mean_feed_next(struct mean_feed *feed, struct mean_message *ret_message);
/* The message that mean_feed_next() gave could not be sent: it comes again. */
void mean_feed_put_back(struct mean_feed *feed);

/* The broker took the message, or will never take it. */
void mean_feed_settle(struct mean_feed *feed, int64_t token);
/* The broker refused a message: no mean is sent before the next connection or mean_feed_unblock(); then the same period
 * again. */
void mean_feed_refused(struct mean_feed *feed, const char *reason);
void mean_feed_unblock(struct mean_feed *feed);

/* Messages that were given and not settled. */
size_t mean_feed_in_flight(const struct mean_feed *feed);

#endif
