/* coverage.h - `./dev coverage` includes this before each source: a process that ends by _exit(), as emisd does when
 * the MQTT library still works at the stop, writes its counters first. Not in libraries (those are not PIE): the one
 * that cuts the power has to end at once. */
#if !defined(EMIS_TESTS_COVERAGE_H) && defined(__PIE__)
#define EMIS_TESTS_COVERAGE_H

#include <unistd.h>

void __gcov_dump(void);

#define _exit(status) (__gcov_dump(), _exit(status))

#endif
