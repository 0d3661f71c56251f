/* conf_files.c - checks the files that the configuration names: certificates, keys, a password, serial ports,
 * directories. A box may be configured before they are all there, so a missing file is a note and not an error. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/conf/conf_internal.h"
#include "daemon/conf/conf_text.h"

static void note_missing(struct conf_load *load, struct conf_node node, const char *key, const char *path)
{
	if (path[0] && access(path, F_OK) < 0) {
		conf_complain(load->warnings, conf_path(node), conf_line(node),
			"%s: %s: %s; emisd needs it when it runs", key, path, strerror(errno));
	}
}

/* Notes that the directory is missing in which a file or socket will be made. */
static void note_missing_parent(struct conf_load *load, struct conf_node node, const char *key, const char *path)
{
	char parent[PATH_SIZE];
	const char *slash = strrchr(path, '/');

	if (slash && slash != path) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		note_missing(load, node, key, parent);
	}
}

/* Complains about a password that is not UTF-8: every broker that speaks MQTT 5 refuses it and does not say why. */
static void check_password(struct conf_load *load, const char *path)
{
	struct stat st;

	if (path[0] && access(path, R_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		free(conf_text_read(path, load->errors)); /* conf_text_read() complains */
	}
}

void conf_note_files(struct conf_load *load, struct conf_node root)
{
	struct conf_node links = conf_list(root, "links", false), mqtt = conf_group(root, "mqtt", false);
	struct conf_node store = conf_group(root, "store", false), control = conf_group(root, "control", false);
	const struct site *site = load->site;

	for (size_t i = 0; i < site->n_links && i < conf_count(links); i++) {
		note_missing(load, conf_at(links, i), "device", site->links[i].device);
	}
	note_missing(load, mqtt, "ca", site->mqtt.ca);
	note_missing(load, mqtt, "client_cert", site->mqtt.client_cert);
	note_missing(load, mqtt, "client_key", site->mqtt.client_key);
	note_missing(load, mqtt, "password_file", site->mqtt.password_file);
	check_password(load, site->mqtt.password_file);
	if (store.setting && conf_has(store, "path")) {
		note_missing_parent(load, store, "path", site->store.path); /* emisd makes the last directory */
	}
	if (control.setting && conf_has(control, "socket")) {
		note_missing_parent(load, control, "socket", site->control_socket);
	}
}
