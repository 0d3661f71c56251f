/* small_site.h - a site of one outlet with three points and one limit, for programs that drive the store alone. */
#ifndef EMIS_TESTS_FAULT_SMALL_SITE_H
#define EMIS_TESTS_FAULT_SMALL_SITE_H

#include "daemon/store/alarm.h"
#include "daemon/store/raw.h"

#define SMALL_POINTS 3
#define SMALL_SPACING_MS (20 * SECOND_MS) /* between two readings */

struct small_site {
	struct site site;
	struct legal_document document;
	struct limit limit;
	struct factor factors[SMALL_POINTS];
	struct point points[SMALL_POINTS];
	struct outlet outlet;
	struct clock clock;
	struct store *store;
	char error[1500];
};

/* Everything but the store, with its files in `folder`. */
void small_site_init(struct small_site *small, const char *folder);

/* The reading of a number, from 1; its moment and value follow from it. */
struct raw_reading small_reading(int64_t number);
/* 0 when the reading is not the one of any number. */
int64_t small_reading_number(const struct raw_reading *reading);

/* Sets the clock to the moment of the reading. */
void small_set_clock(struct small_site *small, int64_t reading);

/* An exceedance with this number, of the hour before now; payload is to be freed. */
struct store_event small_event(struct small_site *small, int64_t seq);

#endif
