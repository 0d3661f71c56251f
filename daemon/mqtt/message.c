#include "daemon/mqtt/message_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 1e300 /* a larger number is not a measurement */

void message_online_topic(const struct message_context *context, char *topic)
{
	snprintf(topic, TOPIC_SIZE, "emis/%d/%s/online", MESSAGE_SCHEMA, context->site->id);
}

void message_gateway_topic(const struct message_context *context, char *topic)
{
	snprintf(topic, TOPIC_SIZE, "emis/%d/%s/%s/alarm", MESSAGE_SCHEMA, context->site->id, GATEWAY);
}

void message_resend_topic(const struct message_context *context, char *topic)
{
	snprintf(topic, TOPIC_SIZE, "emis/%d/%s/resend", MESSAGE_SCHEMA, context->site->id);
}

void message_resend_reply_topic(const struct message_context *context, char *topic)
{
	snprintf(topic, TOPIC_SIZE, "emis/%d/%s/resend/reply", MESSAGE_SCHEMA, context->site->id);
}

void message_checkpoint_topic(const struct message_context *context, char *topic)
{
	snprintf(topic, TOPIC_SIZE, "emis/%d/%s/checkpoint", MESSAGE_SCHEMA, context->site->id);
}

void message_alarm_topic(const struct message_context *context, const struct outlet *outlet, char *topic)
{
	snprintf(topic, TOPIC_SIZE, "emis/%d/%s/%s/alarm", MESSAGE_SCHEMA, context->site->id, outlet->id);
}

void message_state_topic(
	const struct message_context *context, const struct outlet *outlet, const struct point *point, char *topic)
{
	snprintf(topic, TOPIC_SIZE, "emis/%d/%s/%s/%s/state", MESSAGE_SCHEMA, context->site->id, outlet->id,
		point->factor->key);
}

json_t *message_number(double value)
{
	/* Rounded to ten digits, a number near DBL_MAX becomes larger than that, and no reader takes the message. */
	return fabs(value) < LARGEST ? json_real(value) : json_null();
}

json_t *message_moment(const struct message_context *context, struct utc at)
{
	char text[TIME_TEXT_SIZE];

	return json_string(time_format(at, context->site->judging.offset_min, text));
}

/* json_dumps() is not used: when memory runs out within a key, jansson 2.14 leaves out the key and goes on. */
char *message_dump(json_t *object)
{
	const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(10);
	size_t size = object ? json_dumpb(object, NULL, 0, flags) : 0;
	char *text = size > 0 ? malloc(size + 1) : NULL;

	if (text && json_dumpb(object, text, size, flags) != size) {
		free(text);
		text = NULL;
	}
	if (text) {
		text[size] = '\0';
	}
	json_decref(object);
	return text;
}

char *message_online(const struct message_context *context, bool online, int64_t newest_seq, const char *run)
{
	return message_dump(json_pack("{s:i, s:o, s:b, s:I, s:o, s:o, s:b}", "schema", MESSAGE_SCHEMA, "site",
		json_text(context->site->id), "online", online, "seq", (json_int_t)newest_seq, "run", json_text(run),
		"at", message_moment(context, clock_utc(context->clock)), "simulated", context->clock->simulated));
}

bool message_online_run(const char *payload, size_t size, char *ret_run)
{
	json_t *m = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
	const char *run = json_string_value(json_object_get(m, "run"));
	bool found = run && strlen(run) == RUN_SIZE - 1;

	if (found) {
		memcpy(ret_run, run, RUN_SIZE);
	}
	json_decref(m);
	return found;
}

char *message_checkpoint(const struct message_context *context, const struct store_checkpoint *c)
{
	return message_dump(json_pack("{s:i, s:o, s:I, s:o, s:o, s:o, s:o, s:b}", "schema", MESSAGE_SCHEMA, "site",
		json_text(context->site->id), "number", (json_int_t)c->number, "at", message_moment(context, c->at),
		"body", json_text(c->body), "signature", json_text(c->signature), "public_key",
		json_text(c->public_key), "simulated", context->clock->simulated));
}

char *message_resend_reply(const struct message_context *context, const struct resend_reply *r)
{
	return message_dump(json_pack("{s:i, s:o, s:o, s:b, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:b}", "schema",
		MESSAGE_SCHEMA, "site", json_text(context->site->id), "id", json_text_or_null(r->id), "ok",
		r->error[0] == '\0', "stream", json_text_or_null(r->stream), "from",
		r->from > 0 ? json_integer(r->from) : json_null(), "to", r->to > 0 ? json_integer(r->to) : json_null(),
		"count", (json_int_t)r->count, "newest", (json_int_t)r->newest, "error", json_text_or_null(r->error),
		"at", message_moment(context, clock_utc(context->clock)), "simulated", context->clock->simulated));
}

static json_t *limit_object(const struct limit *limit)
{
	if (!limit) {
		return json_null();
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "key",
		json_text(limit->key), "min", message_number(limit->min), "max", message_number(limit->max), "o2_ref",
		message_number(limit->o2_ref), "share_of_month", message_number(limit->share_of_month), "tier",
		json_text(limit->tier), "document", json_text(limit->document->number), "title",
		json_text(limit->document->title), "clause", json_text(limit->clause), "period",
		json_text(limit_period_name(limit->period)), "confidence", json_text(limit->confidence), "citable",
		limit_citable(limit), "confirmed_by", json_text(limit->confirmed_by));
}

/* Out of memory frees the object and sets it to NULL: an incomplete message is not sent. */
static void set_field(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value) < 0) {
		json_decref(*object);
		*object = NULL;
	}
}

json_t *message_counts(const struct mean *mean)
{
	json_t *counts = json_object();

	for (int i = 0; i < FLAG_COUNT; i++) {
		char letter[2] = { flag_letter((enum flag)i), '\0' };
		if (mean->counts[i] > 0) {
			set_field(&counts, letter, json_integer(mean->counts[i]));
		}
	}
	return counts;
}

static const char *basis_of(const struct event *event)
{
	if (event->limit && !isnan(event->limit->o2_ref)) {
		return "converted";
	}
	return event->limit && (event->point->wet || event->point->actual) ? "dry" : "measured";
}

/* The month's hours that need not meet the limit; null for all other rules. */
static json_t *budget_object(const struct event *event)
{
	const struct month_share_view *share = &event->share;

	if (event->rule != RULE_MONTH_SHARE) {
		return json_null();
	}
	return json_pack("{s:i, s:i, s:i, s:i, s:o, s:o}", "judged", (int)share->valid, "over", (int)share->over,
		"allowed", (int)share->allowed, "left", (int)share->allowed - (int)share->over, "met",
		message_number(share->met), "projected", message_number(share->projected));
}

static json_t *period_object(const struct message_context *context, const struct mean *mean)
{
	return json_pack("{s:o, s:o, s:o}", "kind", json_text(period_name(mean->rule->period)), "start",
		message_moment(context, mean->start), "end", message_moment(context, mean->end));
}

static json_t *factor_head(
	const struct message_context *context, const struct outlet *outlet, const struct point *point)
{
	const struct factor *factor = point->factor;

	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "schema", MESSAGE_SCHEMA, "site",
		json_text(context->site->id), "outlet", json_text(outlet->id), "outlet_name", json_text(outlet->name),
		"factor", json_text(factor->key), "code", json_text_or_null(factor->code), "name_en",
		json_text(factor->name), "name_zh", json_text(factor->name_zh), "unit", json_text(factor->unit),
		"simulated", context->clock->simulated);
}

char *message_alarm(const struct message_context *context, const struct event *event, const char *alarm_id, int64_t seq)
{
	json_t *m = factor_head(context, event->outlet, event->point);

	if (!m) {
		return NULL;
	}
	set_field(&m, "seq", json_integer(seq));
	set_field(&m, "alarm_id", json_text(alarm_id));
	set_field(&m, "event", json_text(alarm_change_name(event->change)));
	set_field(&m, "class", json_text(alarm_class_name(alarm_class_of(event->rule, event->limit))));
	set_field(&m, "rule", json_text(alarm_rule_name(event->rule)));
	set_field(&m, "at", message_moment(context, event->at));
	set_field(&m, "since", message_moment(context, event->since));
	set_field(&m, "period", period_object(context, &event->mean));
	set_field(&m, "value", message_number(event->value));
	set_field(&m, "worst", message_number(event->worst));
	set_field(&m, "basis", json_text(basis_of(event)));
	set_field(&m, "limit", limit_object(event->limit));
	set_field(&m, "valid", json_integer(event->mean.n_valid));
	set_field(&m, "due", json_integer(event->mean.n_due));
	set_field(&m, "counts", message_counts(&event->mean));
	set_field(&m, "budget", budget_object(event));
	set_field(&m, "acknowledged", json_null());
	return message_dump(m);
}

/* How often; 1 when the stored number does not fit. */
static json_int_t times_of(const struct store_alarm *alarm)
{
	return alarm->value >= 1.0 && alarm->value < 1e15 ? (json_int_t)alarm->value : 1;
}

char *message_gateway(const struct message_context *context, const struct store_alarm *alarm, const char *change,
	int64_t seq, const char *words)
{
	return message_dump(json_pack("{s:i, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:n, s:b}",
		"schema", MESSAGE_SCHEMA, "site", json_text(context->site->id), "outlet", json_text(GATEWAY), "seq",
		(json_int_t)seq, "alarm_id", json_text(alarm->id), "event", json_text(change), "class",
		json_text(alarm->alarm_class), "rule", json_text(alarm->rule), "at",
		message_moment(context, alarm->last), "since", message_moment(context, alarm->since), "times",
		times_of(alarm), "words", json_text(words), "acknowledged", "simulated", context->clock->simulated));
}

char *message_acknowledged(
	const struct message_context *context, const char *last, int64_t seq, const char *who, const char *remark)
{
	json_t *m = json_loads(last, 0, NULL);

	if (!json_is_object(m)) {
		json_decref(m);
		return NULL;
	}
	set_field(&m, "seq", json_integer(seq));
	set_field(&m, "event", json_text("acknowledged"));
	set_field(&m, "acknowledged",
		json_pack("{s:o, s:o, s:o}", "by", json_text(who), "at",
			message_moment(context, clock_utc(context->clock)), "remark", json_text(remark)));
	return message_dump(m);
}

static json_t *last_hour_object(const struct message_context *context, const struct mean *hour)
{
	char flag[2] = { flag_letter(hour->flag), '\0' };

	if (!hour->rule) {
		return json_null();
	}
	return json_pack("{s:o, s:o, s:b, s:o}", "period", period_object(context, hour), "value",
		message_number(hour->value), "valid", hour->valid, "flag", json_text(flag));
}

char *message_state(const struct message_context *context, const struct outlet *outlet, const struct point *point,
	const struct point_view *view)
{
	char flag[2] = { flag_letter(view->raw.flag), '\0' };
	json_t *m = factor_head(context, outlet, point);

	if (!m) {
		return NULL;
	}
	set_field(&m, "at", message_moment(context, clock_utc(context->clock)));
	set_field(&m, "flag", json_text(flag));
	set_field(&m, "raw", message_number(view->raw.value));
	set_field(&m, "converted", message_number(view->converted));
	set_field(&m, "hour_mean", message_number(view->hour_mean));
	set_field(&m, "valid", json_integer(view->valid_minutes));
	set_field(&m, "due", json_integer(view->due_minutes));
	set_field(&m, "share", message_number(view->limit_ratio));
	set_field(&m, "last_hour", last_hour_object(context, &view->last_hour));
	set_field(&m, "limit", limit_object(view->limit));
	return message_dump(m);
}
