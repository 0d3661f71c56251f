/* failing.h - calls that fail when they are told to, in the program that links failing.c.
 *
 * Writes and syncs of files, allocations by our code, SQLite and jansson, and calls of SQLite. Not those of the MQTT
 * library's own threads or memory: only the main thread's are counted, and none of paho's. */
#ifndef EMIS_TESTS_FAULT_FAILING_H
#define EMIS_TESTS_FAULT_FAILING_H

#include <stdbool.h>

enum failing_kind { FAIL_WRITE, FAIL_SYNC, FAIL_MEMORY, FAIL_SQL, FAIL_KINDS };

extern const char *const failing_kind_names[FAIL_KINDS];

/* Before anything else: takes the place of the allocators. */
void failing_init(void);

/* From now on the nth call of this kind fails, or, when `lasting`, all from the nth on. */
void failing_arm(enum failing_kind kind, long nth, bool lasting);
/* Nothing fails or is counted for a while. */
void failing_suspend(bool suspended);
/* Ends it. True when a call failed. */
bool failing_disarm(void);

#endif
