/* history.h - `emisd --history`, asked by `emisctl history`: what is stored of one point. Needs no daemon and no
 * configuration; a copy of the directory will do. */
#ifndef EMIS_DAEMON_TOOLS_HISTORY_H
#define EMIS_DAEMON_TOOLS_HISTORY_H

/* argv[0] is the mode's name. Prints to stdout; returns the exit status: 0 done, 1 something could not be read (a
 * sentence says what), 2 wrong usage. `directory` is looked at unless another is named. */
int history_main(int argc, char **argv, const char *directory);

#endif
