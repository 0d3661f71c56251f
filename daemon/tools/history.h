/* history.h - `emisd --history`, started by `emisctl history`: prints the stored readings or means of one point. Needs
 * no running daemon and no configuration, and works on a copy of the store's directory. */
#ifndef EMIS_DAEMON_TOOLS_HISTORY_H
#define EMIS_DAEMON_TOOLS_HISTORY_H

/* argv[0] is the mode's name. Reads the store in `directory` unless --directory names another one. Prints to stdout and
 * returns the exit status: 0 done, 1 something could not be read (a sentence on stderr says what), 2 wrong usage. */
int history_main(int argc, char **argv, const char *directory);

#endif
