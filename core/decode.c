#include "core/decode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "common/time.h"
#include "core/driver.h"
#include "core/plan.h"

#define DECIMAL_DIGITS 14         /* digits that stay correct after a few roundings; a double has 15 to 17 */
#define FLOAT_ENUM_TOLERANCE 1e-4 /* for state codes sent as floats, compared as field drivers do */

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
		[11] = "the device behind the gateway does not answer",
	};
	static const char *const troubles[TROUBLE_COUNT] = {
		[TROUBLE_NONE] = "no valid answer",
		[TROUBLE_CHECKSUM] = "an answer with a wrong checksum",
		[TROUBLE_FOREIGN] = "an answer of another unit, function or length than requested",
		[TROUBLE_OTHER_ID] = "only answers with the transaction id of another request",
		[TROUBLE_STALE] = "bytes that came before the request",
		[TROUBLE_CLOSED] = "no connection",
	};
	const char *words = NULL;

	switch (answer->result) { /* cannot happen: a number that the enum does not have. GCOVR_EXCL_BR_LINE */
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
		words = troubles[answer->trouble];
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

/* The registers as one number, most significant bit first. */
static uint64_t join_registers(const uint16_t *regs, unsigned n, enum reg_order order)
{
	bool words_swapped = order == ORDER_CDAB || order == ORDER_DCBA;
	bool bytes_swapped = order == ORDER_BADC || order == ORDER_DCBA;
	uint64_t bits = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned word = regs[words_swapped ? n - 1 - i : i];
		bits = bits << 16 | (bytes_swapped ? (word >> 8 | (word & 0xFF) << 8) : word);
	}
	return bits;
}

/* A number of two decimal digits per byte; NAN when one of them is not a digit. */
static double from_bcd(uint64_t bits, unsigned n_registers)
{
	double value = 0.0;

	for (int shift = (int)n_registers * 16 - 4; shift >= 0; shift -= 4) {
		unsigned digit = (unsigned)(bits >> shift) & 0xF;
		if (digit > 9) {
			return NAN;
		}
		value = value * 10.0 + digit;
	}
	return value;
}

/* Decimal text, for example "0012.345", padded with spaces or zero bytes on either side. NAN when it is not a
 * number. */
static double from_ascii(const uint16_t *regs, const struct reg_field *field)
{
	char text[2 * FIELD_REGISTERS + 1] = "";
	/* never more than FIELD_REGISTERS, but gcc -O3 cannot know that */
	unsigned n = field->registers < FIELD_REGISTERS ? field->registers : FIELD_REGISTERS;
	size_t start = 0, end = 2 * (size_t)n;
	double value;

	for (unsigned i = 0; i < n; i++) {
		uint64_t word = join_registers(&regs[i], 1, field->order);
		text[2 * i] = (char)(word >> 8);
		text[2 * i + 1] = (char)(word & 0xFF);
	}
	while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\0')) {
		text[--end] = '\0';
	}
	while (start < end && text[start] == ' ') {
		start++;
	}
	return strlen(text) == end && num_parse_double(text + start, &value) ? value : NAN;
}

/* The number in the registers of a field, before scale and offset. *ret_bits is the same as an integer, for masks
 * and `absent` values. */
static double field_value(const struct reg_field *field, const uint16_t *regs, uint64_t *ret_bits)
{
	unsigned width = field_width(field);
	uint64_t bits = width <= 4 ? join_registers(regs, width, field->order) : 0;
	uint32_t low = (uint32_t)bits;
	float f;
	double d;

	*ret_bits = bits;
	switch (field->type) { /* cannot happen: a number that the enum does not have. GCOVR_EXCL_BR_LINE */
	case REG_BIT:
		*ret_bits = regs[0] != 0;
		return (double)*ret_bits;
	case REG_U8HI:
		*ret_bits = bits >> 8;
		return (double)*ret_bits;
	case REG_U8LO:
		*ret_bits = bits & 0xFF;
		return (double)*ret_bits;
	case REG_U16:
	case REG_U32:
	case REG_U64:
		return (double)bits;
	case REG_I16:
		return (int16_t)bits;
	case REG_I32:
		return (int32_t)low;
	case REG_I64:
		return (double)(int64_t)bits;
	case REG_F32:
		memcpy(&f, &low, sizeof(f));
		return num_of_float(f); /* an instrument that sends 0.05 means 0.05, not 0.0500000007 */
	case REG_F64:
		memcpy(&d, &bits, sizeof(d));
		return d;
	case REG_BCD:
		return from_bcd(bits, width);
	case REG_ASCII:
		return from_ascii(regs, field);
	case REG_TYPE_COUNT: /* cannot happen: it is no type. GCOVR_EXCL_LINE */
		break;       /* GCOVR_EXCL_LINE */
	}
	return NAN; /* cannot happen: every type is above. GCOVR_EXCL_LINE */
}

/* The flag of a value whose read failed: B when the device is silent, D when it answers but refuses the registers. */
static enum flag failure_flag(enum answer_result result)
{
	return result == ANSWER_EXCEPTION || result == ANSWER_OK ? FLAG_FAULT : FLAG_NO_COMM;
}

static const struct answer *answer_of(
	const struct profile *profile, const struct reg_field *field, const struct answer *answers, size_t *ret_offset)
{
	const struct request *request = plan_request_of(profile, field);

	*ret_offset = request ? field->address - (size_t)request->address : 0;
	return request ? &answers[request - profile->requests] : NULL;
}

const uint16_t *decode_registers(
	const struct profile *profile, const struct reg_field *field, const struct answer *answers)
{
	size_t offset;
	const struct answer *answer = answer_of(profile, field, answers, &offset);

	if (!answer || answer->result != ANSWER_OK) {
		return NULL;
	}
	for (size_t i = 0; i < field_width(field); i++) {
		if (answer_refuses(answer, offset + i)) {
			return NULL;
		}
	}
	return &answer->registers[offset];
}

/* The content of the registers of a field. */
struct fetched {
	bool arrived;
	enum flag flag; /* why the field did not arrive; set only then */
	double value;   /* NAN unless arrived */
	uint64_t bits;  /* 0 unless arrived */
};

static struct fetched fetch(const struct profile *profile, const struct reg_field *field, const struct answer *answers)
{
	struct fetched f = { .value = NAN };
	size_t offset;
	const uint16_t *regs = decode_registers(profile, field, answers);
	const struct answer *answer = answer_of(profile, field, answers, &offset);

	f.arrived = regs != NULL;
	if (f.arrived) {
		f.value = field_value(field, regs, &f.bits);
	} else {
		f.flag = answer ? failure_flag(answer->result) : FLAG_FAULT;
	}
	return f;
}

static bool rule_matches(const struct status_rule *rule, double value, uint64_t bits, double tolerance)
{
	if (rule->mask && !rule->by_value) {
		return (bits & rule->mask) != 0;
	}
	value = rule->mask ? (double)(bits & rule->mask) : value;
	return value >= rule->from - tolerance && value <= rule->to + tolerance;
}

bool decode_status(const struct profile *profile, const struct status *status, const struct answer *answers,
	enum flag *ret_flag, uint64_t *ret_code)
{
	double tolerance = status->field.type == REG_F32 ? FLOAT_ENUM_TOLERANCE : 0.0;
	struct fetched code = fetch(profile, &status->field, answers);

	*ret_code = code.bits;
	if (!code.arrived) {
		*ret_flag = code.flag;
		return true;
	}
	for (size_t i = 0; i < status->n_rules; i++) {
		if (rule_matches(&status->rules[i], code.value, code.bits, tolerance)) {
			*ret_flag = status->rules[i].flag;
			return true;
		}
	}
	*ret_flag = status->otherwise;
	return false;
}

static enum flag status_flag(const struct profile *profile, size_t index, const struct answer *answers)
{
	uint64_t code;
	enum flag flag;

	/* False for an unknown code; the flag is then `otherwise`. */
	(void)decode_status(profile, &profile->statuses[index], answers, &flag, &code);
	return flag;
}

/* The most severe flag of the channel's own statuses and of those of the whole instrument. */
static enum flag channel_state(
	const struct profile *profile, const struct channel *channel, const struct answer *answers)
{
	enum flag flag = FLAG_NORMAL;

	for (size_t i = 0; i < channel->n_status; i++) {
		flag = flag_worse(flag, status_flag(profile, channel->status[i], answers));
	}
	for (size_t i = 0; i < profile->n_statuses; i++) {
		if (profile->statuses[i].of_all) {
			flag = flag_worse(flag, status_flag(profile, i, answers));
		}
	}
	return flag;
}

/* False for numbers that no instrument measures. Words like 0x8000 or 0x7FFF, and a wrong word order, make extremely
 * small or large floats: 0x8000 twice is -4.6e-41 or, bytes swapped, 1.2e-38. */
static bool is_measurable(double value)
{
	double size = fabs(value);

	return isfinite(value) && size < 1e30 && (size == 0.0 || size > 1e-30);
}

static bool is_absent(const struct channel *channel, double value, uint64_t bits)
{
	bool integer = channel->field.type != REG_F32 && channel->field.type != REG_F64;

	for (size_t i = 0; i < channel->n_absent; i++) {
		bool same = (double)channel->absent[i] == value;
		/* Floats are compared by their bits; zero is not, because it has two signs. */
		if (channel->absent[i] == (int64_t)bits || (same && (integer || value == 0.0))) {
			return true;
		}
	}
	return !is_measurable(value);
}

/* The values of the auxiliaries of a channel. */
struct auxiliary_values {
	double full_scale;
	double decimals;
	double fraction;
	double unit_code;
};

/* Reads auxiliary number `aux`, counted from 1, into *value; 0 = none, *value stays as it is. False, with the flag
 * set, when the registers did not arrive or do not hold a number. */
static bool fetch_auxiliary(
	const struct profile *profile, unsigned aux, const struct answer *answers, double *value, enum flag *flag)
{
	if (aux == 0) {
		return true;
	}
	const struct auxiliary *a = &profile->auxiliaries[aux - 1];
	struct fetched fetched = fetch(profile, &a->field, answers);
	*value = fetched.value * a->scale;
	*flag = fetched.arrived ? FLAG_FAULT : fetched.flag;
	return isfinite(*value);
}

static bool unit_factor(const struct channel *channel, double code, double *ret_factor)
{
	*ret_factor = 1.0;
	for (size_t i = 0; i < channel->n_units; i++) {
		if ((double)channel->units[i].code == code) {
			*ret_factor = channel->units[i].factor;
			return true;
		}
	}
	return channel->unit_code == 0;
}

/* Converts the raw number to the channel's unit. NAN, with the flag set, when that cannot be done. */
static double convert_raw(const struct profile *profile, const struct channel *channel, const struct answer *answers,
	double raw, enum flag *flag)
{
	struct auxiliary_values h = { .full_scale = channel->span_high };
	double factor, value = raw * channel->scale + channel->offset;

	if (!fetch_auxiliary(profile, channel->full_scale, answers, &h.full_scale, flag) ||
		!fetch_auxiliary(profile, channel->decimals, answers, &h.decimals, flag) ||
		!fetch_auxiliary(profile, channel->fraction, answers, &h.fraction, flag) ||
		!fetch_auxiliary(profile, channel->unit_code, answers, &h.unit_code, flag)) {
		return NAN;
	}
	*flag = FLAG_FAULT; /* in case a step below fails */
	if (h.decimals < 0.0 || h.decimals > 9.0 || !unit_factor(channel, h.unit_code, &factor)) {
		return NAN;
	}
	if (channel->spanned) {
		value = channel->span_low +
			(raw - channel->span_raw_low) / (channel->span_raw_high - channel->span_raw_low) *
				(h.full_scale - channel->span_low);
	}
	value = (value / pow(10.0, h.decimals) + h.fraction) * factor;
	/* Removes binary rounding errors: 349 * 0.1 is 34.9 and not 34.900000000000006. A whole number is kept: that
	 * of a totaliser may have more digits. */
	return value == floor(value) ? value : num_significant(value, DECIMAL_DIGITS);
}

static void decode_by_driver(const struct profile *profile, const struct channel *channel, const struct answer *answers,
	double *ret_value, enum flag *ret_flag)
{
	struct request requests[PROFILE_REQUESTS];
	size_t n = profile->driver->plan(profile, requests);

	for (size_t i = 0; i < n; i++) {
		if (answers[i].result != ANSWER_OK) {
			*ret_flag = failure_flag(answers[i].result);
			return;
		}
	}
	profile->driver->decode(channel, answers, ret_value, ret_flag);
}

/* The channel's value before its bounds are checked; NAN, with the flag set, when there is none. */
static double channel_value(
	const struct profile *profile, const struct channel *channel, const struct answer *answers, enum flag *flag)
{
	double value = NAN;

	if (profile->driver) {
		decode_by_driver(profile, channel, answers, &value, flag);
		return is_measurable(value) ? value : NAN;
	}
	struct fetched raw = fetch(profile, &channel->field, answers);
	if (!raw.arrived) {
		*flag = raw.flag;
		return NAN;
	}
	if (is_absent(channel, raw.value, raw.bits) || raw.value < channel->raw_min) {
		*flag = FLAG_FAULT;
		return NAN;
	}
	enum flag failure = FLAG_NORMAL;
	value = convert_raw(profile, channel, answers, raw.value, &failure);
	*flag = isfinite(value) ? raw.value > channel->raw_max ? FLAG_OVER_RANGE : FLAG_NORMAL : failure;
	return value;
}

void decode_channel(const struct profile *profile, const struct channel *channel, const struct answer *answers,
	double *ret_value, enum flag *ret_flag)
{
	enum flag flag = FLAG_NORMAL;
	double value = channel_value(profile, channel, answers, &flag);

	*ret_value = NAN;
	*ret_flag = flag;
	if (flag == FLAG_NO_COMM && !isfinite(value)) {
		return; /* the instrument is silent: earlier statuses do not matter */
	}
	flag = flag_worse(flag, channel_state(profile, channel, answers));
	if (!isfinite(value) || value < channel->min) {
		*ret_flag = flag_worse(flag, FLAG_FAULT);
		return;
	}
	if (value > channel->max) {
		flag = flag_worse(flag, FLAG_OVER_RANGE);
	}
	*ret_value = value;
	*ret_flag = flag;
}

bool decode_result_time(enum result_time_format format, const uint16_t *registers, int offset_min, struct utc *ret_at)
{
	unsigned parts[6];

	if (format == RESULT_TIME_OPAQUE) {
		return false;
	}
	for (size_t i = 0; i < 6; i++) {
		if (format == RESULT_TIME_BINARY) {
			parts[i] = registers[i];
			continue;
		}
		unsigned byte = i % 2 == 0 ? registers[i / 2] >> 8 : registers[i / 2] & 0xFFU;
		if (byte >> 4 > 9 || (byte & 15U) > 9) {
			return false;
		}
		parts[i] = (byte >> 4) * 10 + (byte & 15U);
	}
	if (parts[0] < 100) {
		parts[0] += 2000;
	}
	const struct time_parts at = { (int)parts[0], (int)parts[1], (int)parts[2], (int)parts[3], (int)parts[4],
		(int)parts[5] };
	return time_from_parts(&at, offset_min, ret_at);
}
