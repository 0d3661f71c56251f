#include "core/profile.h"

#include <string.h>

unsigned field_width(const struct reg_field *field)
{
	switch (field->type) {
	case REG_U32:
	case REG_I32:
	case REG_F32:
		return 2;
	case REG_BIT:
	case REG_U8HI:
	case REG_U8LO:
	case REG_U16:
	case REG_I16:
		return 1;
	}
	return 1;
}

const struct channel *profile_channel(const struct profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->n_channels; i++) {
		if (strcmp(profile->channels[i].name, name) == 0) {
			return &profile->channels[i];
		}
	}
	return NULL;
}
