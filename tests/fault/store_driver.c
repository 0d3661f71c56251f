/* store_driver.c - works with the store as emisd does, and says on standard output what was acknowledged to it.
 *
 * store_driver FOLDER SEED ROUNDS opens the store, reads it back, works for so many rounds and closes it. Each line is
 * written at once, so that whoever kills the program knows how far it came:
 *
 * "open SEQ READINGS JUDGED CHECKPOINT DAMAGES STRANGE BATCHES": the next event, the last reading, the moment up to
 * which all is judged, the newest checkpoint, how many files were damaged, readings that nobody sent or that are out of
 * order, batches that cannot be read.
 *
 * "try WHAT NUMBER" and "ok WHAT NUMBER": before and after readings, event, judged, done, checkpoint.
 *
 * "end DAMAGES": how many files were damaged, those found later included.
 *
 * A failure ends it with status 1 and a sentence. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mean.h"
#include "daemon/store/aggregate.h"
#include "daemon/store/audit.h"
#include "daemon/store/checkpoint.h"
#include "daemon/store/outbox.h"
#include "daemon/store/state.h"
#include "tests/fault/small_site.h"

#define TOPIC "emis/1/small/checkpoint"
#define A_BATCH 8

struct driver {
	struct small_site small;
	int64_t readings; /* the last one given to the store */
	int64_t strange;  /* readings that came back as nobody sent them */
	unsigned random;
};

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	char line[256];
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (write(STDOUT_FILENO, line, (size_t)n) != n) {
		_exit(1);
	}
}

static void expect(struct driver *d, const char *what, int r)
{
	if (r < 0) {
		fprintf(stderr, "%s: %d: %s\n", what, r, store_error(d->small.store));
		exit(1);
	}
}

static unsigned random_below(struct driver *d, unsigned n)
{
	d->random = d->random * 1103515245u + 12345u;
	return d->random / 65536u % n;
}

/* ---- reading back ---- */

static void take(void *context, const struct raw_reading *reading)
{
	struct driver *d = context;
	int64_t number = small_reading_number(reading);

	if (number != d->readings + 1) {
		d->strange++;
	}
	d->readings = number > d->readings ? number : d->readings;
}

static void open_store(struct driver *d)
{
	struct small_site *small = &d->small;
	struct utc judged = { 0 };
	struct store_checkpoint next;
	unsigned damages;

	small->store = store_open(&small->site, &small->clock, small->error, sizeof(small->error));
	if (!small->store) {
		fprintf(stderr, "the store does not open: %s\n", small->error);
		exit(1);
	}
	int damaged = store_raw_replay(small->store, (struct utc){ 0 }, take, d);
	expect(d, "replay", damaged);
	expect(d, "judged", store_judged_until(small->store, &judged)); /* 0 when nothing was */
	expect(d, "checkpoint", store_checkpoint_make(small->store, &next));
	(void)store_damage(small->store, &damages);
	say("open %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %u %" PRId64 " %d\n", store_next_seq(small->store),
		d->readings, judged.ms, next.number - 1, damages, d->strange, damaged);
	small_set_clock(small, d->readings);
}

/* ---- work ---- */

static void flush(struct driver *d)
{
	for (int i = 0; i < A_BATCH; i++) {
		struct raw_reading r = small_reading(++d->readings);
		store_raw_add(d->small.store, &r);
	}
	small_set_clock(&d->small, d->readings);
	say("try readings %" PRId64 "\n", d->readings);
	expect(d, "flush", store_raw_flush(d->small.store));
	say("ok readings %" PRId64 "\n", d->readings);
}

static void write_means(struct driver *d)
{
	struct utc now = clock_utc(&d->small.clock);
	struct mean_record record = { .outlet = &d->small.outlet,
		.point = &d->small.points[0],
		.kind = SERIES_MEASURED,
		.o2_ref = NAN,
		.amount = NAN };

	record.mean.rule = mean_rule_of(MEDIUM_GAS, PERIOD_MINUTE);
	record.mean.start = time_floor(now, MINUTE_MS, CHINA_OFFSET_MIN);
	record.mean.value = record.mean.min = record.mean.max = 1.0;
	record.mean.valid = true;
	expect(d, "means", store_aggregate_write(d->small.store, &record, 1));
}

static void commit(struct driver *d)
{
	struct store_event events[3];
	size_t n = 1 + random_below(d, 3);
	int64_t seq = store_next_seq(d->small.store);
	struct utc now = clock_utc(&d->small.clock);

	for (size_t i = 0; i < n; i++) {
		events[i] = small_event(&d->small, seq + (int64_t)i);
		say("try event %" PRId64 "\n", events[i].seq);
	}
	expect(d, "commit", store_commit(d->small.store, events, n, now));
	for (size_t i = 0; i < n; i++) {
		say("ok event %" PRId64 "\n", events[i].seq);
		free(events[i].payload);
	}
	say("ok judged %" PRId64 "\n", now.ms);
}

static void settle(struct driver *d)
{
	struct outbox_row rows[4];
	int n = store_outbox_pending(d->small.store, 0, INT64_MAX, rows, 4);

	expect(d, "pending", n);
	for (int i = 0; i < n; i++) {
		say("try done %" PRId64 "\n", rows[i].id);
		expect(d, "done", store_outbox_done(d->small.store, &rows[i].id, 1, clock_utc(&d->small.clock)));
		say("ok done %" PRId64 "\n", rows[i].id);
		free(rows[i].payload);
	}
}

static void seal(struct driver *d)
{
	struct store_checkpoint checkpoint;
	struct utc until = { time_floor(clock_utc(&d->small.clock), HOUR_MS, CHINA_OFFSET_MIN).ms };
	int r = store_raw_finish(d->small.store, until);

	expect(d, "finish", r);
	struct utc last;
	expect(d, "last checkpoint", store_checkpoint_last(d->small.store, &last));
	if (r > 0 || last.ms >= until.ms) {
		return;
	}
	expect(d, "checkpoint", store_checkpoint_make(d->small.store, &checkpoint));
	say("try checkpoint %" PRId64 "\n", checkpoint.number);
	expect(d, "checkpoint", store_checkpoint_commit(d->small.store, &checkpoint, TOPIC, "{}"));
	say("ok checkpoint %" PRId64 "\n", checkpoint.number);
}

static void work(struct driver *d, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		flush(d);
		if (random_below(d, 2) == 0) {
			write_means(d);
		}
		if (random_below(d, 3) == 0) {
			commit(d);
		}
		if (random_below(d, 4) == 0) {
			settle(d);
		}
		if (random_below(d, 8) == 0) {
			expect(d, "audit", store_audit(d->small.store, "driver", "round", "", "done"));
		}
		seal(d);
	}
}

int main(int argc, char **argv)
{
	static struct driver d;

	if (argc != 4) {
		fputs("Usage: store_driver FOLDER SEED ROUNDS\n", stderr);
		return 2;
	}
	d.random = (unsigned)strtoul(argv[2], NULL, 10);
	small_site_init(&d.small, argv[1]);
	open_store(&d);
	work(&d, (int)strtol(argv[3], NULL, 10));
	unsigned damages;
	(void)store_damage(d.small.store, &damages);
	store_close(d.small.store);
	say("end %u\n", damages);
	return 0;
}
