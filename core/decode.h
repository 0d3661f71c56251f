/* decode.h - turns registers into values with flags. Pure; one function per type, by shifts (pitfall 13). */
#ifndef EMIS_CORE_DECODE_H
#define EMIS_CORE_DECODE_H

#include "common/time.h"
#include "core/profile.h"

/* How a read ended. The four kinds of failure have texts and counters of their own (pitfall 21). */
enum answer_result {
	ANSWER_NONE, /* not read yet */
	ANSWER_OK,
	ANSWER_EXCEPTION, /* the device refused: code in struct answer */
	ANSWER_GATEWAY,   /* a gateway says that the device is silent (0x0A, 0x0B) or busy (0x05, 0x06) */
	ANSWER_TIMEOUT,
	ANSWER_BROKEN, /* the link failed, or the frame was not an answer to the request */
};

/* Why an answer is ANSWER_BROKEN; for messages and counters. */
enum answer_trouble {
	TROUBLE_NONE,
	TROUBLE_CHECKSUM,
	TROUBLE_FOREIGN,  /* of another unit, function or length than requested */
	TROUBLE_OTHER_ID, /* only answers to other requests came, by their transaction id */
	TROUBLE_STALE,    /* bytes arrived before the request was sent */
	TROUBLE_CLOSED,   /* no connection, or it was closed */
	TROUBLE_COUNT
};

struct answer {
	enum answer_result result;
	enum answer_trouble trouble;
	uint8_t exception;
	uint16_t registers[REQUEST_REGISTERS]; /* bits: 0 or 1 each */
	/* One bit for each register that the device refuses (exception 2 or 3) although the rest of the request
	 * could be read. */
	uint8_t refused[(REQUEST_REGISTERS + 7) / 8];
};

static inline bool answer_refuses(const struct answer *answer, size_t index)
{
	return answer->refused[index / 8] >> (index % 8) & 1;
}

/* Text for a log line: "no answer within the time-out", "exception 2 (illegal data address)". buf of at least 64
 * bytes. Returns buf. */
const char *answer_text(const struct answer *answer, char *buf, size_t size);

/* Decodes one channel from the answers to profile->requests (same index). *ret_value is NAN without a number;
 * the flag says why. There may be a number with a flag other than N. */
void decode_channel(const struct profile *profile, const struct channel *channel, const struct answer *answers,
	double *ret_value, enum flag *ret_flag);

/* Reads the code of a status and the flag that the code gives to its channels. False when no rule knows the code;
 * the flag is then status->otherwise. True when the code could not be read; the flag says why, and the code is 0. */
bool decode_status(const struct profile *profile, const struct status *status, const struct answer *answers,
	enum flag *ret_flag, uint64_t *ret_code);

/* The registers of a field as the instrument sent them, borrowed from the answers; NULL when they were not read. */
const uint16_t *decode_registers(
	const struct profile *profile, const struct reg_field *field, const struct answer *answers);

/* Decodes the time of a result from its registers. False for RESULT_TIME_OPAQUE, and when the registers hold no
 * valid date and time; *ret_at is then untouched. */
bool decode_result_time(enum result_time_format format, const uint16_t *registers, int offset_min, struct utc *ret_at);

#endif
