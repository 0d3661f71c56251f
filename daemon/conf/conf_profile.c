/* conf_profile.c - reads profiles.d/NAME.conf, the register map of an instrument. See docs/profiles.md. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "core/plan.h"
#include "daemon/conf/conf_field.h"
#include "daemon/conf/conf_internal.h"
#include "drivers/drivers.h"

static void read_driver(struct conf_node head, struct profile *p)
{
	char name[CHANNEL_NAME_SIZE];
	int64_t records = 0;

	if (!conf_has(head, "driver")) {
		if (conf_has(head, "records")) {
			conf_node_complain(head, "records needs driver");
		}
		return;
	}
	if (conf_name(head, "driver", true, name, sizeof(name)) && !(p->driver = driver_find(name))) {
		conf_node_complain(head, "driver: there is no driver \"%s\"", name);
	}
	(void)conf_int(head, "records", true, CONF_RANGE(1, 64), &records); /* a complaint refuses the file */
	p->records = (unsigned)records;
}

static size_t read_head(struct conf_node root, struct profile *p)
{
	static const char *const keys[] = { "name", "maker", "model", "source", "confidence", "addresses",
		"max_registers", "max_gap", "retries", "delay", "turnaround", "timeout", "byte_timeout", "driver",
		"records", NULL };
	struct conf_node head = conf_group(root, "profile", true);
	int64_t max_registers = REQUEST_REGISTERS, max_gap = 0, retries = 0;
	size_t notation = 0;

	conf_allow_keys(head, keys);
	(void)conf_string(head, "maker", true, p->maker, sizeof(p->maker)); /* a complaint refuses the file */
	(void)conf_string(head, "model", true, p->model, sizeof(p->model));
	(void)conf_string(head, "source", true, p->source, sizeof(p->source));
	(void)conf_string(head, "confidence", true, p->confidence, sizeof(p->confidence));
	(void)conf_choice(head, "addresses", true, conf_notation_names, &notation);
	(void)conf_int(head, "max_registers", false, CONF_RANGE(1, REQUEST_REGISTERS), &max_registers);
	(void)conf_int(head, "max_gap", false, CONF_RANGE(0, REQUEST_REGISTERS), &max_gap);
	(void)conf_int(head, "retries", false, CONF_RANGE(0, 5), &retries);
	(void)conf_duration(head, "delay", false, CONF_RANGE(0, 5 * SECOND_MS), &p->delay_ms);
	(void)conf_duration(head, "turnaround", false, CONF_RANGE(0, 5 * SECOND_MS), &p->turnaround_ms);
	(void)conf_duration(head, "timeout", false, CONF_RANGE(20, 5 * SECOND_MS), &p->timeout_ms);
	(void)conf_duration(head, "byte_timeout", false, CONF_RANGE(1, SECOND_MS), &p->byte_timeout_ms);
	char name[sizeof(p->name)];
	if (conf_name(head, "name", true, name, sizeof(name)) && strcmp(name, p->name) != 0) {
		conf_node_complain(
			head, "the profile calls itself \"%s\", but the file is named \"%s\"", name, p->name);
	}
	read_driver(head, p);
	p->max_registers = (unsigned)max_registers;
	p->max_gap = (unsigned)max_gap;
	p->retries = (unsigned)retries;
	return notation;
}

static void read_forbidden(struct conf_node root, struct profile *p)
{
	static const char *const keys[] = { "function", "from", "to", NULL };
	struct conf_node list = conf_list(root, "forbidden", false);

	if (conf_count(list) > PROFILE_FORBIDDEN) {
		conf_node_complain(root, "forbidden: at most %d ranges are possible", PROFILE_FORBIDDEN);
		return;
	}
	for (size_t i = 0; i < conf_count(list); i++) {
		struct conf_node node = conf_at(list, i);
		int64_t function = 0, from = 0, to = 0;
		conf_allow_keys(node, keys);
		bool good = conf_int(node, "function", true, CONF_RANGE(1, 4), &function);
		good &= conf_int(node, "from", true, CONF_RANGE(0, 65535), &from);
		good &= conf_int(node, "to", true, CONF_RANGE(0, 65535), &to);
		if (good && from > to) {
			conf_node_complain(node, "found from greater than to, expected from <= to");
		}
		p->forbidden[p->n_forbidden++] = (struct forbidden){ (uint8_t)function, (uint16_t)from, (uint16_t)to };
	}
}

/* The variant of that name. When there is none, its setting is NULL, with a complaint unless the name is empty. */
static struct conf_node find_variant(struct conf_node root, const char *variant)
{
	struct conf_node list = conf_list(root, "variants", false);
	struct conf_node none = { root.conf, NULL };
	char name[CHANNEL_NAME_SIZE], known[200] = "";

	for (size_t i = 0; i < conf_count(list); i++) {
		struct conf_node node = conf_at(list, i);
		if (conf_name(node, "name", true, name, sizeof(name))) {
			size_t n = strlen(known);
			if (strcmp(name, variant) == 0) {
				return node;
			}
			snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", name);
		}
	}
	if (variant[0]) {
		conf_node_complain(
			root, "there is no variant \"%s\"; there are: %s", variant, known[0] ? known : "none");
	}
	return none;
}

static void read_profile(struct conf_node root, struct profile *p)
{
	static const char *const keys[] = { "profile", "channels", "statuses", "identify", "auxiliaries", "forbidden",
		"variants", NULL };
	static const char *const variant_keys[] = { "name", "channels", "statuses", "identify", "auxiliaries", NULL };

	conf_allow_keys(root, keys);
	size_t notation = read_head(root, p);
	struct conf_node variant = find_variant(root, p->variant);
	read_forbidden(root, p);
	conf_read_states(root, notation, p, false);
	if (variant.setting) {
		conf_allow_keys(variant, variant_keys);
		conf_read_states(variant, notation, p, true);
	}
	conf_read_channels(root, notation, p, false);
	if (variant.setting) {
		conf_read_channels(variant, notation, p, true);
	}
	if (p->n_channels == 0 && p->n_statuses == 0) {
		conf_node_complain(root, "found neither channels nor statuses, expected at least one of them%s",
			conf_has(root, "variants") && !p->variant[0] ? "; choose a variant of this profile" : "");
	}
	int r = plan_requests(p);
	if (r == -EMSGSIZE) {
		conf_node_complain(
			root, "a value is longer than max_registers allows in one request; raise max_registers");
	} else if (r < 0) {
		conf_node_complain(
			root, "reading this takes more than %d requests; allow holes with max_gap", PROFILE_REQUESTS);
	}
}

/* Finds the profile in `folder` whose name is nearest to `name`. `nearest` is "" or the nearest name so far, and
 * untouched when the folder has no nearer one. */
static void find_nearest_profile(const char *folder, const char *name, char *nearest, size_t size)
{
	char path[PATH_SIZE * 2], own[64];
	struct dirent **entries;
	const char *kept = nearest[0] ? nearest : NULL;

	snprintf(path, sizeof(path), "%s/profiles.d", folder);
	int n = scandir(path, &entries, conf_is_file, alphasort);
	for (int i = 0; i < n; i++) {
		const char *better = kept;
		size_t length = strlen(entries[i]->d_name) - strlen(".conf");
		snprintf(own, sizeof(own), "%.*s", (int)length, entries[i]->d_name);
		text_keep_nearest(name, own, &better);
		if (better == own) {
			snprintf(nearest, size, "%s", own);
			kept = nearest;
		}
		free(entries[i]);
	}
	if (n >= 0) {
		free(entries);
	}
}

bool conf_find_profile(struct conf_load *load, struct conf_node instrument, const char *name)
{
	char beside[PATH_SIZE * 2], shipped[PATH_SIZE * 2], nearest[64] = "", hint[TEXT_HINT_SIZE];

	snprintf(beside, sizeof(beside), "%s/profiles.d/%s.conf", load->directory, name);
	snprintf(shipped, sizeof(shipped), "%s/profiles.d/%s.conf", load->catalogue, name);
	if (access(beside, F_OK) == 0 || access(shipped, F_OK) == 0) {
		return true;
	}
	find_nearest_profile(load->directory, name, nearest, sizeof(nearest));
	find_nearest_profile(load->catalogue, name, nearest, sizeof(nearest));
	conf_node_complain(instrument, "profile: there is neither %.250s nor %.250s%s", beside, shipped,
		text_did_you_mean(nearest[0] ? nearest : NULL, hint));
	return false;
}

const struct profile *conf_load_profile(struct conf_load *load, const char *name, const char *variant)
{
	struct site *site = load->site;
	char relative[PATH_SIZE], path[PATH_SIZE * 2];

	for (size_t i = 0; i < site->n_profiles; i++) {
		if (strcmp(site->profiles[i]->name, name) == 0 && strcmp(site->profiles[i]->variant, variant) == 0) {
			return site->profiles[i];
		}
	}
	struct profile *p = calloc(1, sizeof(*p));
	struct profile **slot =
		p ? conf_grow_array(load, &site->profiles, &site->n_profiles, sizeof(struct profile *)) : NULL;
	if (!slot) {
		free(p);
		return NULL;
	}
	*slot = p;
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->variant, sizeof(p->variant), "%s", variant);
	snprintf(relative, sizeof(relative), "profiles.d/%s.conf", name);
	conf_find_file(load, relative, path, sizeof(path));
	struct conf *conf = conf_open(path, load->errors);
	if (!conf) {
		return p; /* this complaint refuses the configuration, and the next instruments repeat none */
	}
	size_t before = load->errors->n;
	read_profile(conf_root(conf), p);
	if (load->warnings && load->errors->n == before) {
		conf_note_channels(conf_root(conf), p, load->warnings);
		conf_note_channels(find_variant(conf_root(conf), p->variant), p, load->warnings);
	}
	conf_close(conf);
	return p;
}
