/* drivers.h - instruments that need code beside their profile. To add one: a file here, and its name below. */
#ifndef EMIS_DRIVERS_DRIVERS_H
#define EMIS_DRIVERS_DRIVERS_H

#include "core/driver.h"

extern const struct driver driver_sdl_1080;

/* NULL when there is none. */
const struct driver *driver_find(const char *name);

#endif
