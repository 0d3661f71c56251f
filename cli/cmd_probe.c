/* cmd_probe.c - emisctl probe: starts emisd --probe, which has the Modbus library and the profiles. Refuses when the
 * running daemon uses the same endpoint. */
#include "cli/cmd_probe.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/cmds.h"
#include "cli/emisd.h"

enum { EXIT_REFUSED = 1 };

/* The value of --option VALUE or --option=VALUE; NULL when it is not there. */
static const char *option_value(int argc, char **argv, const char *option)
{
	size_t n = strlen(option);

	for (int i = 1; i < argc && argv[i]; i++) {
		if (strncmp(argv[i], option, n) == 0 && argv[i][n] == '=') {
			return argv[i] + n + 1;
		}
		if (strcmp(argv[i], option) == 0 && i + 1 < argc) {
			return argv[i + 1];
		}
	}
	return NULL;
}

static bool has_option(int argc, char **argv, const char *option)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], option) == 0) {
			return true;
		}
	}
	return false;
}

/* Writes the name of the daemon's link to this endpoint into buf. False when it has none, or no daemon answers. */
static bool find_link(const char *socket_path, const char *endpoint, char *buf, size_t size)
{
	struct client_error error = { 0 };
	char full[300];
	bool found = false;
	json_t *request = json_pack("{s:s}", "cmd", "status");
	json_t *tables = client_ask(socket_path, request, 2000, &error);
	const json_t *links = tables_find(tables, "links");
	size_t i;
	json_t *row;

	snprintf(full, sizeof(full), "%s%s", endpoint, strchr(endpoint, ':') ? "" : ":502");
	json_array_foreach(json_object_get(links, "rows"), i, row)
	{
		if (strcmp(tables_text(links, row, "endpoint"), full) == 0) {
			snprintf(buf, size, "%s", tables_text(links, row, "name"));
			found = true;
		}
	}
	json_decref(tables);
	json_decref(request);
	return found;
}

int cmd_probe(const char *socket_path, int argc, char **argv)
{
	const char *endpoint = option_value(argc, argv, "--tcp");
	char link[64];

	endpoint = endpoint ? endpoint : option_value(argc, argv, "--rtu-tcp");
	if (endpoint && !has_option(argc, argv, "--shared") && find_link(socket_path, endpoint, link, sizeof(link))) {
		fprintf(stderr,
			"emisctl: emisd polls %s (link %s), and many devices allow one connection only; stop emisd, or "
			"say --shared if this one allows more\n",
			endpoint, link);
		return EXIT_REFUSED;
	}
	return emisd_run("--probe", "which does the reading", argc, argv);
}
