/* profile.h - an instrument's register map, as config/profiles.d describes it. Const after loading. */
#ifndef EMIS_CORE_PROFILE_H
#define EMIS_CORE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/factor.h"
#include "core/flag.h"

enum reg_type { REG_BIT, REG_U8HI, REG_U8LO, REG_U16, REG_I16, REG_U32, REG_I32, REG_F32 };

/* A is the byte sent first in a big-endian value; "CDAB" = low word first. */
enum reg_order { ORDER_ABCD, ORDER_CDAB, ORDER_BADC, ORDER_DCBA };

#define PROFILE_CHANNELS 64
#define PROFILE_STATUSES 16
#define PROFILE_REQUESTS 24
#define STATUS_RULES 24
#define CHANNEL_STATUSES 6
#define CHANNEL_ABSENT 4
#define CHANNEL_NAME_SIZE 24
#define REQUEST_REGISTERS 125 /* Modbus application protocol 1.1b3, 6.3 and 6.4 */

/* Where a field lies. function is 1 (coils), 2 (discrete inputs), 3 (holding) or 4 (input registers);
 * emisd reads only. address is the one on the wire, 0-based. */
struct reg_field {
	uint8_t function;
	uint16_t address;
	enum reg_type type;
	enum reg_order order;
};

struct status_rule {
	bool by_mask; /* true: any bit of mask is set; false: from <= value <= to */
	uint32_t mask;
	double from;
	double to;
	enum flag flag;
};

/* A register in which the instrument says what its values are worth. */
struct status {
	char name[CHANNEL_NAME_SIZE];
	struct reg_field field;
	struct status_rule rules[STATUS_RULES]; /* the first that matches wins */
	size_t n_rules;
	enum flag otherwise; /* for a code no rule knows */
};

struct channel {
	char name[CHANNEL_NAME_SIZE];
	struct reg_field field;
	double scale; /* value = raw * scale + offset */
	double offset;
	char unit[UNIT_SIZE];
	double min;                     /* below it the value is impossible: D without a number; NAN without */
	double max;                     /* above it the value is over range: T; NAN without */
	int64_t absent[CHANNEL_ABSENT]; /* raw integers that mean "no value" */
	size_t n_absent;
	uint8_t status[CHANNEL_STATUSES]; /* indices; all apply, the gravest flag wins */
	size_t n_status;
};

/* One Modbus read. */
struct request {
	uint8_t function;
	uint16_t address;
	uint16_t count;
};

struct profile {
	char name[48];
	char maker[64];
	char model[64];
	char source[160];
	char confidence[24];
	struct channel channels[PROFILE_CHANNELS];
	size_t n_channels;
	struct status statuses[PROFILE_STATUSES];
	size_t n_statuses;
	unsigned max_registers;                    /* per request, 1..125 */
	unsigned max_gap;                          /* registers between two fields that may be read over */
	struct request requests[PROFILE_REQUESTS]; /* made by plan_requests() */
	size_t n_requests;
};

/* Registers (or bits) the field takes. */
unsigned field_width(const struct reg_field *field);

/* NULL when there is none. */
const struct channel *profile_channel(const struct profile *profile, const char *name);

#endif
