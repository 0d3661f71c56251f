/* fuzz_modbus.c - random bytes as the answer of a Modbus device: no crash, no read beyond the bytes, and registers
 * only from a frame that fits the request completely. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/modbus/bus_internal.h"

#define ID 0x1234

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* True when the bytes contain, at any place, the complete frame that answers the request. */
static bool holds_answer(const uint8_t *data, size_t size, int unit, const struct request *request, bool ids)
{
	unsigned bytes = request->function <= 2 ? (request->count + 7U) / 8U : request->count * 2U;

	for (size_t i = 0; i + 9 + bytes <= size; i++) {
		const uint8_t *f = data + i;
		bool id = !ids || (f[0] == ID >> 8 && f[1] == (ID & 0xFF));
		bool length = f[2] == 0 && f[3] == 0 && (unsigned)(f[4] << 8 | f[5]) == 3 + bytes;
		if (id && length && f[6] == unit && f[7] == request->function && f[8] == bytes) {
			return true;
		}
	}
	return false;
}

static void ask_tcp(const uint8_t *data, size_t size, int unit, const struct request *request, bool ids)
{
	const struct link_conf conf = { .type = LINK_TCP, .ignore_ids = !ids, .timeout_ms = 1000 };
	const struct bus_timing timing = { .timeout_ms = 1000 };
	struct answer answer;
	int pair[2];

	struct bus *bus = bus_create(&conf, 1000, -1);
	if (!bus || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		abort();
	}
	bus->fd = pair[0];
	bus->transaction = ID - 1;
	if (send(pair[1], data, size, MSG_DONTWAIT) != (ssize_t)size || shutdown(pair[1], SHUT_WR) < 0) {
		abort(); /* so few bytes always fit into the socket's buffer */
	}
	bus_ask(bus, unit, request, &timing, &answer);
	if (answer.result == ANSWER_OK && !holds_answer(data, size, unit, request, ids)) {
		abort();
	}
	bus_destroy(bus);
	close(pair[1]);
}

static void check_pdu(const uint8_t *data, size_t size, int unit, const struct request *request)
{
	struct answer answer = { 0 };
	uint8_t *exact = malloc(size + 1); /* allocated exactly, so that a read beyond the end is detected */

	if (!exact) {
		abort();
	}
	memcpy(exact + 1, data, size);
	(void)bus_check_pdu(unit, request, exact + 1, size, &answer); /* must not crash; any result is right */
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4 || size > 4096) {
		return 0;
	}
	struct request request = { .function = (uint8_t)(1 + data[1] % 4), .count = (uint16_t)(1 + data[2] % 125) };
	int unit = data[3];
	switch (data[0] % 3) {
	case 0:
		check_pdu(data + 4, size - 4, unit, &request);
		break;
	default:
		ask_tcp(data + 4, size - 4, unit, &request, data[0] % 3 == 1);
		break;
	}
	return 0;
}
