/* emisd.h - what emisctl hands over to the program emisd, which has the libraries and the core. */
#ifndef EMIS_CLI_EMISD_H
#define EMIS_CLI_EMISD_H

/* Becomes `emisd MODE ARGUMENT...` with the arguments after argv[0]. emisd is taken from beside emisctl, or from the
 * PATH. Returns, an exit status, only when it cannot be started; `why` says what it is needed for. */
int emisd_run(const char *mode, const char *why, int argc, char **argv);

#endif
