/* cmd_limits.c - emisctl limits and emisctl budget. */
#include <math.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"

/* The local day in China; null for dates that are not given. */
static json_t *json_date(struct utc at)
{
	char text[TIME_TEXT_SIZE];

	if (at.ms == TIME_NEVER.ms || at.ms == BUILT_UNKNOWN.ms) {
		return json_null();
	}
	time_format(at, CHINA_OFFSET_MIN, text);
	text[10] = '\0';
	return json_string(text);
}

/* The outlet's copy of the limit; NULL when the limit is not judged there. */
static const struct limit *find_judged(const struct outlet *outlet, const struct limit *limit)
{
	int index = outlet_point(outlet, limit->factor);

	for (size_t i = 0; index >= 0 && i < outlet->points[index].n_limits; i++) {
		if (strcmp(outlet->points[index].limits[i]->key, limit->key) == 0) {
			return outlet->points[index].limits[i];
		}
	}
	return NULL;
}

/* Whether the outlet is judged by the limit, and if not, why. */
static const char *describe_judging(const struct daemon *d, const struct outlet *outlet, const struct limit *limit)
{
	struct utc now = clock_utc(&d->clock);
	const struct limit *judged = find_judged(outlet, limit);

	if (outlet_point(outlet, limit->factor) < 0) {
		return "not measured";
	}
	if (!isnan(limit->gas_volume_per_tonne)) {
		return "refused: m3/t";
	}
	if (!judged) {
		return "its condition is not measured";
	}
	if (!limit_in_force(judged, outlet->built, now)) {
		return "not in force";
	}
	if (!limit_citable(judged)) {
		return "unconfirmed";
	}
	if (outlet->built.ms == BUILT_UNKNOWN.ms && limit_needs_built(judged, now)) {
		return "yes, built?"; /* the limit may not apply: that depends on `built`, which is not configured */
	}
	return limit->period == LIMIT_INSTANT ? "warns only" : "yes";
}

static json_t *condition_text(const struct limit *limit)
{
	if (limit->when_factor[0] == '\0') {
		return json_null();
	}
	return isnan(limit->when_above) ? json_sprintf("%s <= %g", limit->when_factor, limit->when_at_most)
					: json_sprintf("%s > %g", limit->when_factor, limit->when_above);
}

static void add_limit_row(const struct daemon *d, json_t *table, const struct outlet *outlet, const struct limit *limit)
{
	const struct legal_document *document = limit->document;
	const struct limit *judged = outlet ? find_judged(outlet, limit) : NULL;
	const struct limit *shown = judged ? judged : limit;
	bool strictest = judged &&
		outlet_strictest(outlet, &outlet->points[outlet_point(outlet, limit->factor)], clock_utc(&d->clock)) ==
			judged;

	reply_add_row(table,
		json_pack("[s?, s, s, s, s, s, o, o, s, o, o, o, o, s, s, s, o, o, o, o, o, s, s?, s, s?, b]",
			outlet ? outlet->id : NULL, limit->sector, limit->factor, limit->key, limit->tier,
			limit_period_name(limit->period), reply_number(limit->min), reply_number(limit->max),
			limit->unit, reply_number(shown->o2_ref), reply_number(limit->excess_air),
			reply_number(limit->share_of_month), condition_text(limit), document->number, document->title,
			limit->clause, json_date(limit->in_force), json_date(limit->in_force_existing),
			json_date(limit->new_since), json_date(limit->until), json_date(limit->built_before),
			limit->confidence, shown->confirmed_by[0] ? shown->confirmed_by : NULL, limit->note,
			outlet ? describe_judging(d, outlet, limit) : NULL, strictest));
}

/* True when the request has no text `key`, or the text is the value or its beginning up to a dot. */
static bool matches_filter(const json_t *request, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(request, key));
	size_t n = text ? strlen(text) : 0;

	return n == 0 || (strncmp(text, value, n) == 0 && (value[n] == '\0' || value[n] == '.'));
}

/* Writes that no limit matches the request, with the key that is most similar. */
static void refuse_key(const struct daemon *d, const json_t *request, char *error, size_t size)
{
	const char *key = json_string_value(json_object_get(request, "argument")), *nearest = NULL;
	char hint[TEXT_HINT_SIZE];

	for (size_t i = 0; key && i < d->site->n_limits; i++) {
		text_keep_nearest(key, d->site->limits[i].key, &nearest);
	}
	snprintf(error, size, "no limit%s%.60s%s matches; emisctl limits --all lists the catalogue%s", key ? " \"" : "",
		key ? key : "", key ? "\"" : "", text_did_you_mean(nearest, hint));
}

json_t *cmd_limits(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct reply_column columns[] = { { "outlet", "text" }, { "sector", "text" }, { "factor", "text" },
		{ "key", "text" }, { "tier", "text" }, { "period", "text" }, { "min", "number" }, { "max", "number" },
		{ "unit", "text" }, { "o2_ref", "number" }, { "excess_air", "number" }, { "share_of_month", "number" },
		{ "when", "text" }, { "document", "text" }, { "title", "text" }, { "clause", "text" },
		{ "in_force", "text" }, { "in_force_existing", "text" }, { "new_since", "text" }, { "until", "text" },
		{ "built_before", "text" }, { "confidence", "text" }, { "confirmed_by", "text" }, { "note", "text" },
		{ "judged", "text" }, { "strictest", "bool" } };
	json_t *table = reply_table("limits", columns, ARRAY_SIZE(columns));
	bool all = json_is_true(json_object_get(request, "all"));

	for (size_t o = 0; o < (all ? 1 : d->site->n_outlets); o++) {
		const struct outlet *outlet = all ? NULL : &d->site->outlets[o];
		for (size_t i = 0; i < d->site->n_limits; i++) {
			const struct limit *limit = &d->site->limits[i];
			bool here = !outlet ||
				(outlet_falls_under(outlet, limit) && site_wants_tier(d->site, o, limit->tier) &&
					matches_filter(request, "outlet", outlet->id));
			if (here && matches_filter(request, "argument", limit->key) &&
				matches_filter(request, "sector", limit->sector) &&
				matches_filter(request, "factor", limit->factor) &&
				matches_filter(request, "tier", limit->tier)) {
				add_limit_row(d, table, outlet, limit);
			}
		}
	}
	if (json_array_size(json_object_get(table, "rows")) == 0) {
		refuse_key(d, request, error, size);
		json_decref(table);
		return NULL;
	}
	return json_pack("[o]", table);
}

static void add_budget_row(const struct daemon *d, json_t *table, size_t outlet, size_t point, size_t index)
{
	const struct point *p = &d->site->outlets[outlet].points[point];
	const struct limit *limit = p->limits[index];
	struct month_share_view v;

	if (!pipeline_month_share(d->keeper.pipeline, outlet, point, index, &v)) {
		return;
	}
	reply_add_row(table,
		json_pack("[s, s, s, o, o, i, i, i, i, o, o, s, s]", d->site->outlets[outlet].id, p->factor->key,
			limit->key, reply_number(limit->max), reply_number(limit->share_of_month), (int)v.valid,
			(int)v.over, (int)v.allowed, (int)v.allowed - (int)v.over, reply_number(v.met),
			reply_number(v.projected), limit->document->number, limit->clause));
}

json_t *cmd_budget(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct reply_column columns[] = { { "outlet", "text" }, { "factor", "text" }, { "key", "text" },
		{ "limit", "number" }, { "share_of_month", "number" }, { "judged", "integer" }, { "over", "integer" },
		{ "allowed", "integer" }, { "left", "integer" }, { "met", "number" }, { "projected", "number" },
		{ "document", "text" }, { "clause", "text" } };
	json_t *table = reply_table("budget", columns, ARRAY_SIZE(columns));

	(void)request;
	(void)error;
	(void)size;
	for (size_t o = 0; o < d->site->n_outlets; o++) {
		for (size_t p = 0; p < d->site->outlets[o].n_points; p++) {
			for (size_t i = 0; i < d->site->outlets[o].points[p].n_limits; i++) {
				add_budget_row(d, table, o, p, i);
			}
		}
	}
	return json_pack("[o]", table);
}
