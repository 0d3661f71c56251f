/* failing.h - makes calls fail on request, in the program that links failing.c.
 *
 * Calls that can fail are: writes and syncs of files; allocations by our code, by SQLite and by jansson; and calls
 * of SQLite. Only calls of the main thread are counted, and none of the MQTT library's (paho's) own calls and
 * allocations. */
#ifndef EMIS_TESTS_FAULT_FAILING_H
#define EMIS_TESTS_FAULT_FAILING_H

#include <stdbool.h>

enum failing_kind { FAIL_WRITE, FAIL_SYNC, FAIL_MEMORY, FAIL_SQL, FAIL_KINDS };

extern const char *const failing_kind_names[FAIL_KINDS];

/* Call this before anything else: it replaces the allocators. */
void failing_init(void);

/* From now on the nth call of this kind fails; if `lasting`, all calls from the nth on fail. */
void failing_arm(enum failing_kind kind, long nth, bool lasting);
/* Pauses: no call fails or is counted meanwhile. */
void failing_suspend(bool suspended);
/* Stops making calls fail. True when a call has failed. */
bool failing_disarm(void);

#endif
