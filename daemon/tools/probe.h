/* probe.h - emisd --probe: looks at an instrument while a site is being built. Needs no configuration and no daemon,
 * and only reads. `emisctl probe` runs it. */
#ifndef EMIS_DAEMON_TOOLS_PROBE_H
#define EMIS_DAEMON_TOOLS_PROBE_H

/* argv[0] is the word behind which the options start. `share` holds profiles and factors. Returns an exit status: 0 an
 * answer came, 1 none did, or the port is in use (a sentence says why), 2 wrong usage. */
int probe_main(int argc, char **argv, const char *share);

#endif
