/* cmd_acquire.c - the commands about the reading of instruments: links (of status), instruments, raw and plan. */
#include <math.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/conf/wire_time.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"

/* Why the link or an instrument on it fails now; "" when all is well. */
static const char *describe_trouble(const struct link_status *status, char *buf, size_t size)
{
	if (status->state == LINK_DOWN && status->connect_errno) {
		snprintf(buf, size, "%s", strerror(status->connect_errno));
	} else if (status->silent > 0 || status->state != LINK_UP) {
		answer_text(&status->last_failure, buf, size);
	} else {
		buf[0] = '\0';
	}
	return buf;
}

json_t *cmd_links_table(struct daemon *d)
{
	static const struct reply_column columns[] = { { "name", "text" }, { "type", "text" }, { "endpoint", "text" },
		{ "state", "text" }, { "instruments", "integer" }, { "silent", "integer" }, { "requests", "integer" },
		{ "failures", "integer" }, { "reconnects", "integer" }, { "load", "share" }, { "retry", "seconds" },
		{ "error", "text" } };
	static const char *const states[] = {
		[LINK_CONNECTING] = "connecting", [LINK_UP] = "up", [LINK_DOWN] = "down"
	};
	json_t *table = reply_table("links", columns, ARRAY_SIZE(columns));

	for (size_t i = 0; i < d->n_links; i++) {
		const struct link_conf *conf = &d->site->links[i];
		struct link_status status;
		char endpoint[PATH_SIZE + 16], error[128];
		int instruments = 0;

		link_get_status(d->links[i], &status);
		for (size_t k = 0; k < d->site->n_instruments; k++) {
			instruments += d->site->instruments[k].link == i;
		}
		if (conf->type == LINK_RTU) {
			snprintf(endpoint, sizeof(endpoint), "%s %d", conf->device, conf->baud);
		} else {
			snprintf(endpoint, sizeof(endpoint), "%s:%d", conf->host, conf->port);
		}
		reply_add_row(table,
			json_pack("[s, s, s, s, i, i, I, I, I, o, f, s]", conf->name, link_type_name(conf->type),
				endpoint, states[status.state], instruments, (int)status.silent,
				(json_int_t)status.requests, (json_int_t)status.failures, (json_int_t)status.reconnects,
				reply_number(status.load), (double)status.retry_ms / 1000.0,
				describe_trouble(&status, error, sizeof(error))));
	}
	return table;
}

/* ---- instruments ---- */

/* How often each exception code came, as "2:1 11:40": code 2 once, code 11 forty times. */
static json_t *exceptions_text(const struct poll_stats *stats)
{
	char text[EXCEPTION_CODES * 24] = "";

	for (size_t code = 0; code < EXCEPTION_CODES; code++) {
		size_t n = strlen(text);
		if (stats->exceptions[code] > 0) {
			snprintf(text + n, sizeof(text) - n, "%s%zu:%llu", n ? " " : "", code,
				(unsigned long long)stats->exceptions[code]);
		}
	}
	return json_string(text);
}

static void add_instrument_row(const struct daemon *d, json_t *table, size_t index)
{
	const struct instrument_conf *conf = &d->site->instruments[index];
	struct poll_stats s;

	if (!link_get_stats(d->links[conf->link], index, &s)) {
		return;
	}
	json_t *row = json_pack("[s, s, i, s, f]", conf->name, d->site->links[conf->link].name, conf->unit,
		conf->profile->name, (double)conf->poll_ms / 1000.0);
	const uint64_t counts[] = { s.requests, s.answers, s.timeouts, s.troubles[TROUBLE_CHECKSUM],
		s.troubles[TROUBLE_FOREIGN] + s.troubles[TROUBLE_OTHER_ID], s.troubles[TROUBLE_STALE],
		s.troubles[TROUBLE_CLOSED] + s.troubles[TROUBLE_NONE], s.discarded, s.retries, s.skipped, s.refused };
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		json_array_append_new(row, json_integer((json_int_t)counts[i]));
	}
	json_array_append_new(row, exceptions_text(&s));
	json_array_append_new(row, reply_number(latency_percentile(&s.latency, 0.5)));
	json_array_append_new(row, reply_number(latency_percentile(&s.latency, 0.95)));
	json_array_append_new(row, reply_number(s.latency.total ? (double)s.latency.max_us / 1000.0 : NAN));
	reply_add_row(table, row);
}

json_t *cmd_instruments(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct reply_column columns[] = { { "name", "text" }, { "link", "text" }, { "unit", "integer" },
		{ "profile", "text" }, { "poll", "seconds" }, { "requests", "integer" }, { "answers", "integer" },
		{ "timeouts", "integer" }, { "checksum", "integer" }, { "foreign", "integer" }, { "stale", "integer" },
		{ "closed", "integer" }, { "discarded", "integer" }, { "retries", "integer" }, { "skipped", "integer" },
		{ "refused", "integer" }, { "exceptions", "text" }, { "p50", "milliseconds" },
		{ "p95", "milliseconds" }, { "max", "milliseconds" } };
	json_t *table = reply_table("instruments", columns, ARRAY_SIZE(columns));

	(void)request;
	(void)error;
	(void)size;
	for (size_t i = 0; i < d->site->n_instruments; i++) {
		add_instrument_row(d, table, i);
	}
	return json_pack("[o]", table);
}

/* ---- raw registers ---- */

/* The registers as "420C 0000 -": a dash stands for a register that the device refuses; bits are 0 and 1. */
static json_t *registers_text(const struct request *request, const struct answer *answer)
{
	char text[5 * REQUEST_REGISTERS + 1] = "";
	size_t n = 0;

	for (size_t i = 0; answer->result == ANSWER_OK && i < request->count; i++) {
		const char *before = i ? " " : "";
		if (answer_refuses(answer, i)) {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s-", before);
		} else {
			n += (size_t)snprintf(text + n, sizeof(text) - n, request->function <= 2 ? "%s%X" : "%s%04X",
				before, (unsigned)answer->registers[i]);
		}
	}
	return json_string(text);
}

static void add_raw_rows(const struct daemon *d, json_t *table, size_t instrument)
{
	const struct instrument_conf *conf = &d->site->instruments[instrument];
	const struct utc *at;
	const struct answer *answers = acquire_answers(d->acquire, instrument, &at);
	char words[64];

	for (size_t i = 0; i < conf->profile->n_requests; i++) {
		const struct request *r = &conf->profile->requests[i];
		bool asked = answers[i].result != ANSWER_NONE;
		reply_add_row(table,
			json_pack("[s, i, i, i, o, s, o]", conf->name, r->function, r->address, r->count,
				asked ? reply_moment(d, at[i]) : json_null(),
				answer_text(&answers[i], words, sizeof(words)), registers_text(r, &answers[i])));
	}
}

json_t *cmd_raw(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct reply_column columns[] = { { "instrument", "text" }, { "function", "integer" },
		{ "address", "integer" }, { "count", "integer" }, { "at", "time" }, { "result", "text" },
		{ "registers", "text" } };
	const char *name = json_string_value(json_object_get(request, "argument"));
	json_t *table = reply_table("raw", columns, ARRAY_SIZE(columns));
	bool found = false;

	for (size_t i = 0; i < d->site->n_instruments; i++) {
		if (!name || strcmp(name, d->site->instruments[i].name) == 0) {
			add_raw_rows(d, table, i);
			found = true;
		}
	}
	if (!found) {
		const char *nearest = NULL;
		char hint[TEXT_HINT_SIZE];
		for (size_t i = 0; i < d->site->n_instruments; i++) {
			text_keep_nearest(name, d->site->instruments[i].name, &nearest);
		}
		snprintf(error, size, "there is no instrument \"%.64s\"%s", name, text_did_you_mean(nearest, hint));
		json_decref(table);
		return NULL;
	}
	return json_pack("[o]", table);
}

/* ---- plan ---- */

json_t *cmd_plan(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct reply_column columns[] = { { "instrument", "text" }, { "link", "text" },
		{ "function", "integer" }, { "address", "integer" }, { "count", "integer" }, { "bytes", "integer" },
		{ "wire", "milliseconds" }, { "every", "seconds" } };
	static const struct reply_column totals[] = { { "link", "text" }, { "share", "share" }, { "verdict", "text" } };
	json_t *blocks = reply_table("plan", columns, ARRAY_SIZE(columns));
	json_t *links = reply_table("links", totals, ARRAY_SIZE(totals));

	(void)request;
	(void)error;
	(void)size;
	for (size_t i = 0; i < d->site->n_instruments; i++) {
		const struct instrument_conf *conf = &d->site->instruments[i];
		for (size_t k = 0; k < conf->profile->n_requests; k++) {
			const struct request *r = &conf->profile->requests[k];
			struct wire_cost cost;
			wire_time_request(&d->site->links[conf->link], r, &cost);
			reply_add_row(blocks,
				json_pack("[s, s, i, i, i, i, f, f]", conf->name, d->site->links[conf->link].name,
					r->function, r->address, r->count, (int)cost.bytes, (double)cost.wire_ns / 1e6,
					wire_time_interval_s(conf, r)));
		}
	}
	for (size_t i = 0; i < d->site->n_links; i++) {
		char words[160];
		double load = wire_time_link(d->site, i);
		reply_add_row(links,
			json_pack("[s, o, s]", d->site->links[i].name, reply_number(load),
				wire_time_words(load, words, sizeof(words))));
	}
	return json_pack("[o, o]", blocks, links);
}
