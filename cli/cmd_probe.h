/* cmd_probe.h - emisctl probe: reads an instrument. */
#ifndef EMIS_CLI_CMD_PROBE_H
#define EMIS_CLI_CMD_PROBE_H

/* argv[0] is "probe". Becomes emisd --probe; returns, an exit status, only when this is refused or fails. */
int cmd_probe(const char *socket_path, int argc, char **argv);

#endif
