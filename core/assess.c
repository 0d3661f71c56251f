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

/* An exceedance is repeated for each further period; other alarms say nothing new while they go on. The budget emits
 * each of its steps. */
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
	bool near = finding->verdict == VERDICT_OK && finding->severity > 1.0 - p->settings.hysteresis;

	alarm_count(alarm, near ? VERDICT_NO_DATA : finding->verdict, finding->from);
	if (sink) {
		unsigned need = alarm->raised ? finding->clear : finding->raise;
		emit_event(alarm, event, alarm_step(alarm, event->value, finding->severity, need), sink);
	}
}

void assess_end(struct alarm *alarm, struct event *event, const struct pipeline_sink *sink)
{
	if (sink) {
		emit_event(alarm, event, alarm_end(alarm), sink);
	} else {
		alarm->over = alarm->calm = 0; /* an earlier run emitted the end, and the alarm's state is restored */
	}
}

/* ---- which limits apply ---- */

/* A limit of a point at work. */
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

/* The verdict of one limit on the period that just closed; false when the limit does not apply. */
static bool judge(const struct judged *j, const struct mean *mean, enum verdict *ret_verdict)
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

static double used(const struct judged *j, double value)
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

	if (!judge(j, minute, &finding.verdict)) {
		return;
	}
	struct event event = event_of(j, RULE_MINUTES_BEYOND, minute);
	finding.severity = used(j, minute->value);
	finding.raise = finding.clear = assess_periods(j->p->settings.warning_minutes, minute->rule);
	assess_apply(j->p, &j->state->alarms[RULE_MINUTES_BEYOND], &event, &finding, j->sink);
}

/* The budget of hours, after the hour was counted. It ends with its month. */
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

	if (!judge(j, mean, &finding.verdict)) {
		return;
	}
	struct event event = event_of(j, RULE_PERIOD_MEAN, mean);
	finding.severity = used(j, mean->value);
	assess_apply(j->p, &j->state->alarms[RULE_PERIOD_MEAN], &event, &finding, j->sink);
	if (!isnan(j->state->limit->share_of_month) && mean->rule->period == PERIOD_HOUR) {
		judge_month_share(j, mean, finding.verdict);
	}
}

/* ---- the open period ---- */

static const struct mean_acc *open_of(const struct series *series, enum period period)
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

/* What the open period looks like, for the message: nothing is missing from what has not come yet. */
static struct mean so_far(const struct mean_acc *acc)
{
	struct mean m;

	mean_close(acc, &m);
	m.value = mean_so_far(acc);
	m.valid = false;
	m.n_due = acc->due;
	memcpy(m.counts, acc->counts, sizeof(m.counts));
	return m;
}

/* `value` against the limit, or against the share `of_limit` of it that warns. */
static void warn(const struct judged *j, enum alarm_rule rule, double value, double of_limit, const struct mean *mean)
{
	const struct mean_rule *minute = mean_rule_of(mean->rule->medium, PERIOD_MINUTE);
	bool at_once = mean->rule->period != PERIOD_HOUR || rule == RULE_CERTAIN;
	unsigned need = at_once ? 1 : assess_periods(j->p->settings.warning_minutes, minute);
	struct finding finding = { .raise = need, .clear = need, .from = mean->start };
	struct event event = event_of(j, rule, mean);

	event.value = judge_number(j->state->limit, value, ROUNDING_NONE);
	/* Divided before it is judged: 0.9 times a limit has noise of its own. */
	finding.severity = used(j, value / of_limit);
	finding.verdict = judge_value(j->state->limit, value / of_limit, j->p->settings.rounding);
	assess_apply(j->p, &j->state->alarms[rule], &event, &finding, j->sink);
}

/* A mean that is to come can be bounded and gone on with when it is the plain mean of what is below it. */
static bool is_arithmetic(const struct judged *j)
{
	bool by_volume = j->point->conf->factor->flow_weighted && (j->outlet->flow >= 0 || j->outlet->counter >= 0);
	bool average_first =
		j->state->series->conf.kind == SERIES_CONVERTED && j->p->settings.order == ORDER_AVERAGE_FIRST;

	return !by_volume && !average_first;
}

/* What no later sub-value of the judged series can be below; NAN when nothing says so. Dry basis, standard state and
 * reference oxygen multiply by numbers that are not negative and have no bound. */
static double least_to_come(const struct judged *j)
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

/* Warnings about the open period: for upper limits, since "most of it is used" says nothing of a range. */
static void look_ahead(const struct judged *j, enum period period)
{
	const struct mean_acc *acc = open_of(j->state->series, period);
	const struct limit *limit = j->state->limit;
	const struct projection *projection = &j->state->projection;
	struct mean mean = so_far(acc);
	double least = least_to_come(j);
	bool known, speaks = projection_is_ready(projection);

	if (!isnan(limit->min) || !limit_in_force(limit, j->outlet->conf->built, acc->start) ||
		!condition_holds(limit, j->outlet, period - 1, &known)) {
		return;
	}
	if (speaks && j->p->settings.approach > 0.0) {
		warn(j, RULE_APPROACH, mean.value, j->p->settings.approach, &mean);
	}
	if (speaks && is_arithmetic(j)) {
		warn(j, RULE_PROJECTED, projection_value(projection), 1.0, &mean);
	}
	/* Whether a conditional limit applies is known when the period is over, and not before. */
	if (is_arithmetic(j) && isfinite(least) && limit->when_factor[0] == '\0') {
		warn(j, RULE_CERTAIN, projection_lowest(projection, acc, least), 1.0, &mean);
	}
}

/* The period is over: what was said of it has its answer. */
static void end_warnings(const struct judged *j, const struct mean *mean)
{
	static const enum alarm_rule rules[] = { RULE_APPROACH, RULE_PROJECTED, RULE_CERTAIN };

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct event event = event_of(j, rules[i], mean);
		assess_end(&j->state->alarms[rules[i]], &event, j->sink);
	}
}

/* Sub-values of the open period. */
static unsigned sub_values(const struct mean_acc *acc)
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
	/* Instant values are judged by hand samples; on-line ones only warn (limits.md 4, Water). */
	if (state->limit->period == LIMIT_INSTANT || longest + 1 < period) {
		return;
	}
	projection_add(&state->projection, closed[period - 1].value, closed[period - 1].valid);
	if (longest < period) {
		look_ahead(j, period);
		return;
	}
	end_warnings(j, &closed[period]);
	projection_open(&state->projection, sub_values(open_of(state->series, period)), 0);
	judge_period(j, &closed[period]);
}

void assess_set_up(struct limit_state *state, struct utc start, int offset_min)
{
	enum period period = judged_period(state->limit);

	month_share_open(&state->share, start, offset_min);
	if (period == PERIOD_MINUTE) {
		return;
	}
	const struct mean_acc *acc = open_of(state->series, period);
	int64_t below_ms = mean_rule_of(acc->rule->medium, period - 1)->ms;
	projection_open(&state->projection, sub_values(acc), (unsigned)((start.ms - acc->start.ms) / below_ms));
}

void assess_past_hour(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	const struct series *series, const struct mean *hour)
{
	enum verdict verdict;

	for (size_t i = 0; i < point->conf->n_limits; i++) {
		struct limit_state *state = &point->limits[i];
		const struct judged j = { p, outlet, point, state, NULL };
		if (state->series == series && !isnan(state->limit->share_of_month) && judge(&j, hour, &verdict)) {
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
