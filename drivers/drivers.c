#include "drivers/drivers.h"

#include <string.h>

static const struct driver *const drivers[] = { &driver_sdl_1080 };

const struct driver *driver_find(const char *name)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (strcmp(drivers[i]->name, name) == 0) {
			return drivers[i];
		}
	}
	return NULL;
}
