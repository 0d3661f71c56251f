#include "core/decode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/plan.h"

#define FLOAT_ENUM_TOLERANCE 1e-4 /* state codes sent as floats, compared as field drivers do */

const char *answer_text(const struct answer *answer, char *buf, size_t size)
{
	static const char *const exceptions[] = {
		[1] = "illegal function",
		[2] = "illegal data address",
		[3] = "illegal data value",
		[4] = "device failure",
		[5] = "acknowledge",
		[6] = "device busy",
		[10] = "gateway path unavailable",
		[11] = "gateway target silent",
	};
	const char *words = NULL;

	switch (answer->result) {
	case ANSWER_NONE:
		words = "not read yet";
		break;
	case ANSWER_OK:
		words = "ok";
		break;
	case ANSWER_TIMEOUT:
		words = "no answer within the time-out";
		break;
	case ANSWER_BROKEN:
		words = "link broken or not a valid answer";
		break;
	case ANSWER_EXCEPTION:
	case ANSWER_GATEWAY:
		if (answer->exception < sizeof(exceptions) / sizeof(exceptions[0])) {
			words = exceptions[answer->exception];
		}
		snprintf(buf, size, "exception %u (%s)", (unsigned)answer->exception, words ? words : "unknown code");
		return buf;
	}
	snprintf(buf, size, "%s", words);
	return buf;
}

static uint32_t join(const uint16_t *regs, enum reg_order order)
{
	uint32_t first = regs[0];
	uint32_t second = regs[1];
	uint32_t swapped_first = (first >> 8) | ((first & 0xFF) << 8);
	uint32_t swapped_second = (second >> 8) | ((second & 0xFF) << 8);

	switch (order) {
	case ORDER_ABCD:
		return first << 16 | second;
	case ORDER_CDAB:
		return second << 16 | first;
	case ORDER_BADC:
		return swapped_first << 16 | swapped_second;
	case ORDER_DCBA:
		return swapped_second << 16 | swapped_first;
	}
	return 0;
}

/* The number a field holds, before scale and offset; *ret_bits its integer form, for masks and
 * sentinels. */
static double field_value(const struct reg_field *field, const uint16_t *regs, uint32_t *ret_bits)
{
	float f;

	switch (field->type) {
	case REG_BIT:
		*ret_bits = regs[0] != 0;
		return *ret_bits;
	case REG_U8HI:
		*ret_bits = regs[0] >> 8;
		return *ret_bits;
	case REG_U8LO:
		*ret_bits = regs[0] & 0xFF;
		return *ret_bits;
	case REG_U16:
		*ret_bits = regs[0];
		return *ret_bits;
	case REG_I16:
		*ret_bits = regs[0];
		return (int16_t)regs[0];
	case REG_U32:
		*ret_bits = join(regs, field->order);
		return *ret_bits;
	case REG_I32:
		*ret_bits = join(regs, field->order);
		return (int32_t)*ret_bits;
	case REG_F32:
		*ret_bits = join(regs, field->order);
		memcpy(&f, ret_bits, sizeof(f));
		return (double)f;
	}
	return NAN;
}

/* What a read that brought nothing makes of its values: silence is B, a device that answers that it
 * cannot is D. */
static enum flag failure_flag(enum answer_result result)
{
	return result == ANSWER_EXCEPTION ? FLAG_FAULT : FLAG_NO_COMM;
}

/* False, with the flag set, when the registers of the field did not arrive. */
static bool fetch(const struct profile *profile, const struct reg_field *field, const struct answer *answers,
	double *ret_value, uint32_t *ret_bits, enum flag *ret_flag)
{
	const struct request *request = plan_request_of(profile, field);

	if (!request) {
		*ret_flag = FLAG_FAULT;
		return false;
	}
	const struct answer *answer = &answers[request - profile->requests];
	if (answer->result != ANSWER_OK) {
		*ret_flag = failure_flag(answer->result);
		return false;
	}
	*ret_value = field_value(field, &answer->registers[field->address - request->address], ret_bits);
	return true;
}

static enum flag status_flag(const struct profile *profile, const struct status *status, const struct answer *answers)
{
	double value, tolerance = status->field.type == REG_F32 ? FLOAT_ENUM_TOLERANCE : 0.0;
	uint32_t bits;
	enum flag flag;

	if (!fetch(profile, &status->field, answers, &value, &bits, &flag)) {
		return flag;
	}
	for (size_t i = 0; i < status->n_rules; i++) {
		const struct status_rule *rule = &status->rules[i];
		if (rule->by_mask ? (bits & rule->mask) != 0
				  : value >= rule->from - tolerance && value <= rule->to + tolerance) {
			return rule->flag;
		}
	}
	return status->otherwise;
}

void decode_channel(const struct profile *profile, const struct channel *channel, const struct answer *answers,
	double *ret_value, enum flag *ret_flag)
{
	double value;
	uint32_t bits;
	enum flag flag = FLAG_NORMAL;

	*ret_value = NAN;
	if (!fetch(profile, &channel->field, answers, &value, &bits, ret_flag)) {
		return;
	}
	for (size_t i = 0; i < channel->n_status; i++) {
		flag = flag_graver(flag, status_flag(profile, &profile->statuses[channel->status[i]], answers));
	}
	bool number = isfinite(value);
	for (size_t i = 0; i < channel->n_absent; i++) {
		int64_t absent = channel->absent[i];
		number = number && absent != (int64_t)bits &&
			(channel->field.type == REG_F32 || (double)absent != value);
	}
	value = value * channel->scale + channel->offset;
	if (!number || value < channel->min) {
		*ret_flag = flag_graver(flag, FLAG_FAULT);
		return;
	}
	if (value > channel->max) {
		flag = flag_graver(flag, FLAG_OVER_RANGE);
	}
	*ret_value = value;
	*ret_flag = flag;
}
