/* decode.h - registers to values with flags. Pure; one function per type, by shifts (pitfall 13). */
#ifndef EMIS_CORE_DECODE_H
#define EMIS_CORE_DECODE_H

#include "common/time.h"
#include "core/profile.h"

/* How a read ended. The four kinds of failure need different words and counters (pitfall 21). */
enum answer_result {
	ANSWER_NONE, /* not asked yet */
	ANSWER_OK,
	ANSWER_EXCEPTION, /* the device refused: code in struct answer */
	ANSWER_GATEWAY,   /* a gateway says that the device is silent (0x0A, 0x0B) or busy (0x05, 0x06) */
	ANSWER_TIMEOUT,
	ANSWER_BROKEN, /* the link failed, or the frame was not an answer to the question */
};

/* What made an answer ANSWER_BROKEN; for words and counters. */
enum answer_trouble {
	TROUBLE_NONE,
	TROUBLE_CHECKSUM,
	TROUBLE_FOREIGN,  /* of another unit, function or length than was asked */
	TROUBLE_OTHER_ID, /* nothing came but answers to other questions, by their transaction id */
	TROUBLE_STALE,    /* bytes arrived before the question */
	TROUBLE_CLOSED,   /* no connection, or it ended */
	TROUBLE_COUNT
};

struct answer {
	enum answer_result result;
	enum answer_trouble trouble;
	uint8_t exception;
	uint16_t registers[REQUEST_REGISTERS]; /* bits: 0 or 1 each */
	/* Registers that the device refuses (exception 2 or 3), one bit each, when the rest of the request could be
	 * read without them. */
	uint8_t refused[(REQUEST_REGISTERS + 7) / 8];
};

static inline bool answer_refuses(const struct answer *answer, size_t index)
{
	return answer->refused[index / 8] >> (index % 8) & 1;
}

/* Words for a log line: "time-out", "exception 2 (illegal data address)". buf of at least 64. */
const char *answer_text(const struct answer *answer, char *buf, size_t size);

/* Decodes one channel from the answers to profile->requests (same index). *ret_value is NAN when there
 * is no number; the flag says why. A number may stand beside a flag other than N. */
void decode_channel(const struct profile *profile, const struct channel *channel, const struct answer *answers,
	double *ret_value, enum flag *ret_flag);

/* The code of a status, and what it makes of its channels. False when no rule knows the code. True, with the flag
 * for it, when it could not be read. */
bool decode_status(const struct profile *profile, const struct status *status, const struct answer *answers,
	enum flag *ret_flag, uint64_t *ret_code);

/* The registers of a field as they came; NULL when they did not. */
const uint16_t *decode_registers(
	const struct profile *profile, const struct reg_field *field, const struct answer *answers);

/* The moment in the registers of a result's time. False for RESULT_TIME_OPAQUE and for what is no moment. */
bool decode_result_time(enum result_time_format format, const uint16_t *registers, int offset_min, struct utc *ret_at);

#endif
