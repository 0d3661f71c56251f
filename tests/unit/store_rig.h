/* store_rig.h - a store in a folder of its own, for unit tests; a failure ends the test. */
#ifndef EMIS_TESTS_UNIT_STORE_RIG_H
#define EMIS_TESTS_UNIT_STORE_RIG_H

#include "daemon/store/store.h"

#define EIGHT 1772409600000LL /* 2026-03-02T08:00:00+08:00, where its clock starts */

#define RIG_OUTLETS 2
#define RIG_POINTS 3

struct store_rig {
	char folder[64];
	struct site site; /* without outlets, until store_rig_outlet() */
	struct outlet outlets[RIG_OUTLETS];
	struct point points[RIG_OUTLETS][RIG_POINTS];
	struct factor factors[RIG_OUTLETS][RIG_POINTS];
	struct clock clock;
	struct store *store;
};

/* Makes the folder and the settings; the store will not sync. */
void store_rig_set_up(struct store_rig *rig);
/* Adds an outlet with points of these factors, which end with NULL; before store_rig_open(). */
void store_rig_outlet(struct store_rig *rig, const char *id, enum medium medium, const char *const *factors);
void store_rig_open(struct store_rig *rig);
/* Closes the store, if it is open, and deletes the folder. */
void store_rig_tear_down(struct store_rig *rig);

/* Runs a shell command in the folder. */
void store_rig_run(struct store_rig *rig, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
