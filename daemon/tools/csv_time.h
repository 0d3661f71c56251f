/* csv_time.h - a moment as files of history write it. Pure. */
#ifndef EMIS_DAEMON_TOOLS_CSV_TIME_H
#define EMIS_DAEMON_TOOLS_CSV_TIME_H

#include <stdbool.h>

#include "common/time.h"

/* How a moment may be written, for messages. */
#define CSV_TIME_FORMS "2026-03-02T08:00:00+08:00, 2026-03-02 08:00, 2026/3/2 8:00 or 20260302080000"

/* Reads a year of four digits, month and day (with '-' or '/'), or 20260302 or 20260302080000; behind a 'T' or a blank
 * an hour and minutes, seconds and a fraction of one that may be left out; then Z, +08:00, +0800, +08 or nothing, which
 * means offset_min. Fractions of a millisecond are cut off. False for anything else, and for days that no calendar has.
 */
bool csv_time_parse(const char *text, int offset_min, struct utc *ret_at);

#endif
