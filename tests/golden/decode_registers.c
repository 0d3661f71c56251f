/* decode_registers.c - decodes given registers with a profile: with the real profile file, plan and decoder.
 *
 * Usage: decode_registers SHARE PROFILE [VARIANT] < CASES
 *
 * A case starts with a line "case WORDS". Then come registers as "FUNCTION ADDRESS: HEX HEX ...", or the failure of
 * the reads: "exception CODE", "gateway CODE", "timeout", "broken". Registers that are not given are 0000, or the
 * word that "fill HEX" gives. "no states" leaves out all statuses, as if the instrument reported a normal state.
 * Lines that start with # are comments. The program prints the case's words and each channel's value, unit and flag. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/decode.h"
#include "daemon/conf/site.h"

#define SPACES 5 /* function codes 1 to 4; 0 is not used */

struct registers {
	uint16_t words[SPACES][65536];
	bool no_states;
	struct answer failure; /* no failure when its result is ANSWER_OK */
};

static void print_case(const struct profile *whole, const struct registers *r)
{
	static struct answer answers[PROFILE_REQUESTS];
	static struct profile copy;
	const struct profile *p = &copy;

	copy = *whole;
	for (size_t i = 0; r->no_states && i < copy.n_channels; i++) {
		copy.channels[i].n_status = 0;
	}
	for (size_t i = 0; r->no_states && i < copy.n_statuses; i++) {
		copy.statuses[i].of_all = false;
	}

	for (size_t i = 0; i < p->n_requests; i++) {
		const struct request *request = &p->requests[i];
		answers[i] = r->failure;
		memcpy(answers[i].registers, &r->words[request->function][request->address],
			request->count * sizeof(uint16_t));
	}
	for (size_t i = 0; i < p->n_channels; i++) {
		const struct channel *channel = &p->channels[i];
		double value;
		enum flag flag;
		decode_channel(p, channel, answers, &value, &flag);
		printf("  %-12s %10.6g %-6s %c\n", channel->name, value, channel->unit, flag_letter(flag));
	}
	for (size_t i = 0; p->n_channels == 0 && i < p->n_statuses; i++) {
		uint64_t code;
		enum flag flag;
		(void)decode_status(p, &p->statuses[i], answers, &flag, &code); /* the flag shows a failure, too */
		printf("  %-12s %10" PRIu64 " state  %c\n", p->statuses[i].name, code, flag_letter(flag));
	}
}

/* False when the line has none of the forms above. */
static bool take_line(struct registers *r, char *line)
{
	static const struct {
		const char *word;
		enum answer_result result;
	} failures[] = { { "exception", ANSWER_EXCEPTION }, { "gateway", ANSWER_GATEWAY },
		{ "timeout", ANSWER_TIMEOUT }, { "broken", ANSWER_BROKEN } };
	char *end;

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		size_t n = strlen(failures[i].word);
		if (strncmp(line, failures[i].word, n) == 0) {
			r->failure.result = failures[i].result;
			r->failure.exception = (uint8_t)strtoul(line + n, NULL, 10);
			return true;
		}
	}
	if (strncmp(line, "fill ", 5) == 0) {
		uint16_t word = (uint16_t)strtoul(line + 5, NULL, 16);
		for (size_t i = 0; i < SPACES * 65536; i++) {
			r->words[i / 65536][i % 65536] = word;
		}
		return true;
	}
	if (strcmp(line, "no states\n") == 0) {
		r->no_states = true;
		return true;
	}
	unsigned long function = strtoul(line, &end, 10);
	unsigned long address = strtoul(end, &end, 0);
	if (function < 1 || function > 4 || address > 65535 || *end != ':') {
		return false;
	}
	for (char *word = strtok(end + 1, " \n"); word; word = strtok(NULL, " \n")) {
		if (address > 65535) {
			return false;
		}
		r->words[function][address++] = (uint16_t)strtoul(word, NULL, 16);
	}
	return true;
}

static bool run(const struct profile *p)
{
	static struct registers r;
	char line[4096];
	bool open = false;

	for (unsigned number = 1; fgets(line, sizeof(line), stdin); number++) {
		if (strncmp(line, "case ", 5) == 0) {
			if (open) {
				print_case(p, &r);
			}
			memset(&r, 0, sizeof(r));
			r.failure.result = ANSWER_OK;
			fputs(line, stdout);
			open = true;
		} else if (line[0] != '#' && line[0] != '\n' && (!open || !take_line(&r, line))) {
			fprintf(stderr, "line %u: %s", number, line);
			return false;
		}
	}
	if (open) {
		print_case(p, &r);
	}
	return open;
}

int main(int argc, char **argv)
{
	struct conf_errors errors = { 0 };
	const struct profile *profile;
	char name[128];

	if (argc < 3) {
		fputs("Usage: decode_registers SHARE PROFILE [VARIANT] < CASES\n", stderr);
		return 2;
	}
	snprintf(name, sizeof(name), "%s/%s", argv[2], argc > 3 ? argv[3] : "");
	struct site *site = site_load_profile(argv[1], name, &profile, &errors);
	conf_errors_print(&errors, "");
	bool good = site && run(profile);
	site_free(site);
	return good ? 0 : 1;
}
