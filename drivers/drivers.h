/* drivers.h - the drivers of instruments that need code beside their profile. To add one: a file in this folder, its
 * declaration below and its row in drivers.c. */
#ifndef EMIS_DRIVERS_DRIVERS_H
#define EMIS_DRIVERS_DRIVERS_H

#include "core/driver.h"

extern const struct driver driver_sdl_1080;

/* The driver of this name; NULL when there is none. */
const struct driver *driver_find(const char *name);

#endif
