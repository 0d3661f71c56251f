/* store_rig.h - a store in a folder of its own, for unit tests; what fails ends the test. */
#ifndef EMIS_TESTS_STORE_RIG_H
#define EMIS_TESTS_STORE_RIG_H

#include "daemon/store.h"

#define EIGHT 1772409600000LL /* 2026-03-02T08:00:00+08:00, where its clock starts */

struct store_rig {
	char folder[64];
	struct site site; /* without outlets */
	struct clock clock;
	struct store *store;
};

/* Makes the folder and the settings; the outlets can be added before store_rig_open(). */
void store_rig_set_up(struct store_rig *rig);
void store_rig_open(struct store_rig *rig);
/* Closes what is open and takes the folder away. */
void store_rig_tear_down(struct store_rig *rig);

/* A command in the folder. */
void store_rig_run(struct store_rig *rig, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
