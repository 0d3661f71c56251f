/* assess.c - verdict -> alarm -> event, for every limit of a point. */
#include <math.h>
#include <string.h>

#include "core/pipeline_state.h"

unsigned assess_periods(unsigned minutes, const struct mean_rule *rule)
{
	unsigned length = (unsigned)(rule->ms / MINUTE_MS);
	unsigned n = (minutes + length - 1) / length;

	return n ? n : 1;
}

/* ---- alarms ---- */

struct event assess_event(const struct outlet_state *outlet, const struct point_state *point, enum alarm_rule rule,
	const struct mean *mean)
{
	return (struct event){ .rule = rule,
		.outlet = outlet->conf,
		.point = point->conf,
		.at = point->series[0].last[PERIOD_MINUTE].end,
		.value = NAN,
		.mean = *mean };
}

/* Emits the event unless it repeats a known state. An exceedance is emitted again for each further period, and a
 * budget alarm for each higher level; the other alarms only when they are raised and cleared. */
static void emit_event(
	struct alarm *alarm, struct event *event, enum alarm_change change, const struct pipeline_sink *sink)
{
	event->change = change;
	event->since = alarm->since;
	event->worst = alarm->worst;
	bool repeats = change == ALARM_CONTINUED || (change == ALARM_WORSENED && event->rule != RULE_MONTH_SHARE);
	if (change != ALARM_UNCHANGED && !(repeats && event->rule != RULE_PERIOD_MEAN)) {
		sink->event(sink->context, event);
	}
}

void assess_apply(const struct pipeline *p, struct alarm *alarm, struct event *event, const struct finding *finding,
	const struct pipeline_sink *sink)
{
	bool within_hysteresis = finding->verdict == VERDICT_OK && finding->severity > 1.0 - p->settings.hysteresis;

	alarm_count(alarm, within_hysteresis ? VERDICT_NO_DATA : finding->verdict, finding->from);
	if (sink) {
		unsigned needed = alarm->raised ? finding->clear : finding->raise;
		emit_event(alarm, event, alarm_step(alarm, event->value, finding->severity, needed), sink);
	}
}

void assess_end(struct alarm *alarm, struct event *event, const struct pipeline_sink *sink)
{
	if (sink) {
		emit_event(alarm, event, alarm_end(alarm), sink);
	} else {
		/* An earlier run emitted the end, and the state of the alarm is restored. */
		alarm->periods_over = alarm->periods_within = 0;
	}
}

/* ---- which limits apply ---- */

/* The limit of a point that is being judged. */
struct judged {
	const struct pipeline *p;
	const struct outlet_state *outlet;
	const struct point_state *point;
	struct limit_state *state;
	const struct pipeline_sink *sink;
};

static enum period judged_period(const struct limit *limit)
{
	static const enum period periods[] = {
		[LIMIT_INSTANT] = PERIOD_MINUTE,
		[LIMIT_HOUR] = PERIOD_HOUR,
		[LIMIT_DAY] = PERIOD_DAY,
		[LIMIT_MONTH] = PERIOD_MONTH,
	};

	return periods[limit->period];
}

static bool condition_holds(
	const struct limit *limit, const struct outlet_state *outlet, enum period period, bool *ret_known)
{
	*ret_known = true;
	if (limit->when_factor[0] == '\0') {
		return true;
	}
	int index = outlet_point(outlet->conf, limit->when_factor);
	const struct mean *mean = index < 0 ? NULL : &outlet->points[index].series[0].last[period];
	if (!mean || !mean->valid) {
		*ret_known = false;
		return false;
	}
	return (isnan(limit->when_above) || mean->value > limit->when_above) &&
		(isnan(limit->when_at_most) || mean->value <= limit->when_at_most);
}

/* Judges the period that just closed by one limit; false when the limit does not apply. */
static bool judge_limit(const struct judged *j, const struct mean *mean, enum verdict *ret_verdict)
{
	const struct limit *limit = j->state->limit;
	bool known;

	if (mean->n_due == 0 || !limit_in_force(limit, j->outlet->conf->built, mean->start)) {
		return false;
	}
	if (!condition_holds(limit, j->outlet, mean->rule->period, &known) && known) {
		return false;
	}
	*ret_verdict = VERDICT_NO_DATA;
	if (known) {
		*ret_verdict = judge_mean(limit, mean, j->p->settings.rounding);
	}
	return true;
}

static double severity_of(const struct judged *j, double value)
{
	return judge_severity(j->state->limit, value, j->p->settings.rounding);
}

static struct event event_of(const struct judged *j, enum alarm_rule rule, const struct mean *mean)
{
	struct event event = assess_event(j->outlet, j->point, rule, mean);

	event.limit = j->state->limit;
	event.value = judge_number(j->state->limit, mean->value, ROUNDING_NONE);
	return event;
}

/* ---- closed periods ---- */

static void judge_minute(const struct judged *j)
{
	const struct mean *minute = &j->state->series->last[PERIOD_MINUTE];
	struct finding finding = { .from = minute->start };

	if (!judge_limit(j, minute, &finding.verdict)) {
		return;
	}
	struct event event = event_of(j, RULE_MINUTES_BEYOND, minute);
	finding.severity = severity_of(j, minute->value);
	finding.raise = finding.clear = assess_periods(j->p->settings.warning_minutes, minute->rule);
	assess_apply(j->p, &j->state->alarms[RULE_MINUTES_BEYOND], &event, &finding, j->sink);
}

/* Counts the hour in the month's share and judges the budget of hours. The alarm ends with its month. */
static void judge_month_share(const struct judged *j, const struct mean *hour, enum verdict verdict)
{
	struct event event = event_of(j, RULE_MONTH_SHARE, hour);
	struct alarm *alarm = &j->state->alarms[RULE_MONTH_SHARE];
	struct month_share *share = &j->state->share;
	struct finding finding = { .raise = 1, .clear = 1 };

	month_share_add(share, verdict, hour->start, j->p->settings.offset_min);
	month_share_view(share, j->state->limit->share_of_month, &event.share);
	event.value = event.share.used;
	finding.severity = month_share_level(&event.share);
	finding.verdict = finding.severity > 0.0 ? VERDICT_EXCEEDED : VERDICT_NO_DATA;
	finding.from = share->start;
	assess_apply(j->p, alarm, &event, &finding, j->sink);
	if (hour->end.ms >= share->end.ms) {
		assess_end(alarm, &event, j->sink);
	}
}

static void judge_period(const struct judged *j, const struct mean *mean)
{
	struct finding finding = { .raise = 1, .clear = 1, .from = mean->start };

	if (!judge_limit(j, mean, &finding.verdict)) {
		return;
	}
	struct event event = event_of(j, RULE_PERIOD_MEAN, mean);
	finding.severity = severity_of(j, mean->value);
	assess_apply(j->p, &j->state->alarms[RULE_PERIOD_MEAN], &event, &finding, j->sink);
	if (!isnan(j->state->limit->share_of_month) && mean->rule->period == PERIOD_HOUR) {
		judge_month_share(j, mean, finding.verdict);
	}
}

/* ---- the open period ---- */

static const struct mean_acc *open_period_of(const struct series *series, enum period period)
{
	switch (period) { /* cannot happen: a number that the enum does not have. GCOVR_EXCL_BR_LINE */
	case PERIOD_HOUR:
		return &series->hour;
	case PERIOD_DAY:
		return &series->day;
	case PERIOD_MINUTE:
	case PERIOD_MONTH:
	case PERIOD_COUNT:
		break;
	}
	return &series->month;
}

/* The open period for the message: sub-values that are still to come are not counted as missing. */
static struct mean open_mean(const struct mean_acc *acc)
{
	struct mean m;

	mean_close(acc, &m);
	m.value = mean_so_far(acc);
	m.valid = false;
	m.n_due = acc->due;
	memcpy(m.counts, acc->counts, sizeof(m.counts));
	return m;
}

/* Warns when `value` exceeds the fraction `of_limit` of the limit (1.0 = the limit itself). */
static void judge_warning(
	const struct judged *j, enum alarm_rule rule, double value, double of_limit, const struct mean *mean)
{
	const struct mean_rule *minute = mean_rule_of(mean->rule->medium, PERIOD_MINUTE);
	bool at_once = mean->rule->period != PERIOD_HOUR || rule == RULE_CERTAIN;
	unsigned needed = at_once ? 1 : assess_periods(j->p->settings.warning_minutes, minute);
	struct finding finding = { .raise = needed, .clear = needed, .from = mean->start };
	struct event event = event_of(j, rule, mean);

	event.value = judge_number(j->state->limit, value, ROUNDING_NONE);
	/* The value is divided and not the limit multiplied: 0.9 times the limit would keep a binary rounding error,
	 * and judge_value() removes that of the value. */
	finding.severity = severity_of(j, value / of_limit);
	finding.verdict = judge_value(j->state->limit, value / of_limit, j->p->settings.rounding);
	assess_apply(j->p, &j->state->alarms[rule], &event, &finding, j->sink);
}

/* True when the mean to come is the arithmetic mean of its sub-values. Only such a mean can be projected and
 * bounded. */
static bool is_arithmetic(const struct judged *j)
{
	bool by_volume = j->point->conf->factor->flow_weighted && (j->outlet->flow >= 0 || j->outlet->counter >= 0);
	bool average_first =
		j->state->series->conf.kind == SERIES_CONVERTED && j->p->settings.order == ORDER_AVERAGE_FIRST;

	return !by_volume && !average_first;
}

/* Lower bound of the later sub-values of the judged series; NAN when no bound is known. Conversion to dry basis,
 * standard state and reference oxygen multiplies by numbers that are not negative and have no upper bound. */
static double lowest_to_come(const struct judged *j)
{
	const struct point *point = j->point->conf;

	if (!point->has_least) {
		return NAN;
	}
	if (j->state->series->conf.kind == SERIES_MEASURED) {
		return point->least;
	}
	return point->least >= 0.0 ? 0.0 : NAN;
}

/* Judges the warnings about the open period. Only for limits without a lower bound: "most of the limit is used" has
 * no meaning for a range. */
static void warn_of_open_period(const struct judged *j, enum period period)
{
	const struct mean_acc *acc = open_period_of(j->state->series, period);
	const struct limit *limit = j->state->limit;
	const struct projection *projection = &j->state->projection;
	struct mean mean = open_mean(acc);
	double least = lowest_to_come(j);
	bool known, ready = projection_is_ready(projection);

	if (!isnan(limit->min) || !limit_in_force(limit, j->outlet->conf->built, acc->start) ||
		!condition_holds(limit, j->outlet, period - 1, &known)) {
		return;
	}
	if (ready && j->p->settings.approach > 0.0) {
		judge_warning(j, RULE_APPROACH, mean.value, j->p->settings.approach, &mean);
	}
	if (ready && is_arithmetic(j)) {
		judge_warning(j, RULE_PROJECTED, projection_value(projection), 1.0, &mean);
	}
	/* No certain warning for a conditional limit: only the whole period shows whether the limit applies. */
	if (is_arithmetic(j) && isfinite(least) && limit->when_factor[0] == '\0') {
		judge_warning(j, RULE_CERTAIN, projection_lowest(projection, acc, least), 1.0, &mean);
	}
}

/* Ends the warnings about a period that is over. */
static void end_warnings(const struct judged *j, const struct mean *mean)
{
	static const enum alarm_rule rules[] = { RULE_APPROACH, RULE_PROJECTED, RULE_CERTAIN };

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct event event = event_of(j, rules[i], mean);
		assess_end(&j->state->alarms[rules[i]], &event, j->sink);
	}
}

/* The number of sub-values in the whole period. */
static unsigned count_sub_values(const struct mean_acc *acc)
{
	enum period below = acc->rule->period - 1;

	return (unsigned)((acc->end.ms - acc->start.ms) / mean_rule_of(acc->rule->medium, below)->ms);
}

static void assess_limit(const struct judged *j, enum period longest)
{
	struct limit_state *state = j->state;
	enum period period = judged_period(state->limit);
	const struct mean *closed = state->series->last;

	judge_minute(j);
	/* Instant limits are judged by manual samples; on-line values only warn (limits.md 4, Water). */
	if (state->limit->period == LIMIT_INSTANT || longest + 1 < period) {
		return;
	}
	projection_add(&state->projection, closed[period - 1].value, closed[period - 1].valid);
	if (longest < period) {
		warn_of_open_period(j, period);
		return;
	}
	end_warnings(j, &closed[period]);
	projection_open(&state->projection, count_sub_values(open_period_of(state->series, period)), 0);
	judge_period(j, &closed[period]);
}

void assess_set_up(struct limit_state *state, struct utc start, int offset_min)
{
	enum period period = judged_period(state->limit);

	month_share_open(&state->share, start, offset_min);
	if (period == PERIOD_MINUTE) {
		return;
	}
	const struct mean_acc *acc = open_period_of(state->series, period);
	int64_t below_ms = mean_rule_of(acc->rule->medium, period - 1)->ms;
	projection_open(&state->projection, count_sub_values(acc), (unsigned)((start.ms - acc->start.ms) / below_ms));
}

void assess_past_hour(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	const struct series *series, const struct mean *hour)
{
	enum verdict verdict;

	for (size_t i = 0; i < point->conf->n_limits; i++) {
		struct limit_state *state = &point->limits[i];
		const struct judged j = { p, outlet, point, state, NULL };
		if (state->series == series && !isnan(state->limit->share_of_month) &&
			judge_limit(&j, hour, &verdict)) {
			month_share_add(&state->share, verdict, hour->start, p->settings.offset_min);
		}
	}
}

void assess_point(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	enum period longest, const struct pipeline_sink *sink)
{
	for (size_t i = 0; i < point->conf->n_limits; i++) {
		const struct judged j = { p, outlet, point, &point->limits[i], sink };
		assess_limit(&j, longest);
	}
}
