/* timekeeper.h - what the wall clock means for the daemon: while it is not set nothing is judged and readings wait
 * under their monotonic stamps; once it is, and after each jump, the open periods are made again from what is stored.
 */
#ifndef EMIS_DAEMON_TIMEKEEPER_H
#define EMIS_DAEMON_TIMEKEEPER_H

#include <stdbool.h>

struct daemon;

/* Looks at the clock for the first time and makes d->pipeline. Needs store, recorder, gateway and acquire. 0 or -errno
 * after a line in the log. */
int timekeeper_start(struct daemon *d);

/* Looks again. False when there is no pipeline any more (out of memory, a store that cannot be read): the daemon must
 * end, and go on from what is stored. */
bool timekeeper_look(struct daemon *d);

/* True while periods are judged. */
bool timekeeper_judges(const struct daemon *d);

#endif
