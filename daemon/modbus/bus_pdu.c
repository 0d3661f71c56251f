/* bus_pdu.c - the common part of RTU and Modbus TCP: writes a question, and checks whether bytes answer it. */
#include "daemon/modbus/bus_internal.h"

/* Modbus application protocol 1.1b3, 7 */
#define EXCEPTION_ACKNOWLEDGE 5
#define EXCEPTION_BUSY 6
#define EXCEPTION_GATEWAY_PATH 10
#define EXCEPTION_GATEWAY_TARGET 11

int64_t bus_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

struct timespec bus_timespec(int64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000LL), .tv_nsec = (long)(ns % 1000000000LL) };
}

void bus_write_question(int unit, const struct request *request, uint8_t *ret_bytes)
{
	ret_bytes[0] = (uint8_t)unit;
	ret_bytes[1] = request->function;
	ret_bytes[2] = (uint8_t)(request->address >> 8);
	ret_bytes[3] = (uint8_t)request->address;
	ret_bytes[4] = (uint8_t)(request->count >> 8);
	ret_bytes[5] = (uint8_t)request->count;
}

enum answer_result bus_check_pdu(
	int unit, const struct request *request, const uint8_t *pdu, size_t size, struct answer *answer)
{
	bool bits = request->function <= 2;
	size_t expected = bits ? (request->count + 7U) / 8U : request->count * 2U;

	if (size < 3 || pdu[0] != unit) {
		return ANSWER_BROKEN;
	}
	if (pdu[1] == (request->function | 0x80) && size == 3) {
		answer->exception = pdu[2];
		bool path = pdu[2] == EXCEPTION_GATEWAY_PATH || pdu[2] == EXCEPTION_GATEWAY_TARGET;
		bool busy = pdu[2] == EXCEPTION_ACKNOWLEDGE || pdu[2] == EXCEPTION_BUSY;
		return path || busy ? ANSWER_GATEWAY : ANSWER_EXCEPTION;
	}
	if (pdu[1] != request->function || pdu[2] != expected || size != 3 + expected) {
		return ANSWER_BROKEN;
	}
	for (size_t i = 0; i < request->count; i++) {
		int value = bits ? (pdu[3 + i / 8] >> (i % 8)) & 1 : pdu[3 + 2 * i] << 8 | pdu[4 + 2 * i];
		answer->registers[i] = (uint16_t)value;
	}
	return ANSWER_OK;
}
