/* cmd_probe.h - emisctl probe. */
#ifndef EMIS_CLI_CMD_PROBE_H
#define EMIS_CLI_CMD_PROBE_H

/* argv[0] is "probe". Returns an exit status, or does not return: another program takes over. */
int cmd_probe(const char *socket_path, int argc, char **argv);

#endif
