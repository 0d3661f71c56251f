/* conf_print.c - prints the normal form of emisd.conf: every setting, defaults included, in a fixed order. */
#include <math.h>

#include "common/array.h"
#include "common/num.h"
#include "daemon/conf/conf_internal.h"

/* Prints a string so that libconfig reads the same text back. It holds no control character: is_plain_text() in conf.c
 * refuses them. */
static void print_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (const char *p = text; *p; p++) {
		switch (*p) {
		case '"':
		case '\\':
			fprintf(out, "\\%c", *p);
			break;
		default:
			fputc(*p, out);
		}
	}
	fputc('"', out);
}

static void print_setting(FILE *out, const char *key, const char *text)
{
	fprintf(out, "%s = ", key);
	print_string(out, text);
	fputs("; ", out);
}

static void print_optional(FILE *out, const char *key, const char *text)
{
	if (text[0]) {
		print_setting(out, key, text);
	}
}

static void print_number(FILE *out, const char *key, double value)
{
	char text[NUM_TEXT_SIZE];

	fprintf(out, "%s = %s; ", key, num_format(value, text));
}

static void print_duration(FILE *out, const char *key, int64_t ms)
{
	char text[TIME_TEXT_SIZE];

	print_setting(out, key, time_format_duration(ms, text));
}

static void print_size(FILE *out, const char *key, int64_t bytes)
{
	char text[NUM_TEXT_SIZE];

	print_setting(out, key, num_format_size(bytes, text));
}

/* For settings that are 0 when they are not configured. */
static void print_number_if_set(FILE *out, const char *key, double value)
{
	if (value > 0.0) {
		print_number(out, key, value);
	}
}

static void print_duration_if_set(FILE *out, const char *key, int64_t ms)
{
	if (ms > 0) {
		print_duration(out, key, ms);
	}
}

static void print_link(FILE *out, const struct link_conf *link)
{
	static const char *const rts_names[] = {
		[RTS_NONE] = "none", [RTS_UP] = "up", [RTS_DOWN] = "down", [RTS_KERNEL] = "kernel"
	};

	fputs("  { ", out);
	print_setting(out, "name", link->name);
	print_setting(out, "type", link_type_name(link->type));
	if (link->type == LINK_RTU) {
		const char *parity = link->parity == 'N' ? "none" : link->parity == 'E' ? "even" : "odd";
		print_setting(out, "device", link->device);
		fprintf(out, "baud = %d; parity = \"%s\"; data_bits = %d; stop_bits = %d; ", link->baud, parity,
			link->data_bits, link->stop_bits);
		print_setting(out, "rts", rts_names[link->rts]);
		if (link->rts == RTS_UP || link->rts == RTS_DOWN) {
			print_duration(out, "rts_delay", link->rts_delay_ms);
		}
	} else {
		print_setting(out, "host", link->host);
		fprintf(out, "port = %d; ", link->port);
	}
	if (link->type == LINK_TCP && link->ignore_ids) {
		print_setting(out, "transaction_ids", "ignored");
	}
	if (link->type != LINK_TCP) {
		print_duration(out, "gap", link->gap_ms);
	}
	print_duration(out, "timeout", link->timeout_ms);
	fputc('}', out);
}

static void print_instrument(FILE *out, const struct site *site, const struct instrument_conf *instrument)
{
	fputs("  { ", out);
	print_setting(out, "name", instrument->name);
	print_setting(out, "link", site->links[instrument->link].name);
	fprintf(out, "unit = %d; ", instrument->unit);
	print_setting(out, "profile", instrument->profile->name);
	print_optional(out, "variant", instrument->profile->variant);
	print_duration(out, "poll", instrument->poll_ms);
	fputc('}', out);
}

static void print_feed(FILE *out, const struct site *site, size_t outlet, size_t index)
{
	const struct feed *feed = site->feeds;

	while (feed->outlet != outlet || feed->point != index) {
		feed++;
	}
	fprintf(out, "from = \"%s.%s\"; ", site->instruments[feed->instrument].name, feed->channel->name);
	for (size_t i = 0; i < feed->n_flags; i++) {
		fprintf(out, "%s\"%s.%s\"%s", i ? ", " : "flags = [ ",
			site->instruments[feed->flags[i].instrument].name, feed->flags[i].status->name,
			i + 1 == feed->n_flags ? " ]; " : "");
	}
}

static void print_point(FILE *out, const struct site *site, size_t outlet, size_t index)
{
	const struct point *point = &site->outlets[outlet].points[index];
	static const char *const computed[] = { [COMPUTED_NOX] = "no+no2", [COMPUTED_FLOW] = "velocity" };

	fprintf(out, "      { factor = \"%s\"; ", point->factor->key);
	if (point->computed == COMPUTED_NOT) {
		print_feed(out, site, outlet, index);
	} else {
		print_setting(out, "computed", computed[point->computed]);
	}
	if (site->outlets[outlet].medium == MEDIUM_GAS) {
		fprintf(out, "basis = \"%s\"; state = \"%s\"; ", point->wet ? "wet" : "dry",
			point->actual ? "actual" : "standard");
	}
	if (point->pitot_kp > 0.0) {
		fputs("pitot = { ", out);
		print_number(out, "kp", point->pitot_kp);
		print_number(out, "density", point->gas_density);
		fputs("}; ", out);
	}
	print_number_if_set(out, "kv", point->field_coefficient);
	if (point->slope > 0.0) {
		print_number(out, "slope", point->slope);
		print_number(out, "intercept", point->intercept);
	}
	print_number_if_set(out, "wrap", point->counter_wrap);
	print_number_if_set(out, "range", point->range);
	if (point->has_least) {
		print_number(out, "least", point->least);
	}
	print_duration_if_set(out, "hold", point->hold_ms);
	print_duration_if_set(out, "cycle", point->cycle_ms);
	fputs("}", out);
}

/* Prints the confirmed limits, one in each entry. */
static void print_confirmed(FILE *out, const struct outlet *outlet)
{
	size_t n = 0;

	for (size_t p = 0; p < outlet->n_points; p++) {
		for (size_t i = 0; i < outlet->points[p].n_limits; i++) {
			const struct limit *limit = outlet->points[p].limits[i];
			if (limit->confirmed_by[0]) {
				fprintf(out, "%s      { limits = [ \"%s\" ]; ", n++ ? ",\n" : "    confirmed = (\n",
					limit->key);
				print_setting(out, "by", limit->confirmed_by);
				fputs("}", out);
			}
		}
	}
	fputs(n ? "\n    );\n" : "", out);
}

static void print_outlet_settings(FILE *out, const struct outlet *outlet)
{
	char date[TIME_TEXT_SIZE];

	for (size_t i = 0; i < OUTLET_SECTORS && outlet->also_sectors[i][0]; i++) {
		bool last = i + 1 == OUTLET_SECTORS || !outlet->also_sectors[i + 1][0];
		fprintf(out, "%s\"%s\"%s", i ? ", " : "    also_sectors = [ ", outlet->also_sectors[i],
			last ? " ];\n" : "");
	}
	if (!isnan(outlet->barometric_pa)) {
		fputs("    ", out);
		print_number(out, "barometric_kpa", num_significant(outlet->barometric_pa / 1000.0, 12));
		fputc('\n', out);
	}
	if (!isnan(outlet->area_m2)) {
		fputs("    ", out);
		print_number(out, "area", outlet->area_m2);
		fputc('\n', out);
	}
	if (outlet->built.ms != BUILT_UNKNOWN.ms) {
		fprintf(out, "    built = \"%.10s\";\n", time_format(outlet->built, CHINA_OFFSET_MIN, date));
	}
	if (outlet->grace_ms > 0) {
		fputs("    ", out);
		print_duration(out, "grace", outlet->grace_ms);
		fputc('\n', out);
	}
	if (outlet->air_added >= 0) {
		fprintf(out, "    air_added = %s;\n", outlet->air_added ? "true" : "false");
	}
}

static void print_outlet(FILE *out, const struct site *site, size_t index)
{
	const struct outlet *outlet = &site->outlets[index];

	fputs("  { ", out);
	print_setting(out, "id", outlet->id);
	print_optional(out, "name", outlet->name);
	fprintf(out, "medium = \"%s\"; ", outlet->medium == MEDIUM_GAS ? "gas" : "water");
	print_setting(out, "sector", outlet->sector);
	fputs("tiers = [ ", out);
	for (size_t i = 0; i < OUTLET_TIERS && site->tiers[index][i][0]; i++) {
		fprintf(out, "%s\"%s\"", i ? ", " : "", site->tiers[index][i]);
	}
	fputs(" ];\n", out);
	print_outlet_settings(out, outlet);
	print_confirmed(out, outlet);
	fputs("    points = (\n", out);
	for (size_t i = 0; i < outlet->n_points; i++) {
		print_point(out, site, index, i);
		fputs(i + 1 < outlet->n_points ? ",\n" : "\n", out);
	}
	fputs("    ); }", out);
}

static void print_mqtt(FILE *out, const struct mqtt_conf *mqtt)
{
	static const enum period periods[] = { PERIOD_MINUTE, PERIOD_HOUR, PERIOD_DAY };
	const char *comma = "";

	if (mqtt->n_brokers == 0) {
		return;
	}
	fputs("mqtt = { ", out);
	print_setting(out, "broker", mqtt->brokers[0]);
	fputs("standby = [", out);
	for (size_t i = 1; i < mqtt->n_brokers; i++) {
		fprintf(out, "%s\"%s\"", i > 1 ? ", " : " ", mqtt->brokers[i]);
	}
	fputs(" ]; ", out);
	print_optional(out, "ca", mqtt->ca);
	print_optional(out, "client_cert", mqtt->client_cert);
	print_optional(out, "client_key", mqtt->client_key);
	print_optional(out, "username", mqtt->username);
	print_optional(out, "password_file", mqtt->password_file);
	print_optional(out, "password_credential", mqtt->password_credential);
	fprintf(out, "version = \"%s\"; keepalive = \"%ds\"; window = %zu; means = [",
		mqtt->version == 5 ? "5" : "3.1.1", mqtt->keepalive_s, mqtt->window);
	for (size_t i = 0; i < ARRAY_SIZE(periods); i++) {
		if (mqtt->means[periods[i]]) {
			fprintf(out, "%s \"%s\"", comma, period_name(periods[i]));
			comma = ",";
		}
	}
	fputs(" ]; ", out);
	print_duration(out, "health", mqtt->health_ms);
	fputs("};\n", out);
}

void site_print(const struct site *site, FILE *out)
{
	fputs("site = { ", out);
	print_setting(out, "id", site->id);
	print_setting(out, "name", site->name);
	print_setting(out, "timezone", site->timezone);
	fprintf(out, "};\nsimulation = %s;\n\nlinks = (\n", site->simulation ? "true" : "false");
	for (size_t i = 0; i < site->n_links; i++) {
		print_link(out, &site->links[i]);
		fputs(i + 1 < site->n_links ? ",\n" : "\n", out);
	}
	fputs(");\n\ninstruments = (\n", out);
	for (size_t i = 0; i < site->n_instruments; i++) {
		print_instrument(out, site, &site->instruments[i]);
		fputs(i + 1 < site->n_instruments ? ",\n" : "\n", out);
	}
	fputs(");\n\noutlets = (\n", out);
	for (size_t i = 0; i < site->n_outlets; i++) {
		print_outlet(out, site, i);
		fputs(i + 1 < site->n_outlets ? ",\n" : "\n", out);
	}
	fputs(");\n\n", out);
	conf_print_judging(out, &site->judging);
	print_mqtt(out, &site->mqtt);
	fputs("clock = { ", out);
	print_duration(out, "wait", site->clock.wait_ms);
	print_setting(out, "synchronized", site->clock.synchronized);
	fputs("};\n", out);
	fputs("store = { ", out);
	print_setting(out, "path", site->store.path);
	print_size(out, "quota", site->store.quota_bytes);
	print_size(out, "reserve", site->store.reserve_bytes);
	print_duration(out, "batch", site->store.batch_ms);
	fprintf(out, "keep_minutes = %d; keep_means = %d; };\ncontrol = { ", site->store.keep_minutes,
		site->store.keep_means);
	print_setting(out, "socket", site->control_socket);
	print_setting(out, "admin_group", site->admin_group);
	fputs("};\n", out);
}
