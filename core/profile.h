/* profile.h - an instrument's register map, as a file of config/profiles.d describes it. Const after loading. */
#ifndef EMIS_CORE_PROFILE_H
#define EMIS_CORE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/factor.h"
#include "core/flag.h"

/* BCD: two digits per byte, most significant first. ASCII: a decimal number as text, two characters per
 * register. Integers of 64 bits above 2^53 lose their last digits: values are doubles. */
enum reg_type {
	REG_BIT,
	REG_U8HI,
	REG_U8LO,
	REG_U16,
	REG_I16,
	REG_U32,
	REG_I32,
	REG_F32,
	REG_U64,
	REG_I64,
	REG_F64,
	REG_BCD,
	REG_ASCII,
	REG_TYPE_COUNT
};

/* The order of the bytes as sent, from the left; A is the most significant byte. For one register ABCD means AB and
 * BADC means BA. For four registers ABCD means ABCDEFGH, CDAB is GHEFCDAB, BADC is BADCFEHG and DCBA is HGFEDCBA. */
enum reg_order { ORDER_ABCD, ORDER_CDAB, ORDER_BADC, ORDER_DCBA };

#define PROFILE_CHANNELS 64
#define PROFILE_STATUSES 32
#define PROFILE_AUXILIARIES 16
#define PROFILE_FORBIDDEN 8
#define PROFILE_FIELDS (2 * PROFILE_CHANNELS + PROFILE_STATUSES + PROFILE_AUXILIARIES)
#define PROFILE_REQUESTS 24
#define STATUS_RULES 24
#define CHANNEL_STATUSES 8
#define CHANNEL_ABSENT 4
#define CHANNEL_UNITS 12
#define CHANNEL_NAME_SIZE 24
#define FIELD_REGISTERS 8     /* the most that a text or a time has */
#define REQUEST_REGISTERS 125 /* Modbus application protocol 1.1b3, 6.3 and 6.4 */

/* Where a field lies. function is 1 (coils), 2 (discrete inputs), 3 (holding registers) or 4 (input registers);
 * emisd reads only. address is the one on the wire, 0-based. */
struct reg_field {
	uint8_t function;
	uint16_t address;
	enum reg_type type;
	enum reg_order order;
	uint8_t registers; /* number of registers of REG_BCD (1 to 4) and REG_ASCII (1 to FIELD_REGISTERS) */
	uint32_t every_s;  /* seconds between two reads, at least; 0 = read at each poll */
};

struct status_rule {
	/* 0: the rule matches when from <= value <= to. Else: when any bit of the mask is set in the value or, with
	 * by_value, when from <= (value & mask) <= to. */
	uint32_t mask;
	bool by_value;
	double from;
	double to;
	enum flag flag;
};

/* A status: a register that gives the state of the instrument, and so the flag of its values. */
struct status {
	char name[CHANNEL_NAME_SIZE];
	struct reg_field field;
	struct status_rule rules[STATUS_RULES]; /* the first rule that matches wins */
	size_t n_rules;
	enum flag otherwise; /* flag for a code that no rule knows */
	bool of_all;         /* applies to every channel: used for a register that identifies the instrument */
};

/* An auxiliary: a register that another value is computed with (full scale, number of decimals, unit code,
 * fraction). */
struct auxiliary {
	char name[CHANNEL_NAME_SIZE];
	struct reg_field field;
	double scale;
};

struct unit_code {
	int64_t code;
	double factor; /* factor from this unit to the channel's unit */
};

/* How the time of a result is written; the time is that of the site's wall clock. */
enum result_time_format {
	RESULT_TIME_OPAQUE, /* format not known: only a change is seen */
	RESULT_TIME_BCD,    /* 3 registers, two digits a byte: yy mm dd hh mi ss */
	RESULT_TIME_BINARY, /* 6 registers: year (of four or two digits), month, day, hour, minute, second */
};

struct channel {
	char name[CHANNEL_NAME_SIZE];
	struct reg_field field;
	double scale; /* value = raw * scale + offset, or by span */
	double offset;
	bool spanned; /* value = low + (raw - raw_low) / (raw_high - raw_low) * (high - low) */
	double span_raw_low;
	double span_raw_high;
	double span_low;
	double span_high;
	char unit[UNIT_SIZE];
	double raw_min; /* a lower raw value (a broken current loop) is D without a number; NAN = no bound */
	double raw_max; /* a higher raw value is T; NAN = no bound */
	double min;     /* a lower value is impossible: D without a number; NAN = no bound */
	double max;     /* a higher value is over range: T; NAN = no bound */

	/* Auxiliaries by number, counted from 1; 0 = none. */
	uint8_t full_scale; /* its value replaces span_high */
	uint8_t decimals;   /* the value is divided by ten to the power of this one */
	uint8_t fraction;   /* its value is added */
	uint8_t unit_code;  /* its value selects a row of units */
	struct unit_code units[CHANNEL_UNITS];
	size_t n_units;

	int64_t absent[CHANNEL_ABSENT]; /* raw integers that mean "no value"; for a float its bits */
	size_t n_absent;
	uint8_t status[CHANNEL_STATUSES]; /* indices of profile.statuses; all apply, the most severe flag wins */
	size_t n_status;

	/* Registers with the time of a result, for instruments that give results only now and then: the time changes
	 * with each result. registers = 0: none. */
	struct reg_field result_time;
	enum result_time_format result_time_format;
	int64_t max_age_ms; /* a result that has not changed for longer is D without a number; 0 = no bound */

	unsigned tag; /* by which a driver finds the value */
};

/* One Modbus read. */
struct request {
	uint8_t function;
	uint16_t address;
	uint16_t count;
	uint32_t every_s; /* as for its fields */
};

/* Registers that must not be read, not even inside a hole. */
struct forbidden {
	uint8_t function;
	uint16_t first;
	uint16_t last;
};

struct driver;

struct profile {
	char name[48];
	char variant[CHANNEL_NAME_SIZE]; /* "" = none */
	char maker[64];
	char model[64];
	char source[160];
	char confidence[24];
	struct channel channels[PROFILE_CHANNELS];
	size_t n_channels;
	struct status statuses[PROFILE_STATUSES];
	size_t n_statuses;
	struct auxiliary auxiliaries[PROFILE_AUXILIARIES];
	size_t n_auxiliaries;
	const struct driver *driver; /* decodes the channels, whose fields are then not used; NULL = none */
	unsigned records;            /* for the driver: number of components that the instrument is fitted with */

	unsigned max_registers; /* per request, 1..125 */
	unsigned max_gap;       /* most unused registers between two fields of one read */
	struct forbidden forbidden[PROFILE_FORBIDDEN];
	size_t n_forbidden;
	unsigned retries;        /* further attempts after one without an answer */
	int64_t delay_ms;        /* between two requests to this instrument */
	int64_t turnaround_ms;   /* pause of the bus after a request to another instrument */
	int64_t timeout_ms;      /* for an answer; 0 = the link's time-out */
	int64_t byte_timeout_ms; /* between two bytes of an answer on a bus; 0 = the profile sets none */

	struct request requests[PROFILE_REQUESTS]; /* made by plan_requests() */
	size_t n_requests;
};

/* Initialises a channel that gives the value of its register: scale 1, no bounds. */
void channel_init(struct channel *channel);

/* False when a missing value (registers of all ones, 0x7FFF or 0x8000) would be read as a real one: the channel has
 * neither a range nor an `absent` value, nor a type that cannot hold such registers (a bit, digits). */
bool channel_detects_no_value(const struct channel *channel);

/* The number of registers (or bits) of the field. */
unsigned field_width(const struct reg_field *field);

/* The channel, or the status, of this name; NULL when there is none. */
const struct channel *profile_channel(const struct profile *profile, const char *name);
const struct status *profile_status(const struct profile *profile, const char *name);

/* Fills ret_fields with all fields that must be read, at most PROFILE_FIELDS, borrowed from the profile; returns
 * their number. */
size_t profile_fields(const struct profile *profile, const struct reg_field **ret_fields);

#endif
