/* verify.h - `emisd --verify`, asked by `emisctl verify`: is what is stored what was once written? Needs no daemon and
 * no configuration; a copy of the directory will do. */
#ifndef EMIS_DAEMON_TOOLS_VERIFY_H
#define EMIS_DAEMON_TOOLS_VERIFY_H

/* argv[0] is the mode's name. Prints to stdout; returns the exit status: 0 all is as it was, 1 something is not (a
 * sentence for each range of links says what), 2 wrong usage. `directory` is looked at unless another is named. */
int verify_main(int argc, char **argv, const char *directory);

#endif
