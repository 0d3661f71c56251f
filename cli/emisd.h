/* emisd.h - starts the program emisd for the commands that need its libraries and its core. */
#ifndef EMIS_CLI_EMISD_H
#define EMIS_CLI_EMISD_H

/* Becomes `emisd MODE ARGUMENT...` with the arguments after argv[0]. Takes the emisd in the folder of emisctl, or else
 * the one in PATH. Returns, an exit status, only when emisd cannot be started. `why` tells the user what emisd is
 * needed for. */
int emisd_run(const char *mode, const char *why, int argc, char **argv);

#endif
