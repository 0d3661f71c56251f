#include "daemon/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/store/alarm.h"
#include "daemon/store/raw.h"
#include "daemon/store/space.h"

/* The resident memory of this process: the second number of statm, in pages. 0 when the file cannot be read. */
static int64_t memory_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long long pages = 0;
	char line[128];

	if (file && fgets(line, sizeof(line), file)) {
		char *end = line;
		(void)strtoll(line, &end, 10);
		pages = strtoll(end, NULL, 10);
	}
	if (file) {
		fclose(file);
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static size_t count_silent_instruments(const struct health_sources *from)
{
	size_t silent = 0;

	for (size_t i = 0; i < from->n_links; i++) {
		struct link_status status;
		link_get_status(from->links[i], &status);
		silent += status.silent;
	}
	return silent;
}

char *health_compose(const struct health_sources *from, char *topic)
{
	struct outbox_status outbox;

	outbox_get_status(from->outbox, &outbox);
	struct health health = { .boot = store_boot(from->store),
		.uptime_s = (double)(clock_mono(from->context->clock).ms - from->started.ms) / 1000.0,
		.newest_seq = store_next_seq(from->store) - 1,
		.clock = from->clock_state,
		.memory_kib = memory_kib(),
		.disk_free_kib = store_free_bytes(from->store) / 1024,
		.store_kib = store_used_bytes(from->store) / 1024,
		.pending = outbox.counts.pending,
		.parked = outbox.counts.parked,
		.readings_dropped = store_raw_dropped(from->store),
		.instruments = from->context->site->n_instruments,
		.silent = count_silent_instruments(from) };
	message_health_topic(from->context, topic);
	return message_health(from->context, &health);
}
