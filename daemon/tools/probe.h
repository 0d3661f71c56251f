/* probe.h - emisd --probe: reads an instrument while a site is being set up. Needs no configuration and no running
 * daemon; never writes to the instrument. `emisctl probe` runs it. */
#ifndef EMIS_DAEMON_TOOLS_PROBE_H
#define EMIS_DAEMON_TOOLS_PROBE_H

/* argv[0] is "--probe"; the options follow. `catalogue` is the folder of profiles.d and factors.conf, unless --share
 * names another one. Returns an exit status: 0 an answer came, 1 none came or the port is in use (a sentence says why),
 * 2 wrong usage. */
int probe_main(int argc, char **argv, const char *catalogue);

#endif
