#include "daemon/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/timekeeper.h"

const char *health_clock(const struct daemon *d)
{
	if (!timekeeper_judges(d)) {
		return "not set";
	}
	return d->watch.synchronized ? "synchronized" : "not synchronized";
}

/* Resident pages are the second number of statm. 0 when it cannot be read. */
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

static size_t silent_instruments(const struct daemon *d)
{
	size_t silent = 0;

	for (size_t i = 0; i < d->n_links; i++) {
		struct link_status status;
		link_get_status(d->links[i], &status);
		silent += status.silent;
	}
	return silent;
}

char *health_compose(struct daemon *d, char *topic)
{
	struct outbox_status outbox;

	outbox_get_status(d->outbox, &outbox);
	struct health health = { .boot = store_boot(d->store),
		.uptime_s = (double)(clock_mono(&d->clock).ms - d->started.ms) / 1000.0,
		.newest_seq = store_next_seq(d->store) - 1,
		.clock = health_clock(d),
		.memory_kib = memory_kib(),
		.disk_free_kib = store_free_bytes(d->store) / 1024,
		.store_kib = store_used_bytes(d->store) / 1024,
		.pending = outbox.counts.pending,
		.parked = outbox.counts.parked,
		.readings_dropped = store_raw_dropped(d->store),
		.instruments = d->site->n_instruments,
		.silent = silent_instruments(d) };
	message_health_topic(&d->context, topic);
	return message_health(&d->context, &health);
}
