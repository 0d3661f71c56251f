/* decode.h - registers to values with flags. Pure; one function per type, by shifts (pitfall 13). */
#ifndef EMIS_CORE_DECODE_H
#define EMIS_CORE_DECODE_H

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

struct answer {
	enum answer_result result;
	uint8_t exception;
	uint16_t registers[REQUEST_REGISTERS]; /* bits: 0 or 1 each */
};

/* Words for a log line: "time-out", "exception 2 (illegal data address)". buf of at least 64. */
const char *answer_text(const struct answer *answer, char *buf, size_t size);

/* Decodes one channel from the answers to profile->requests (same index). *ret_value is NAN when there
 * is no number; the flag says why. A number may stand beside a flag other than N. */
void decode_channel(const struct profile *profile, const struct channel *channel, const struct answer *answers,
	double *ret_value, enum flag *ret_flag);

#endif
