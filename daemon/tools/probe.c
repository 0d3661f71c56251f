#include "daemon/tools/probe.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "core/plan.h"
#include "daemon/conf/site.h"
#include "daemon/modbus/bus.h"
#include "daemon/tools/probe_options.h"

struct probe {
	struct probe_options o;
	struct bus *bus;
	struct bus_timing timing;
};

/* ---- asking a unit ---- */

static bool connect_bus(struct probe *p)
{
	bool connected = bus_is_connected(p->bus) || bus_connect(p->bus);

	if (!connected) {
		const char *where = p->o.conf.type == LINK_RTU ? p->o.conf.device : p->o.conf.host;
		fprintf(stderr, "emisctl probe: no connection to %s: %s\n", where,
			errno == EBUSY ? "another process holds it; is emisd running?" : strerror(errno));
	}
	return connected;
}

/* Asks one unit; asks once more, on a new connection, when the first attempt was spoilt by earlier traffic. False when
 * no connection can be made. */
static bool ask_unit(struct probe *p, int unit, const struct request *request, struct answer *answer)
{
	for (bool again = false;; again = true) {
		memset(answer, 0, sizeof(*answer));
		answer->result = ANSWER_BROKEN;
		if (!connect_bus(p)) {
			return false;
		}
		answer->trouble = bus_clear(p->bus);
		bool spoilt = answer->trouble != TROUBLE_NONE;
		if (!spoilt) {
			bus_ask(p->bus, unit, request, &p->timing, answer);
			spoilt = bus_failed_before_question(p->bus, answer);
		}
		if (spoilt || bus_needs_reconnect(p->bus, answer)) {
			bus_disconnect(p->bus);
		}
		if (!spoilt || again) {
			return true;
		}
	}
}

/* Prints which units answer. Returns an exit status. */
static int scan_units(struct probe *p)
{
	const struct request request = { .function = (uint8_t)p->o.function, .address = 0, .count = 1 };
	struct answer answer;
	char words[64];
	int answering = 0;

	for (int64_t unit = p->o.first_unit; unit <= p->o.last_unit; unit++) {
		if (!ask_unit(p, (int)unit, &request, &answer)) {
			return PROBE_REFUSED;
		}
		if (answer.result == ANSWER_OK || answer.result == ANSWER_EXCEPTION) {
			bool exception = answer.result == ANSWER_EXCEPTION;
			printf("unit %lld answers%s%s\n", (long long)unit, exception ? ": " : "",
				exception ? answer_text(&answer, words, sizeof(words)) : "");
			fflush(stdout);
			answering++;
		}
	}
	fprintf(stderr, "%d of %lld units answer\n", answering, (long long)p->o.last_unit - p->o.first_unit + 1);
	return answering > 0 ? PROBE_DONE : PROBE_REFUSED;
}

/* Reads the registers that the options name. False after a message when no registers came. */
static bool read_range(struct probe *p, struct answer *answer)
{
	const struct request request = {
		.function = (uint8_t)p->o.function, .address = (uint16_t)p->o.address, .count = (uint16_t)p->o.count
	};
	char words[64];

	if (!ask_unit(p, (int)p->o.unit, &request, answer)) {
		return false;
	}
	if (answer->result != ANSWER_OK) {
		fprintf(stderr, "emisctl probe: unit %lld, function %lld, %lld registers from %lld (0x%04llX): %s\n",
			(long long)p->o.unit, (long long)p->o.function, (long long)p->o.count, (long long)p->o.address,
			(unsigned long long)p->o.address, answer_text(answer, words, sizeof(words)));
		return false;
	}
	return true;
}

static int show_range(struct probe *p)
{
	struct answer answer;

	if (!read_range(p, &answer)) {
		return PROBE_REFUSED;
	}
	for (int64_t i = 0; i < p->o.count; i++) {
		unsigned value = answer.registers[i];
		printf(p->o.function <= 2 ? "%6lld  0x%04llX  %u\n" : "%6lld  0x%04llX  %04X  %6u  %6d\n",
			(long long)p->o.address + i, (unsigned long long)p->o.address + (unsigned long long)i, value,
			value, (int)(int16_t)value);
	}
	return PROBE_DONE;
}

/* Decodes the first registers as a number of this type and word order. */
static double decode_as(const struct answer *answer, enum reg_type type, enum reg_order order)
{
	static struct profile profile;
	double value;
	enum flag flag;

	memset(&profile, 0, sizeof(profile));
	profile.max_registers = REQUEST_REGISTERS;
	profile.n_channels = 1;
	channel_init(&profile.channels[0]);
	profile.channels[0].field = (struct reg_field){ .function = 3, .type = type, .order = order };
	(void)plan_requests(&profile); /* cannot fail: one field fits into one request */
	decode_channel(&profile, &profile.channels[0], answer, &value, &flag);
	return value;
}

static void print_value(const struct probe *p, double value)
{
	/* False when the value or the range is NAN. A number very close to zero is a sign of a wrong word order, also
	 * when it lies in the range. */
	bool plausible = value >= p->o.low && value <= p->o.high && (value == 0.0 || fabs(value) > 1e-6);
	char text[32];

	snprintf(text, sizeof(text), isnan(value) ? "-" : "%.6g", value);
	printf("  %13s%s", text, plausible ? "*" : " ");
}

static int show_pair(struct probe *p)
{
	static const struct {
		const char *name;
		enum reg_type type;
	} wide[] = { { "f32", REG_F32 }, { "u32", REG_U32 }, { "i32", REG_I32 } },
	  narrow[] = { { "u16", REG_U16 }, { "i16", REG_I16 } };
	struct answer answer, second = { .result = ANSWER_OK };

	p->o.function = p->o.function <= 2 ? 3 : p->o.function;
	if (!read_range(p, &answer)) {
		return PROBE_REFUSED;
	}
	second.registers[0] = answer.registers[1];
	printf("registers %lld and %lld: %04X %04X\n\n        %13s   %13s   %13s   %13s\n", (long long)p->o.address,
		(long long)p->o.address + 1, (unsigned)answer.registers[0], (unsigned)answer.registers[1], "ABCD",
		"CDAB", "BADC", "DCBA");
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
		printf("  %-4s", wide[i].name);
		for (int order = ORDER_ABCD; order <= ORDER_DCBA; order++) {
			print_value(p, decode_as(&answer, wide[i].type, (enum reg_order)order));
		}
		puts("");
	}
	printf("\n        %13s   %13s   %13s   %13s\n", "first AB", "first BA", "second AB", "second BA");
	for (size_t i = 0; i < ARRAY_SIZE(narrow); i++) {
		printf("  %-4s", narrow[i].name);
		print_value(p, decode_as(&answer, narrow[i].type, ORDER_ABCD));
		print_value(p, decode_as(&answer, narrow[i].type, ORDER_BADC));
		print_value(p, decode_as(&second, narrow[i].type, ORDER_ABCD));
		print_value(p, decode_as(&second, narrow[i].type, ORDER_BADC));
		puts("");
	}
	return PROBE_DONE;
}

/* ---- reading through a profile ---- */

static void print_channel(const struct profile *profile, const struct channel *channel, const struct answer *answers)
{
	const uint16_t *regs = profile->driver ? NULL : decode_registers(profile, &channel->field, answers);
	char text[FIELD_REGISTERS * 5 + 1] = "-";
	double value;
	enum flag flag;
	size_t n = 0;

	for (size_t i = 0; regs && i < field_width(&channel->field); i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%04X", i ? " " : "", (unsigned)regs[i]);
	}
	decode_channel(profile, channel, answers, &value, &flag);
	char number[32] = "-";
	if (!isnan(value)) {
		snprintf(number, sizeof(number), "%.6g", value);
	}
	printf("  %-20s %-20s %13s %-6s %c\n", channel->name, text, number, channel->unit, flag_letter(flag));
}

static int read_profile(struct probe *p, const struct profile *profile)
{
	static struct answer answers[PROFILE_REQUESTS];
	bool any = false;
	char words[64];

	p->timing.timeout_ms = profile->timeout_ms ? profile->timeout_ms : p->timing.timeout_ms;
	p->timing.byte_timeout_ms = profile->byte_timeout_ms;
	for (size_t i = 0; i < profile->n_requests; i++) {
		const struct request *r = &profile->requests[i];
		if (!ask_unit(p, (int)p->o.unit, r, &answers[i])) {
			return PROBE_REFUSED;
		}
		if (answers[i].result != ANSWER_OK) {
			fprintf(stderr, "function %u, %u registers from %u (0x%04X): %s\n", (unsigned)r->function,
				(unsigned)r->count, (unsigned)r->address, (unsigned)r->address,
				answer_text(&answers[i], words, sizeof(words)));
		}
		any |= answers[i].result == ANSWER_OK;
	}
	for (size_t i = 0; i < profile->n_channels; i++) {
		print_channel(profile, &profile->channels[i], answers);
	}
	for (size_t i = 0; i < profile->n_statuses; i++) {
		enum flag flag;
		uint64_t code;
		bool known = decode_status(profile, &profile->statuses[i], answers, &flag, &code);
		printf("  %-20s %-20s %13llu        %c%s\n", profile->statuses[i].name, "state",
			(unsigned long long)code, flag_letter(flag), known ? "" : "  not known to the profile");
	}
	return any ? PROBE_DONE : PROBE_REFUSED;
}

static int show_profile(struct probe *p)
{
	struct conf_errors errors = { 0 };
	const struct profile *profile = NULL;
	int status = PROBE_REFUSED;

	struct site *site = site_load_profile(p->o.catalogue, p->o.profile, &profile, &errors);
	conf_errors_print(&errors, "");
	if (site) {
		status = read_profile(p, profile);
	}
	site_free(site);
	return status;
}

int probe_main(int argc, char **argv, const char *catalogue)
{
	struct probe p = { .o = { .catalogue = catalogue,
				   .conf = { .parity = 'N', .data_bits = 8 },
				   .unit = 1,
				   .function = 3,
				   .count = 1,
				   .first_unit = 1,
				   .last_unit = 247,
				   .low = NAN,
				   .high = NAN } };
	int status = probe_read_options(&p.o, argc, argv);

	signal(SIGPIPE, SIG_IGN); /* the other side may close the connection while we write */
	if (status >= 0) {
		return status;
	}
	p.o.conf.timeout_ms = p.o.conf.timeout_ms ? p.o.conf.timeout_ms : p.o.mode == PROBE_SCAN ? 300 : 1000;
	p.timing.timeout_ms = p.o.conf.timeout_ms;
	p.bus = bus_create(&p.o.conf, p.timing.timeout_ms, -1);
	if (!p.bus) {
		fputs("emisctl probe: out of memory\n", stderr);
		return PROBE_REFUSED;
	}
	status = p.o.mode == PROBE_SCAN  ? scan_units(&p)
		: p.o.mode == PROBE_READ ? show_range(&p)
		: p.o.mode == PROBE_PAIR ? show_pair(&p)
					 : show_profile(&p);
	bus_destroy(p.bus);
	return fflush(stdout) == 0 ? status : PROBE_REFUSED;
}
