/* backtest.h - emisd --backtest: judges a CSV file of past values with the same core as the daemon. Needs no running
 * daemon, no broker and no device. */
#ifndef EMIS_DAEMON_TOOLS_BACKTEST_H
#define EMIS_DAEMON_TOOLS_BACKTEST_H

/* argv[0] is "--backtest". `catalogue` is the folder of factors.conf and limits.d, unless --share names another one.
 * Returns an exit status: 0 judged, 1 the file or catalogue cannot be used, 2 wrong usage. */
int backtest_main(int argc, char **argv, const char *catalogue);

#endif
