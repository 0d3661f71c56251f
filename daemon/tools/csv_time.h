/* csv_time.h - reads a moment in the forms that are found in files of past values. Pure. */
#ifndef EMIS_DAEMON_TOOLS_CSV_TIME_H
#define EMIS_DAEMON_TOOLS_CSV_TIME_H

#include <stdbool.h>

#include "common/time.h"

/* Examples of the forms, for messages. */
#define CSV_TIME_FORMS "2026-03-02T08:00:00+08:00, 2026-03-02 08:00, 2026/3/2 8:00 or 20260302080000"

/* Reads a date, then a time of day, then an offset.
 * - Date: a year of four digits, month and day, separated by '-' or '/', or as 20260302.
 * - Time of day, may be missing: after a 'T' or a blank, hour and minute; seconds and their fraction may be missing.
 *   The 'T' or blank may be left out after a date without separators, as in 20260302080000.
 * - Offset: Z, +08:00, +0800 or +08; without one, offset_min counts.
 * Fractions of a millisecond are cut off. False for anything else, and for days that do not exist. */
bool csv_time_parse(const char *text, int offset_min, struct utc *ret_at);

#endif
