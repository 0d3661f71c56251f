#include "daemon/gateway.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "daemon/base/backoff.h"
#include "daemon/store/alarm.h"

/* While an incident stays raised, further ones are reported at most once an hour. Without this pause each report that
 * the broker refuses would cause the next one. */
#define REPORT_PAUSE_MS HOUR_MS

static const struct {
	const char *name;
	bool incident; /* see gateway.h; false for a state */
} rules[GATEWAY_RULE_COUNT] = {
	[GATEWAY_CLOCK_UNSET] = { "clock-unset", false },
	[GATEWAY_DISK_LOW] = { "disk-low", false },
	[GATEWAY_MESSAGES_WAIT] = { "messages-wait", false },
	[GATEWAY_CLOCK_STEP] = { "clock-step", true },
	[GATEWAY_STORE_DAMAGE] = { "store-damage", true },
	[GATEWAY_READINGS_DROPPED] = { "readings-dropped", true },
	[GATEWAY_READINGS_UNDATED] = { "readings-undated", true },
	[GATEWAY_MESSAGE_PARKED] = { "message-parked", true },
	[GATEWAY_SESSION_TAKEN] = { "session-taken", true },
};

struct condition {
	bool active;              /* as it is now */
	unsigned occurrences;     /* since the alarm was raised */
	unsigned reported;        /* how many of these the newest report includes */
	struct mono last_report;  /* when the newest report was stored */
	char words[400];          /* describes the newest occurrence */
	struct store_alarm alarm; /* as it is stored; .raised is false while no alarm is raised */
};

struct gateway {
	const struct message_context *context;
	struct store *store;
	struct backoff trouble;
	struct condition conditions[GATEWAY_RULE_COUNT];
};

/* Goes on with a raised alarm of an earlier run. */
static void restore_alarm(void *context, const struct store_alarm *alarm)
{
	struct gateway *g = context;

	for (int i = 0; strcmp(alarm->outlet, GATEWAY) == 0 && i < GATEWAY_RULE_COUNT; i++) {
		struct condition *c = &g->conditions[i];
		if (strcmp(alarm->rule, rules[i].name) == 0) {
			c->alarm = *alarm;
			c->active = true;
			c->occurrences = c->reported = alarm->value >= 1.0 ? (unsigned)alarm->value : 1;
			snprintf(c->words, sizeof(c->words), "raised before emisd was started");
		}
	}
}

struct gateway *gateway_create(const struct message_context *context, struct store *store)
{
	struct gateway *g = calloc(1, sizeof(*g));

	if (!g) {
		return NULL;
	}
	g->context = context;
	g->store = store;
	backoff_init(&g->trouble, 1, 1);
	return g;
}

int gateway_restore(struct gateway *g)
{
	return store_alarms(g->store, false, SIZE_MAX / 2, restore_alarm, g);
}

void gateway_destroy(struct gateway *gateway)
{
	free(gateway);
}

void gateway_raise(struct gateway *g, enum gateway_rule rule, const char *format, ...)
{
	struct condition *c = &g->conditions[rule];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(c->words, sizeof(c->words), format, arguments);
	va_end(arguments);
	c->active = true;
	if (rules[rule].incident || c->occurrences == 0) {
		c->occurrences++;
	}
}

void gateway_clear(struct gateway *g, enum gateway_rule rule)
{
	g->conditions[rule].active = false;
}

void gateway_acknowledge(struct gateway *g, const char *rule_name)
{
	for (int i = 0; i < GATEWAY_RULE_COUNT; i++) {
		if (rules[i].incident && strcmp(rules[i].name, rule_name) == 0) {
			gateway_clear(g, (enum gateway_rule)i);
		}
	}
}

/* The change of the condition's alarm that must be reported now; ALARM_UNCHANGED when there is none. */
static enum alarm_change pending_change(const struct gateway *g, const struct condition *c)
{
	if (c->active != c->alarm.raised) {
		return c->active ? ALARM_RAISED : ALARM_CLEARED;
	}
	bool again = c->active && c->occurrences > c->reported &&
		clock_mono(g->context->clock).ms - c->last_report.ms >= REPORT_PAUSE_MS;
	return again ? ALARM_CONTINUED : ALARM_UNCHANGED;
}

/* The alarm as the change leaves it. Its id contains the number of the message that raised it, because the moment alone
 * may repeat: some clocks restart at the same time after each power cut. */
static struct store_alarm next_alarm(const struct gateway *g, int rule, enum alarm_change change)
{
	const struct condition *c = &g->conditions[rule];
	struct store_alarm a = c->alarm;
	char compact[TIME_TEXT_SIZE];

	a.last = clock_utc(g->context->clock);
	a.raised = change != ALARM_CLEARED;
	a.value = a.worst = c->occurrences;
	if (change == ALARM_RAISED) {
		a.since = a.last;
		a.limit_min = a.limit_max = NAN;
		a.acknowledged_by[0] = '\0';
		snprintf(a.rule, sizeof(a.rule), "%s", rules[rule].name);
		snprintf(a.outlet, sizeof(a.outlet), "%s", GATEWAY);
		snprintf(a.alarm_class, sizeof(a.alarm_class), "%s", alarm_class_name(ALARM_CONDITION));
		snprintf(a.id, sizeof(a.id), "%s/%s/-/%s/%lld/%sZ", g->context->site->id, GATEWAY, a.rule,
			(long long)store_next_seq(g->store), time_format_compact(a.since, 0, compact));
	}
	return a;
}

/* Stores the change of an alarm with its message. 0 or -errno; failures are logged at growing intervals. */
static int report_change(struct gateway *g, int rule, enum alarm_change change)
{
	struct condition *c = &g->conditions[rule];
	struct store_alarm alarm = next_alarm(g, rule, change);
	char topic[TOPIC_SIZE];
	int64_t seq = store_next_seq(g->store);

	message_gateway_topic(g->context, topic);
	char *payload = message_gateway(g->context, &alarm, alarm_change_name(change), seq, c->words);
	if (!payload) {
		(void)backoff_next(&g->trouble);
		if (backoff_worth_a_line(&g->trouble)) {
			log_error("cannot report condition %s %s yet: out of memory; trying again", rules[rule].name,
				alarm_change_name(change));
		}
		return -ENOMEM;
	}
	int r = store_commit_alarm(g->store, &alarm, alarm_change_name(change), topic, payload);
	free(payload);
	if (r < 0) {
		(void)backoff_next(&g->trouble);
		if (backoff_worth_a_line(&g->trouble)) {
			log_error("cannot report condition %s %s yet: %s; trying again", rules[rule].name,
				alarm_change_name(change), store_error(g->store));
		}
		return r;
	}
	log_warning("condition %s: %s: %s (seq %lld)", alarm_change_name(change), rules[rule].name, c->words,
		(long long)seq);
	backoff_reset(&g->trouble);
	c->alarm = alarm;
	c->reported = c->occurrences;
	c->last_report = clock_mono(g->context->clock);
	if (change == ALARM_CLEARED) {
		c->occurrences = c->reported = 0;
	}
	return 0;
}

bool gateway_commit(struct gateway *g)
{
	bool reported = false;

	for (int i = 0; i < GATEWAY_RULE_COUNT; i++) {
		enum alarm_change change = pending_change(g, &g->conditions[i]);
		if (change != ALARM_UNCHANGED && report_change(g, i, change) == 0) {
			reported = true;
		}
	}
	return reported;
}
