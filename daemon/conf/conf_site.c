/* conf_site.c - reads emisd.conf: the site, its links and instruments, and the daemon's own settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/conf/conf_internal.h"
#include "daemon/conf/wire_time.h"

#define MAX_LINKS 256
#define MAX_INSTRUMENTS 1024

/* ---- links and instruments ---- */

static void read_tcp(struct conf_node node, struct link_conf *link)
{
	static const char *const keys[] = { "name", "type", "host", "port", "timeout", "transaction_ids", NULL };
	static const char *const id_names[] = { "checked", "ignored", NULL };
	static const char *const rtu_keys[] = { "name", "type", "host", "port", "timeout", "gap", NULL };
	bool rtu = link->type == LINK_RTU_TCP; /* RTU over TCP has no usual port */
	int64_t port = 502;
	size_t ids = 0;

	conf_allow_keys(node, rtu ? rtu_keys : keys);
	(void)conf_duration(node, "gap", false, CONF_RANGE(0, 2000), &link->gap_ms);
	(void)conf_string(node, "host", true, link->host, sizeof(link->host)); /* a complaint refuses the file */
	(void)conf_int(node, "port", rtu, CONF_RANGE(1, 65535), &port);
	link->port = (int)port;
	if (!rtu) {
		(void)conf_choice(node, "transaction_ids", false, id_names, &ids); /* checked unless configured */
	}
	link->ignore_ids = ids == 1;
}

static void read_rtu(struct conf_node node, struct link_conf *link)
{
	static const char *const keys[] = { "name", "type", "device", "baud", "parity", "data_bits", "stop_bits",
		"timeout", "gap", "rts", "rts_delay", NULL };
	static const char *const rts_names[] = { "none", "up", "down", "kernel", NULL };
	static const char *const parities[] = { "none", "even", "odd", NULL };
	/* libmodbus silently uses 9600 instead of any other rate. */
	static const int64_t bauds[] = { 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200 };
	int64_t baud = 9600, data_bits = 8, stop_bits = 1;
	size_t parity = 0, rts = 0, i = 0;

	conf_allow_keys(node, keys);
	(void)conf_string(node, "device", true, link->device, sizeof(link->device)); /* a complaint refuses the file */
	(void)conf_int(node, "baud", false, CONF_RANGE(1, 4000000), &baud);
	(void)conf_int(node, "data_bits", false, CONF_RANGE(7, 8), &data_bits);
	(void)conf_int(node, "stop_bits", false, CONF_RANGE(1, 2), &stop_bits);
	(void)conf_choice(node, "parity", false, parities, &parity);
	(void)conf_duration(node, "gap", false, CONF_RANGE(0, 2000), &link->gap_ms);
	(void)conf_choice(node, "rts", false, rts_names, &rts);
	(void)conf_duration(node, "rts_delay", false, CONF_RANGE(0, 100), &link->rts_delay_ms);
	if (conf_has(node, "rts_delay") && rts != RTS_UP && rts != RTS_DOWN) {
		conf_node_complain(node, "rts_delay needs rts = \"up\" or \"down\"");
	}
	link->rts = (enum rts)rts;
	while (i < ARRAY_SIZE(bauds) && bauds[i] != baud) {
		i++;
	}
	if (i == ARRAY_SIZE(bauds)) {
		conf_node_complain(node,
			"baud: %lld is not supported; use 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200",
			(long long)baud);
	}
	link->baud = (int)baud;
	link->data_bits = (int)data_bits;
	link->stop_bits = (int)stop_bits;
	link->parity = "NEO"[parity];
}

/* Complains about two links to one endpoint: many devices refuse a second connection; two masters on a bus collide. */
static void check_link(struct conf_node node, const struct site *site, const struct link_conf *link)
{
	for (const struct link_conf *other = site->links; other < link; other++) {
		bool same = link->type == LINK_RTU ? strcmp(other->device, link->device) == 0
						   : strcmp(other->host, link->host) == 0 && other->port == link->port;
		if (strcmp(other->name, link->name) == 0) {
			conf_node_complain(node, "the link \"%s\" is described twice", link->name);
		} else if ((other->type == LINK_RTU) == (link->type == LINK_RTU) && same) {
			conf_node_complain(node,
				"the links \"%s\" and \"%s\" lead to the same place; put both instruments on one link",
				other->name, link->name);
		}
	}
}

static void read_link(struct conf_load *load, struct conf_node node)
{
	static const char *const types[] = { "tcp", "rtu", "rtu-tcp", NULL };
	struct link_conf *link = conf_grow_array(load, &load->site->links, &load->site->n_links, sizeof(*link));
	size_t type;

	if (!link) {
		return;
	}
	link->timeout_ms = 1000;
	(void)conf_name(node, "name", true, link->name, sizeof(link->name)); /* a complaint refuses the file */
	(void)conf_duration(node, "timeout", false, CONF_RANGE(20, 5000), &link->timeout_ms);
	if (!conf_choice(node, "type", true, types, &type)) {
		return;
	}
	link->type = (enum link_type)type;
	if (link->type == LINK_RTU) {
		read_rtu(node, link);
	} else {
		read_tcp(node, link);
	}
	check_link(node, load->site, link);
}

static bool find_link(const struct site *site, const char *name, size_t *ret_link)
{
	for (size_t i = 0; i < site->n_links; i++) {
		if (strcmp(site->links[i].name, name) == 0) {
			*ret_link = i;
			return true;
		}
	}
	return false;
}

static void read_instrument(struct conf_load *load, struct conf_node node)
{
	static const char *const keys[] = { "name", "link", "unit", "profile", "variant", "poll", NULL };
	struct site *site = load->site;
	char link[NAME_SIZE], profile[48], variant[CHANNEL_NAME_SIZE] = "", words[CONF_WORDS_SIZE];
	int64_t unit = 0;
	struct instrument_conf *instrument =
		conf_grow_array(load, &site->instruments, &site->n_instruments, sizeof(*instrument));

	if (!instrument) {
		return;
	}
	conf_allow_keys(node, keys);
	(void)conf_name(
		node, "name", true, instrument->name, sizeof(instrument->name)); /* a complaint refuses the file */
	for (const struct instrument_conf *other = site->instruments; other < instrument; other++) {
		if (strcmp(other->name, instrument->name) == 0) {
			conf_node_complain(node, "the instrument \"%s\" is described twice", instrument->name);
		}
	}
	if (conf_name(node, "link", true, link, sizeof(link)) && !find_link(site, link, &instrument->link)) {
		conf_node_complain(node, "link: there is no link \"%s\"%s", link,
			conf_names(link, site->links[0].name, site->n_links, sizeof(site->links[0]), words));
	}
	bool rtu = site->n_links > 0 && site->links[instrument->link].type != LINK_TCP;
	(void)conf_int(node, "unit", true, CONF_RANGE(rtu ? 1 : 0, rtu ? 247 : 255), &unit);
	instrument->unit = (int)unit;
	instrument->poll_ms = 2000;
	(void)conf_duration(node, "poll", false, CONF_RANGE(200, HOUR_MS), &instrument->poll_ms);
	if (conf_name(node, "profile", true, profile, sizeof(profile))) {
		(void)conf_name(node, "variant", false, variant, sizeof(variant)); /* optional */
		if (conf_find_profile(load, node, profile)) {
			instrument->profile = conf_load_profile(load, profile, variant);
		}
	}
}

static void read_links_and_instruments(struct conf_load *load, struct conf_node root)
{
	struct conf_node links = conf_list(root, "links", true);
	struct conf_node instruments = conf_list(root, "instruments", true);

	if (conf_count(links) > MAX_LINKS || conf_count(instruments) > MAX_INSTRUMENTS) {
		conf_node_complain(root, "%zu links and %zu instruments; at most %d and %d are possible",
			conf_count(links), conf_count(instruments), MAX_LINKS, MAX_INSTRUMENTS);
		return;
	}
	for (size_t i = 0; i < conf_count(links); i++) {
		read_link(load, conf_at(links, i));
	}
	for (size_t i = 0; i < conf_count(instruments); i++) {
		read_instrument(load, conf_at(instruments, i));
	}
}

/* Warns about links that cannot keep the configured intervals, or hardly can. */
static void warn_busy_links(struct conf_load *load, struct conf_node root)
{
	struct conf_node links = conf_list(root, "links", false);
	char words[160];

	for (size_t i = 0; load->errors->n == 0 && i < load->site->n_links; i++) {
		double busy_ratio = wire_time_link(load->site, i);
		if (busy_ratio > WIRE_TIME_TIGHT) {
			struct conf_node node = conf_at(links, i);
			conf_complain(load->warnings, conf_path(node), conf_line(node), "link \"%s\": %s",
				load->site->links[i].name, wire_time_words(busy_ratio, words, sizeof(words)));
		}
	}
}

/* ---- settings ---- */

static void read_site_group(struct conf_load *load, struct conf_node root)
{
	static const char *const keys[] = { "id", "name", "timezone", NULL };
	struct conf_node node = conf_group(root, "site", true);
	struct site *site = load->site;

	conf_allow_keys(node, keys);
	(void)conf_topic_level(node, "id", site->id, sizeof(site->id)); /* complaints refuse the file */
	(void)conf_string(node, "name", true, site->name, sizeof(site->name));
	(void)text_copy(site->timezone, sizeof(site->timezone), "Asia/Shanghai");
	(void)conf_string(node, "timezone", false, site->timezone, sizeof(site->timezone));
	if (!time_parse_zone(site->timezone, &site->judging.offset_min)) {
		conf_node_complain(node,
			"timezone: found \"%s\", expected Asia/Shanghai, UTC or an offset such as +08:00",
			site->timezone);
	}
}

static void read_store(struct conf_load *load, struct conf_node root)
{
	static const char *const keys[] = { "path", "quota", "reserve", "batch", "keep_minutes", "keep_means", NULL };
	struct conf_node node = conf_group(root, "store", false);
	struct store_conf *store = &load->site->store;
	int64_t keep_minutes = 12, keep_means = 60;

	(void)text_copy(store->path, sizeof(store->path), "/var/lib/emisd");
	store->quota_bytes = (int64_t)2 << 30;
	store->reserve_bytes = (int64_t)16 << 20;
	store->batch_ms = 2 * SECOND_MS;
	conf_allow_keys(node, keys);
	(void)conf_string(node, "path", false, store->path, sizeof(store->path)); /* all are optional */
	(void)conf_duration(node, "batch", false, CONF_RANGE(SECOND_MS, 10 * SECOND_MS), &store->batch_ms);
	(void)conf_int(node, "keep_minutes", false, CONF_RANGE(1, 1200), &keep_minutes);
	(void)conf_int(node, "keep_means", false, CONF_RANGE(1, 1200), &keep_means);
	store->keep_minutes = (int)keep_minutes;
	store->keep_means = (int)keep_means;
	(void)conf_size(node, "quota", false, (int64_t)16 << 20, &store->quota_bytes);
	(void)conf_size(node, "reserve", false, (int64_t)1 << 20, &store->reserve_bytes);
}

static void read_clock(struct conf_load *load, struct conf_node root)
{
	static const char *const keys[] = { "wait", "synchronized", NULL };
	struct conf_node node = conf_group(root, "clock", false);
	struct clock_conf *clock = &load->site->clock;

	clock->wait_ms = 10 * MINUTE_MS;
	/* systemd-timesyncd touches this file. */
	(void)text_copy(clock->synchronized, sizeof(clock->synchronized), "/run/systemd/timesync/synchronized");
	conf_allow_keys(node, keys);
	(void)conf_duration(node, "wait", false, CONF_RANGE(0, DAY_MS), &clock->wait_ms); /* both are optional */
	(void)conf_string(node, "synchronized", false, clock->synchronized, sizeof(clock->synchronized));
}

static void read_root(struct conf_load *load, struct conf_node root)
{
	static const char *const keys[] = { "site", "links", "instruments", "outlets", "mqtt", "store", "clock",
		"control", "judging", "simulation", NULL };
	static const char *const control_keys[] = { "socket", "admin_group", NULL };
	struct site *site = load->site;

	if (conf_has(root, "profile") || conf_has(root, "document") || conf_has(root, "factors")) {
		conf_node_complain(root, "this is %s and describes no site; expected a file as /etc/emisd/emisd.conf",
			conf_has(root, "profile")            ? "an instrument's profile (profiles.d/)"
				: conf_has(root, "document") ? "a limit set (limits.d/)"
							     : "a list of factors (factors.conf)");
		return;
	}
	conf_allow_keys(root, keys);
	read_site_group(load, root);
	conf_read_judging(root, &site->judging);
	conf_read_mqtt(root, &site->mqtt);
	read_store(load, root);
	read_clock(load, root);
	(void)conf_bool(root, "simulation", false, &site->simulation); /* optional */
	(void)text_copy(site->control_socket, sizeof(site->control_socket), "/run/emisd/ctl.sock");
	(void)text_copy(site->admin_group, sizeof(site->admin_group), "emisd-admin");
	struct conf_node control = conf_group(root, "control", false);
	conf_allow_keys(control, control_keys);
	(void)conf_string(control, "socket", false, site->control_socket, sizeof(site->control_socket));
	(void)conf_string(control, "admin_group", false, site->admin_group, sizeof(site->admin_group));
	read_links_and_instruments(load, root);
	conf_load_outlets(load, root);
	warn_busy_links(load, root);
	conf_note_files(load, root);
}

struct site *site_load(
	const char *path, const char *catalogue, struct conf_errors *errors, struct conf_errors *warnings)
{
	char directory[PATH_SIZE] = ".";
	const char *slash = strrchr(path, '/');
	size_t before = errors->n;
	struct site *site = calloc(1, sizeof(*site));
	struct conf_load load = { .site = site, .directory = directory, .catalogue = catalogue, .errors = errors };

	load.warnings = warnings;
	if (!site) {
		return NULL;
	}
	if (slash && slash != path) {
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	}
	struct conf *conf = conf_open(path, errors);
	if (conf) {
		conf_load_factors(&load);
		if (errors->n == before) { /* without factors everything else would be a mistake, too */
			conf_load_limits(&load);
			read_root(&load, conf_root(conf));
		}
		conf_close(conf);
	}
	if (errors->n > before) {
		site_free(site);
		return NULL;
	}
	return site;
}

void site_free(struct site *site)
{
	if (!site) {
		return;
	}
	for (size_t i = 0; i < site->n_profiles; i++) {
		free(site->profiles[i]);
	}
	for (size_t i = 0; i < site->n_documents; i++) {
		free(site->documents[i]);
	}
	free(site->profiles);
	free(site->documents);
	free(site->factors);
	free(site->limits);
	for (size_t i = 0; i < site->n_own_limits; i++) {
		free(site->own_limits[i]);
	}
	free(site->own_limits);
	free(site->links);
	free(site->instruments);
	for (size_t i = 0; i < site->n_outlets; i++) {
		free(site->outlets[i].points);
	}
	free(site->outlets);
	free(site->tiers);
	free(site->feeds);
	free(site);
}
