/* backtest.h - emisd --backtest: history judged by the same core, without a daemon, a broker or a device. */
#ifndef EMIS_DAEMON_TOOLS_BACKTEST_H
#define EMIS_DAEMON_TOOLS_BACKTEST_H

/* argv[0] is "--backtest". Returns an exit status: 0 judged, 1 the file or catalogue cannot be used, 2 wrong usage. */
int backtest_main(int argc, char **argv, const char *share);

#endif
