/* bench_reading.c - emisd's acquisition without store and judgement: links, plan, frame checks, decoding, flags.
 *
 *   bench_reading SHARE CONF SCALE SECONDS
 *
 * The program prints the number of registers read, of values decoded with the flag N, and the CPU seconds. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/decode.h"
#include "daemon/modbus/link.h"

int main(int argc, char **argv)
{
	struct conf_errors errors = { 0 }, warnings = { 0 };
	struct clock clock_of_run;
	long long registers = 0, values = 0;

	if (argc != 5) {
		fputs("Usage: bench_reading SHARE CONF SCALE SECONDS\n", stderr);
		return 2;
	}
	struct site *site = site_load(argv[2], argv[1], &errors, &warnings);
	for (size_t i = 0; i < errors.n; i++) {
		fprintf(stderr, "%s\n", errors.lines[i]);
	}
	if (!site) {
		return 1;
	}
	clock_init(&clock_of_run);
	clock_init_simulated(&clock_of_run, atof(argv[3]), clock_utc(&clock_of_run), (double)time(NULL));
	struct mailbox *box = mailbox_create(1024, sizeof(struct link_report));
	struct link **links = calloc(site->n_links, sizeof(struct link *));
	struct answer(*answers)[PROFILE_REQUESTS] = calloc(site->n_instruments, sizeof(*answers));
	for (size_t i = 0; i < site->n_links; i++) {
		links[i] = link_start(site, i, &clock_of_run, box);
	}
	int64_t end = clock_real_mono_ms() + atol(argv[4]) * 1000;
	while (clock_real_mono_ms() < end) {
		struct pollfd pfd = { .fd = mailbox_fd(box), .events = POLLIN };
		struct link_report report;
		(void)poll(&pfd, 1, 100);
		while (mailbox_take(box, &report)) {
			const struct profile *profile = site->instruments[report.instrument].profile;
			answers[report.instrument][report.request] = report.answer;
			registers += report.answer.result == ANSWER_OK ? profile->requests[report.request].count : 0;
			for (size_t i = 0; report.last && i < profile->n_channels; i++) {
				double value;
				enum flag flag;
				decode_channel(
					profile, &profile->channels[i], answers[report.instrument], &value, &flag);
				values += flag == FLAG_NORMAL;
			}
		}
	}
	printf("%lld %lld %.6f\n", registers, values, (double)clock() / CLOCKS_PER_SEC);
	fflush(stdout);
	_Exit(0); /* the links end with the process; the time to stop them is not measured */
}
