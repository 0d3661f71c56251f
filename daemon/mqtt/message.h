/* message.h - topics and JSON texts of the messages that are published. docs/mqtt.md is the contract. */
#ifndef EMIS_DAEMON_MQTT_MESSAGE_H
#define EMIS_DAEMON_MQTT_MESSAGE_H

#include "core/alarm.h"
#include "core/pipeline.h"
#include "daemon/base/clock.h"
#include "daemon/conf/site.h"
#include "daemon/store/aggregate.h"
#include "daemon/store/alarm.h"
#include "daemon/store/checkpoint.h"

#define TOPIC_SIZE 160

/* The sender; borrowed. */
struct message_context {
	const struct site *site;
	const struct clock *clock;
};

/* Topics, written into TOPIC_SIZE bytes.
 * "emis/1/SITE/online" */
void message_online_topic(const struct message_context *context, char *topic);
/* "emis/1/SITE/gateway/alarm" */
void message_gateway_topic(const struct message_context *context, char *topic);
/* "emis/1/SITE/resend", and ".../reply" */
void message_resend_topic(const struct message_context *context, char *topic);
void message_resend_reply_topic(const struct message_context *context, char *topic);
/* "emis/1/SITE/checkpoint" */
void message_checkpoint_topic(const struct message_context *context, char *topic);
/* "emis/1/SITE/OUTLET/alarm" */
void message_alarm_topic(const struct message_context *context, const struct outlet *outlet, char *topic);
/* "emis/1/SITE/OUTLET/FACTOR/state" */
void message_state_topic(
	const struct message_context *context, const struct outlet *outlet, const struct point *point, char *topic);

/* "emis/1/SITE/OUTLET/mean/hour" */
void message_mean_topic(
	const struct message_context *context, const struct stored_mean *mean, enum period period, char *topic);
/* "emis/1/SITE/health" */
void message_health_topic(const struct message_context *context, char *topic);

/* Reads the run, RUN_SIZE bytes, from a message of message_online(). False when the bytes are not such a message. */
#define RUN_SIZE 17
bool message_online_run(const char *payload, size_t size, char *ret_run);

/* JSON texts, to be freed by the caller; NULL when out of memory. */
/* `run` distinguishes this process from all others that use the same site id. */
char *message_online(const struct message_context *context, bool online, int64_t newest_seq, const char *run);
char *message_alarm(
	const struct message_context *context, const struct event *event, const char *alarm_id, int64_t seq);
/* `last` is the alarm's newest message: the result is the same with who acknowledged it. */
char *message_acknowledged(
	const struct message_context *context, const char *last, int64_t seq, const char *who, const char *remark);
/* An alarm of the box itself (gateway.h); `words` says it for people. */
char *message_gateway(const struct message_context *context, const struct store_alarm *alarm, const char *change,
	int64_t seq, const char *words);
/* The answer to a request to send again. Where the request made no sense texts are "", stream is NULL, from and to are
 * 0. */
struct resend_reply {
	const char *id;
	const char *stream;
	int64_t from;
	int64_t to;
	int64_t count;
	int64_t newest;
	const char *error;
};
char *message_resend_reply(const struct message_context *context, const struct resend_reply *reply);
char *message_checkpoint(const struct message_context *context, const struct store_checkpoint *checkpoint);
/* Means of one outlet and one period; n > 0. */
char *message_mean(
	const struct message_context *context, const struct stored_mean *means, size_t n, enum period period);

/* The state of the box. */
struct health {
	const char *boot;
	double uptime_s;
	int64_t newest_seq;
	const char *clock;
	int64_t memory_kib;
	int64_t disk_free_kib;
	int64_t store_kib;
	int64_t pending;
	int64_t parked;
	uint64_t readings_dropped;
	size_t instruments;
	size_t silent;
};
char *message_health(const struct message_context *context, const struct health *health);
char *message_state(const struct message_context *context, const struct outlet *outlet, const struct point *point,
	const struct point_view *view);

#endif
