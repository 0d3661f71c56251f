/* message_data.c - messages beside alarms: means, and the health of the box. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "daemon/mqtt/message.h"
#include "daemon/mqtt/message_internal.h"

void message_mean_topic(
	const struct message_context *context, const struct stored_mean *mean, enum period period, char *topic)
{
	snprintf(topic, TOPIC_SIZE, "emis/%d/%s/%s/mean/%s", MESSAGE_SCHEMA, context->site->id, mean->outlet,
		period_name(period));
}

void message_health_topic(const struct message_context *context, char *topic)
{
	snprintf(topic, TOPIC_SIZE, "emis/%d/%s/health", MESSAGE_SCHEMA, context->site->id);
}

static json_t *mean_object(const struct message_context *context, const struct stored_mean *m)
{
	const struct factor *factor = site_factor(context->site, m->factor);
	const struct mean *mean = &m->mean;
	char flag[2] = { flag_letter(mean->flag), '\0' };

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:i, s:i, s:o, s:o}", "factor",
		json_text(m->factor), "code", json_text_or_null(factor ? factor->code : NULL), "unit",
		json_text(factor ? factor->unit : ""), "basis", json_text(series_kind_name(m->kind)), "o2_ref",
		message_number(m->o2_ref), "value", message_number(mean->value), "min", message_number(mean->min),
		"max", message_number(mean->max), "valid", mean->valid, "flag", json_text(flag), "n_valid",
		(int)mean->n_valid, "n_due", (int)mean->n_due, "counts", message_counts(mean), "amount",
		message_number(m->amount));
}

char *message_mean(const struct message_context *context, const struct stored_mean *means, size_t n, enum period period)
{
	const char *name = "";
	json_t *list = json_array();

	for (size_t i = 0; i < context->site->n_outlets; i++) {
		const struct outlet *outlet = &context->site->outlets[i];
		name = strcmp(outlet->id, means->outlet) == 0 ? outlet->name : name;
	}
	for (size_t i = 0; list && i < n; i++) {
		if (json_array_append_new(list, mean_object(context, &means[i])) < 0) {
			json_decref(list);
			list = NULL; /* an incomplete list is not sent */
		}
	}
	if (!list) {
		return NULL;
	}
	return message_dump(json_pack("{s:i, s:o, s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:b}", "schema", MESSAGE_SCHEMA,
		"site", json_text(context->site->id), "outlet", json_text(means->outlet), "outlet_name",
		json_text(name), "period", "kind", json_text(period_name(period)), "start",
		message_moment(context, means->mean.start), "end", message_moment(context, means->mean.end), "means",
		list, "simulated", context->clock->simulated));
}

char *message_health(const struct message_context *context, const struct health *h)
{
	return message_dump(json_pack(
		"{s:i, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:b}", "schema",
		MESSAGE_SCHEMA, "site", json_text(context->site->id), "at",
		message_moment(context, clock_utc(context->clock)), "version", json_text(EMISD_VERSION), "boot",
		json_text(h->boot), "uptime_s", message_number(h->uptime_s), "seq", (json_int_t)h->newest_seq, "clock",
		json_text(h->clock), "memory_kib", (json_int_t)h->memory_kib, "disk_free_kib",
		(json_int_t)h->disk_free_kib, "store_kib", (json_int_t)h->store_kib, "pending", (json_int_t)h->pending,
		"parked", (json_int_t)h->parked, "readings_dropped", (json_int_t)h->readings_dropped, "instruments",
		(int)h->instruments, "silent", (int)h->silent, "simulated", context->clock->simulated));
}
