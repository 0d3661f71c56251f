/* sdl_1080.c - Beijing SDL (Xuedilong) MODEL 1080 v4.0: a list of components that describes itself.
 *
 * The use of the registers was seen in field drivers; no manual was read. Function 3 from 0x0000:
 *   0       low byte: bit 3 = values have one decimal; bits 0 to 2: 1, 3, 4 measuring, 5, 6 calibrating
 *   1 + 2n  value of component n; 0x7FFF, 0x8000 and 0xFFFF mean "no value" (our choice: seen in no source)
 *   2 + 2n  high byte: unit, 2 = ppm, 10 = 0.01 %, else mg/m3; low byte: component (the channel's tag)
 * The number of components depends on what is fitted, and other data follow the last component. The profile
 * therefore gives the number in `records`. */
#include <math.h>
#include <string.h>

#include "drivers/drivers.h"

#define MAX_RECORDS 8

enum { UNIT_PPM = 2, UNIT_CENTI_PERCENT = 10 };

static size_t plan(const struct profile *profile, struct request *ret_requests)
{
	unsigned records = profile->records < MAX_RECORDS ? profile->records : MAX_RECORDS;

	ret_requests[0] = (struct request){ .function = 3, .address = 0, .count = (uint16_t)(1 + 2 * records) };
	return 1;
}

static enum flag state_flag(unsigned state)
{
	switch (state & 7) {
	case 1:
	case 3:
	case 4:
		return FLAG_NORMAL;
	case 5:
	case 6:
		return FLAG_CALIBRATION;
	default:
		return FLAG_FAULT;
	}
}

static bool means_no_value(unsigned word)
{
	return word == 0x7FFF || word == 0x8000 || word == 0xFFFF;
}

/* The factor from the raw value to the channel's unit; 0 when the component has another unit than the channel. */
static double scale_of(unsigned unit, const char *channel_unit, bool decimal)
{
	const char *unit_name = unit == UNIT_PPM ? "ppm" : unit == UNIT_CENTI_PERCENT ? "%" : "mg/m3";

	if (strcmp(unit_name, channel_unit) != 0) {
		return 0.0;
	}
	return unit == UNIT_CENTI_PERCENT ? 0.01 : decimal ? 0.1 : 1.0;
}

static void decode(const struct channel *channel, const struct answer *answers, double *ret_value, enum flag *ret_flag)
{
	const uint16_t *regs = answers[0].registers;

	*ret_value = NAN;
	*ret_flag = FLAG_FAULT;
	/* Registers that were not requested are zero; a component never has the number 0. */
	for (size_t i = 0; i < MAX_RECORDS; i++) {
		unsigned unit_and_tag = regs[2 + 2 * i];
		double scale = scale_of(unit_and_tag >> 8, channel->unit, regs[0] & 8);
		if ((unit_and_tag & 0xFF) == channel->tag && scale > 0.0) {
			if (!means_no_value(regs[1 + 2 * i])) {
				*ret_value = regs[1 + 2 * i] * scale;
				*ret_flag = state_flag(regs[0]);
			}
			return;
		}
	}
}

const struct driver driver_sdl_1080 = { .name = "sdl-1080", .plan = plan, .decode = decode };
