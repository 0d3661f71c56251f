#include "daemon/mqtt/hold.h"

#include <string.h>

#include "common/text.h"

/* Reason codes of a PUBACK. */
#define NOT_AUTHORIZED 0x87
#define TOPIC_NAME_INVALID 0x90
#define PAYLOAD_FORMAT_INVALID 0x99

#define FIRST_MS 1000
#define LAST_MS 60000     /* alarms wait for it */
#define TRIES_FOR_ALL 8   /* 50 s */
#define TRIES_FOR_TOPIC 7 /* 20 s */

enum refusal hold_refusal_of(int code)
{
	switch (code) {
	case TOPIC_NAME_INVALID:
	case PAYLOAD_FORMAT_INVALID:
		return REFUSAL_FOR_GOOD;
	case NOT_AUTHORIZED:
		return REFUSAL_OF_TOPIC;
	default: /* 0x80, 0x83, 0x91, 0x97, and codes unknown to MQTT 5.0 */
		return REFUSAL_OF_CLIENT;
	}
}

void hold_reset(struct hold *hold)
{
	memset(hold, 0, sizeof(*hold));
}

bool hold_is_empty(const struct hold *hold)
{
	return hold->all.refusals == 0 && hold->n_topics == 0;
}

static struct held *find_topic(struct hold *hold, const char *topic)
{
	for (size_t i = 0; i < hold->n_topics; i++) {
		if (strcmp(hold->topics[i].topic, topic) == 0) {
			return &hold->topics[i];
		}
	}
	return NULL;
}

static bool start_try(struct held *held, int64_t id, int64_t now_ms)
{
	if (held->trying != 0 || now_ms < held->until_ms) {
		return false;
	}
	held->trying = id;
	return true;
}

bool hold_admits(struct hold *hold, const char *topic, int64_t id, int64_t now_ms)
{
	struct held *held = find_topic(hold, topic);

	if (held) {
		return start_try(held, id, now_ms); /* the topic's own pause counts, also while all are held back */
	}
	return hold->all.refusals == 0 || start_try(&hold->all, id, now_ms);
}

bool hold_blocks_all(const struct hold *hold, int64_t now_ms)
{
	return hold->all.refusals > 0 && (hold->all.trying != 0 || now_ms < hold->all.until_ms);
}

void hold_withdraw(struct hold *hold, int64_t id)
{
	hold->all.trying = hold->all.trying == id ? 0 : hold->all.trying;
	for (size_t i = 0; i < hold->n_topics; i++) {
		hold->topics[i].trying = hold->topics[i].trying == id ? 0 : hold->topics[i].trying;
	}
}

static void lengthen_pause(struct held *held, int64_t now_ms)
{
	int64_t longer = held->delay_ms * 3 / 2;

	held->refusals++;
	held->delay_ms = held->delay_ms == 0 ? FIRST_MS : longer < LAST_MS ? longer : LAST_MS;
	held->until_ms = now_ms + held->delay_ms;
	held->trying = 0;
}

/* NULL when there is no room for one more. */
static struct held *add_topic(struct hold *hold, const char *topic)
{
	if (hold->n_topics == HOLD_TOPICS) {
		return NULL;
	}
	struct held *held = &hold->topics[hold->n_topics++];
	memset(held, 0, sizeof(*held));
	(void)text_copy(held->topic, sizeof(held->topic), topic); /* topics of the outbox are no longer */
	return held;
}

/* This one message may be the reason: then only its topic waits for it. */
static void hold_topic_only(struct hold *hold, const char *topic)
{
	struct held *held = add_topic(hold, topic);

	if (held) {
		held->refusals = hold->all.refusals;
		held->delay_ms = hold->all.delay_ms;
		held->until_ms = hold->all.until_ms;
		memset(&hold->all, 0, sizeof(hold->all));
	}
}

/* `held` is the topic's hold, or that on all messages. False when the message was sent before the first refusal came.
 */
static bool add_later_refusal(struct hold *hold, struct held *held, const struct refused *refused, int64_t now_ms)
{
	if (held->trying != refused->id) {
		return false;
	}
	lengthen_pause(held, now_ms);
	if (held == &hold->all && held->refusals >= TRIES_FOR_ALL) {
		hold_topic_only(hold, refused->topic);
	} else if (held != &hold->all && refused->refusal == REFUSAL_OF_TOPIC && held->refusals >= TRIES_FOR_TOPIC) {
		held->aside = true;
		(void)text_copy(held->reason, sizeof(held->reason), refused->reason); /* its beginning is enough */
	}
	return true;
}

bool hold_add_refusal(struct hold *hold, const struct refused *refused, int64_t now_ms)
{
	struct held *held = find_topic(hold, refused->topic);

	if (hold_is_empty(hold)) {
		hold->since_ms = now_ms;
	}
	if (held || hold->all.refusals > 0) {
		return add_later_refusal(hold, held ? held : &hold->all, refused, now_ms);
	}
	held = refused->refusal == REFUSAL_OF_TOPIC ? add_topic(hold, refused->topic) : NULL;
	lengthen_pause(held ? held : &hold->all, now_ms);
	return true;
}

const char *hold_aside_reason(const struct hold *hold, const char *topic)
{
	for (size_t i = 0; i < hold->n_topics; i++) {
		if (hold->topics[i].aside && strcmp(hold->topics[i].topic, topic) == 0) {
			return hold->topics[i].reason;
		}
	}
	return NULL;
}

const char *hold_due_topic(const struct hold *hold, int64_t now_ms)
{
	for (size_t i = 0; i < hold->n_topics; i++) {
		const struct held *held = &hold->topics[i];
		if (held->aside && held->trying == 0 && now_ms >= held->until_ms) {
			return held->topic;
		}
	}
	return NULL;
}

void hold_start_try(struct hold *hold, const char *topic, int64_t id)
{
	struct held *held = find_topic(hold, topic);

	if (held) {
		held->trying = id;
	}
}

void hold_forget_topic(struct hold *hold, const char *topic)
{
	struct held *held = find_topic(hold, topic);

	if (held) {
		*held = hold->topics[--hold->n_topics];
	}
}

bool hold_settle(struct hold *hold, int64_t id)
{
	if (hold->all.refusals > 0 && hold->all.trying == id) {
		memset(&hold->all, 0, sizeof(hold->all));
		return true;
	}
	for (size_t i = 0; i < hold->n_topics; i++) {
		if (hold->topics[i].trying == id) {
			hold->topics[i] = hold->topics[--hold->n_topics];
			return true;
		}
	}
	return false;
}

int64_t hold_next_try_ms(const struct hold *hold)
{
	int64_t next = hold->all.refusals > 0 && hold->all.trying == 0 ? hold->all.until_ms : INT64_MAX;

	for (size_t i = 0; i < hold->n_topics; i++) {
		if (hold->topics[i].trying == 0 && hold->topics[i].until_ms < next) {
			next = hold->topics[i].until_ms;
		}
	}
	return next;
}
