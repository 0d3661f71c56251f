#include "core/profile.h"

#include <math.h>
#include <string.h>

void channel_init(struct channel *channel)
{
	*channel = (struct channel){ .scale = 1.0, .raw_min = NAN, .raw_max = NAN, .min = NAN, .max = NAN };
}

bool channel_detects_no_value(const struct channel *channel)
{
	bool low = !isnan(channel->min) || !isnan(channel->raw_min);
	bool high = !isnan(channel->max) || !isnan(channel->raw_max);

	switch (channel->field.type) { /* cannot happen: a number that the enum does not have. GCOVR_EXCL_BR_LINE */
	case REG_BIT:
	case REG_BCD:
	case REG_ASCII:
	case REG_TYPE_COUNT:
		break; /* a bit is always a value; registers that are not digits have no value */
	case REG_U8HI:
	case REG_U8LO:
	case REG_U16:
	case REG_U32:
	case REG_U64:
		return high || channel->n_absent > 0;
	case REG_I16:
	case REG_I32:
	case REG_I64:
	case REG_F32:
	case REG_F64:
		return (low && high) || channel->n_absent > 0;
	}
	return true;
}

unsigned field_width(const struct reg_field *field)
{
	switch (field->type) { /* cannot happen: a number that the enum does not have. GCOVR_EXCL_BR_LINE */
	case REG_U64:
	case REG_I64:
	case REG_F64:
		return 4;
	case REG_U32:
	case REG_I32:
	case REG_F32:
		return 2;
	case REG_BIT:
	case REG_U8HI:
	case REG_U8LO:
	case REG_U16:
	case REG_I16:
	case REG_TYPE_COUNT:
		break;
	case REG_BCD:
	case REG_ASCII:
		return field->registers;
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

const struct status *profile_status(const struct profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->n_statuses; i++) {
		if (strcmp(profile->statuses[i].name, name) == 0) {
			return &profile->statuses[i];
		}
	}
	return NULL;
}

size_t profile_fields(const struct profile *profile, const struct reg_field **ret_fields)
{
	size_t n = 0;

	for (size_t i = 0; i < profile->n_channels; i++) {
		if (!profile->driver) {
			ret_fields[n++] = &profile->channels[i].field;
		}
		if (profile->channels[i].result_time.registers > 0) {
			ret_fields[n++] = &profile->channels[i].result_time;
		}
	}
	for (size_t i = 0; i < profile->n_statuses; i++) {
		ret_fields[n++] = &profile->statuses[i].field;
	}
	for (size_t i = 0; i < profile->n_auxiliaries; i++) {
		ret_fields[n++] = &profile->auxiliaries[i].field;
	}
	return n;
}
