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

static void tell(struct alarm *alarm, struct event *event, enum alarm_change change, const struct pipeline_sink *sink)
{
	event->change = change;
	event->since = alarm->since;
	event->worst = alarm->worst;
	/* An exceedance tells every period; the rest says nothing new while it goes on. The budget tells its steps. */
	bool repeats = change == ALARM_CONTINUED || (change == ALARM_WORSENED && event->rule != RULE_MONTH_SHARE);
	if (change != ALARM_UNCHANGED && !(repeats && event->rule != RULE_PERIOD_MEAN)) {
		sink->event(sink->context, event);
	}
}

void assess_apply(const struct pipeline *p, struct alarm *alarm, struct event *event, const struct finding *finding,
	const struct pipeline_sink *sink)
{
	bool near = finding->verdict == VERDICT_OK && finding->gravity > 1.0 - p->settings.hysteresis;

	alarm_count(alarm, near ? VERDICT_NO_DATA : finding->verdict, finding->from);
	if (sink) {
		unsigned need = alarm->raised ? finding->clear : finding->raise;
		tell(alarm, event, alarm_step(alarm, event->value, finding->gravity, need), sink);
	}
}

void assess_end(struct alarm *alarm, struct event *event, const struct pipeline_sink *sink)
{
	if (sink) {
		tell(alarm, event, alarm_end(alarm), sink);
	} else {
		alarm->over = alarm->calm = 0; /* told by an earlier run, which also said whether it is raised now */
	}
}

/* ---- which limits apply ---- */

static enum period judged_period(const struct limit *limit)
{
	switch (limit->period) {
	case LIMIT_INSTANT:
		return PERIOD_MINUTE;
	case LIMIT_HOUR:
		return PERIOD_HOUR;
	case LIMIT_DAY:
		return PERIOD_DAY;
	case LIMIT_MONTH:
		return PERIOD_MONTH;
	}
	return PERIOD_HOUR;
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
	if (!mean || !mean->rule || !mean->valid) {
		*ret_known = false;
		return false;
	}
	return (isnan(limit->when_above) || mean->value > limit->when_above) &&
		(isnan(limit->when_at_most) || mean->value <= limit->when_at_most);
}

/* The verdict of one limit on the period that just closed; false when the limit does not apply. */
static bool judge(const struct pipeline *p, const struct limit *limit, const struct outlet_state *outlet,
	const struct point_state *point, const struct mean *mean, enum verdict *ret_verdict)
{
	bool known;

	if (mean->n_due == 0 || !limit_in_force(limit, outlet->conf->built, mean->start)) {
		return false;
	}
	if (!condition_holds(limit, outlet, mean->rule->period, &known) && known) {
		return false;
	}
	*ret_verdict =
		known ? judge_mean(limit, mean, p->settings.rounding, point->conf->factor->decimals) : VERDICT_NO_DATA;
	return true;
}

static struct event event_of(const struct outlet_state *outlet, const struct point_state *point,
	const struct limit_state *state, enum alarm_rule rule, const struct mean *mean)
{
	return (struct event){ .rule = rule,
		.outlet = outlet->conf,
		.point = point->conf,
		.limit = state->limit,
		.at = state->series->last[PERIOD_MINUTE].end,
		.value = mean->value,
		.mean = *mean };
}

/* ---- closed periods ---- */

static void judge_minute(const struct pipeline *p, const struct outlet_state *outlet, const struct point_state *point,
	struct limit_state *state, const struct pipeline_sink *sink)
{
	const struct mean *minute = &state->series->last[PERIOD_MINUTE];
	struct finding finding = { .from = minute->start };

	if (!judge(p, state->limit, outlet, point, minute, &finding.verdict)) {
		return;
	}
	struct event event = event_of(outlet, point, state, RULE_MINUTES_BEYOND, minute);
	finding.gravity = judge_share(state->limit, minute->value);
	finding.raise = finding.clear = assess_periods(p->settings.warning_minutes, minute->rule);
	assess_apply(p, &state->alarms[RULE_MINUTES_BEYOND], &event, &finding, sink);
}

/* The budget of hours, after the hour was counted. It ends with its month. */
static void judge_share_of_month(const struct pipeline *p, const struct outlet_state *outlet,
	const struct point_state *point, struct limit_state *state, const struct mean *hour, enum verdict verdict,
	const struct pipeline_sink *sink)
{
	struct event event = event_of(outlet, point, state, RULE_MONTH_SHARE, hour);
	struct alarm *alarm = &state->alarms[RULE_MONTH_SHARE];
	struct finding finding = { .raise = 1, .clear = 1 };

	share_add(&state->share, verdict, hour->start, p->settings.offset_min);
	share_view(&state->share, state->limit->share_of_month, &event.share);
	event.value = event.share.used;
	finding.gravity = share_level(&event.share);
	finding.verdict = finding.gravity > 0.0 ? VERDICT_EXCEEDED : VERDICT_NO_DATA;
	finding.from = state->share.start;
	assess_apply(p, alarm, &event, &finding, sink);
	if (hour->end.ms >= state->share.end.ms) {
		assess_end(alarm, &event, sink);
	}
}

static void judge_period(const struct pipeline *p, const struct outlet_state *outlet, const struct point_state *point,
	struct limit_state *state, const struct mean *mean, const struct pipeline_sink *sink)
{
	struct finding finding = { .raise = 1, .clear = 1, .from = mean->start };

	if (!judge(p, state->limit, outlet, point, mean, &finding.verdict)) {
		return;
	}
	struct event event = event_of(outlet, point, state, RULE_PERIOD_MEAN, mean);
	finding.gravity = judge_share(state->limit, mean->value);
	assess_apply(p, &state->alarms[RULE_PERIOD_MEAN], &event, &finding, sink);
	if (!isnan(state->limit->share_of_month) && mean->rule->period == PERIOD_HOUR) {
		judge_share_of_month(p, outlet, point, state, mean, finding.verdict, sink);
	}
}

/* ---- the open period ---- */

static const struct mean_acc *open_of(const struct series *series, enum period period)
{
	switch (period) {
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

static void warn(const struct pipeline *p, const struct outlet_state *outlet, const struct point_state *point,
	struct limit_state *state, enum alarm_rule rule, double value, double share, const struct mean *mean,
	const struct pipeline_sink *sink)
{
	struct finding finding = { .verdict = VERDICT_NO_DATA, .gravity = share, .from = mean->start };
	struct event event = event_of(outlet, point, state, rule, mean);

	event.value = value;
	if (isfinite(share)) {
		finding.verdict = share > 1.0 ? VERDICT_EXCEEDED : VERDICT_OK;
	}
	finding.raise = finding.clear = 1;
	if (mean->rule->period == PERIOD_HOUR && rule != RULE_CERTAIN) {
		finding.raise =
			assess_periods(p->settings.warning_minutes, mean_rule_of(mean->rule->medium, PERIOD_MINUTE));
		finding.clear = finding.raise;
	}
	assess_apply(p, &state->alarms[rule], &event, &finding, sink);
}

/* Warnings about the open period: for upper limits, since "most of it is used" says nothing of a range. */
static void look_ahead(const struct pipeline *p, const struct outlet_state *outlet, const struct point_state *point,
	struct limit_state *state, enum period period, const struct pipeline_sink *sink)
{
	const struct mean_acc *acc = open_of(state->series, period);
	const struct limit *limit = state->limit;
	struct mean mean = so_far(acc);
	bool by_volume = point->conf->factor->flow_weighted && (outlet->flow >= 0 || outlet->counter >= 0);
	bool arithmetic = !by_volume &&
		!(state->series->conf.kind == SERIES_CONVERTED && p->settings.order == ORDER_AVERAGE_FIRST);
	bool known;

	if (!isnan(limit->min) || !limit_in_force(limit, outlet->conf->built, acc->start) ||
		!condition_holds(limit, outlet, period - 1, &known)) {
		return;
	}
	if (outlook_speaks(&state->outlook)) {
		if (p->settings.approach > 0.0) {
			double share = judge_share(limit, mean.value) / p->settings.approach;
			warn(p, outlet, point, state, RULE_APPROACH, mean.value, share, &mean, sink);
		}
		if (arithmetic) {
			double projected = outlook_projected(&state->outlook);
			warn(p, outlet, point, state, RULE_PROJECTED, projected, judge_share(limit, projected), &mean,
				sink);
		}
	}
	if (arithmetic) {
		double lowest = outlook_lowest(&state->outlook);
		warn(p, outlet, point, state, RULE_CERTAIN, lowest, judge_share(limit, lowest), &mean, sink);
	}
}

/* The period is over: what was said of it has its answer. */
static void end_warnings(const struct outlet_state *outlet, const struct point_state *point, struct limit_state *state,
	const struct mean *mean, const struct pipeline_sink *sink)
{
	static const enum alarm_rule rules[] = { RULE_APPROACH, RULE_PROJECTED, RULE_CERTAIN };

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct event event = event_of(outlet, point, state, rules[i], mean);
		assess_end(&state->alarms[rules[i]], &event, sink);
	}
}

/* Sub-values of the open period. */
static unsigned sub_values(const struct mean_acc *acc)
{
	enum period below = acc->rule->period - 1;

	return (unsigned)((acc->end.ms - acc->start.ms) / mean_rule_of(acc->rule->medium, below)->ms);
}

static void assess_limit(const struct pipeline *p, const struct outlet_state *outlet, const struct point_state *point,
	struct limit_state *state, enum period longest, const struct pipeline_sink *sink)
{
	enum period period = judged_period(state->limit);
	const struct mean *closed = state->series->last;

	judge_minute(p, outlet, point, state, sink);
	/* Instant values are judged by hand samples; on-line ones only warn (limits.md 4, Water). */
	if (state->limit->period == LIMIT_INSTANT || longest + 1 < period) {
		return;
	}
	outlook_add(&state->outlook, closed[period - 1].value, closed[period - 1].valid);
	if (longest < period) {
		look_ahead(p, outlet, point, state, period, sink);
		return;
	}
	end_warnings(outlet, point, state, &closed[period], sink);
	outlook_open(&state->outlook, sub_values(open_of(state->series, period)), 0);
	judge_period(p, outlet, point, state, &closed[period], sink);
}

void assess_set_up(struct limit_state *state, struct utc start, int offset_min)
{
	enum period period = judged_period(state->limit);

	share_open(&state->share, start, offset_min);
	if (period == PERIOD_MINUTE) {
		return;
	}
	const struct mean_acc *acc = open_of(state->series, period);
	int64_t below_ms = mean_rule_of(acc->rule->medium, period - 1)->ms;
	outlook_open(&state->outlook, sub_values(acc), (unsigned)((start.ms - acc->start.ms) / below_ms));
}

void assess_past_hour(const struct pipeline *p, const struct outlet_state *outlet, struct point_state *point,
	const struct series *series, const struct mean *hour)
{
	enum verdict verdict;

	for (size_t i = 0; i < point->conf->n_limits; i++) {
		struct limit_state *state = &point->limits[i];
		if (state->series == series && !isnan(state->limit->share_of_month) &&
			judge(p, state->limit, outlet, point, hour, &verdict)) {
			share_add(&state->share, verdict, hour->start, p->settings.offset_min);
		}
	}
}

void assess_outlet(
	const struct pipeline *p, struct outlet_state *outlet, enum period longest, const struct pipeline_sink *sink)
{
	for (size_t i = 0; i < outlet->conf->n_points; i++) {
		struct point_state *point = &outlet->points[i];
		for (size_t k = 0; k < point->conf->n_limits; k++) {
			assess_limit(p, outlet, point, &point->limits[k], longest, sink);
		}
		condition_judge(p, outlet, point, longest, sink);
	}
}
