/* bench_store.c - stores readings and means with the real store and a simulated clock, and with a bare loop for
 * comparison.
 *
 *   bench_store readings DIR BATCH_S SECONDS SOURCE   100 points every 2 s; SOURCE is plant, plant-f32 or a CSV file
 *   bench_store floor DIR BATCH_S SECONDS             one blob of 16-bit numbers for each batch, and nothing else
 *   bench_store means DIR DAYS                        minutes and hours of 100 points
 *
 * The noise is the same as in tests/plant/process.py (normal, cut at three sigma), but computed here. With the
 * source plant, readings are single-precision floats with the decimals of config/factors.conf; with plant-f32 they
 * have all digits of such floats. With a CSV file, each column feeds the same number of points, with a row every 2
 * s; after the last row comes the first. The program prints the number of readings (means) and the CPU seconds, then
 * the bytes of the finished hours (not for `floor`). */
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/num.h"
#include "daemon/store/aggregate.h"
#include "daemon/store/raw.h"

#define OUTLETS 10
#define POINTS 10 /* points of an outlet */
#define ALL ((size_t)(OUTLETS * POINTS))
#define POLL_MS 2000
#define START 1772380800000LL /* 2026-03-02T00:00:00+08:00 */
#define INSTANTS 4096         /* instants of noise, used repeatedly */

/* clang-format off */
static const struct {
	const char *factor;
	double steady;
	double sigma;
	int decimals;
} variables[POINTS] = {
	{ "so2", 20.0, 0.6, 2 }, { "no", 12.0, 0.4, 1 }, { "no2", 2.0, 0.1, 1 }, { "nox", 30.0, 0.8, 1 },
	{ "o2", 16.0, 0.05, 1 }, { "pm", 5.0, 0.15, 1 }, { "temp", 120.0, 0.5, 1 }, { "pressure", -0.5, 0.01, 3 },
	{ "humidity", 8.0, 0.1, 1 }, { "velocity", 12.0, 0.15, 2 },
};
/* clang-format on */

struct bench {
	struct site site;
	struct outlet outlets[OUTLETS];
	struct point points[ALL];
	struct factor factors[POINTS];
	struct clock clock;
	struct store *store;
	double *values; /* values of each instant, point by point */
	size_t n_instants;
	size_t n_points; /* points that have readings */
};

static void __attribute__((noreturn)) die(const char *words)
{
	fprintf(stderr, "bench_store: %s\n", words);
	exit(1);
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double uniform(void)
{
	static uint64_t state = 20261124;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
	double z = sqrt(-2.0 * log(uniform())) * cos(6.283185307179586 * uniform());

	return fmin(fmax(z, -3.0), 3.0);
}

/* ---- the stored values ---- */

static void make_noise(struct bench *b, bool rounded)
{
	b->n_instants = INSTANTS;
	b->n_points = ALL;
	b->values = calloc(b->n_instants * ALL, sizeof(*b->values));
	for (size_t i = 0; b->values && i < b->n_instants * ALL; i++) {
		double value = variables[i % POINTS].steady + variables[i % POINTS].sigma * normal();
		if (rounded) {
			value = num_round_half_even(value, variables[i % POINTS].decimals);
		}
		b->values[i] = (double)(float)value;
	}
}

/* Reads the numbers of a CSV file with a heading; cells that are not numbers (dates) are left out. */
static void read_csv(struct bench *b, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	b->values = calloc((size_t)INSTANTS * 4 * ALL, sizeof(*b->values));
	if (!file || !b->values || !fgets(line, sizeof(line), file)) {
		die("cannot read the CSV file");
	}
	while (b->n_instants < (size_t)INSTANTS * 4 && fgets(line, sizeof(line), file)) {
		double columns[POINTS] = { 0 }, *row = b->values + b->n_instants * ALL;
		size_t n = 0;
		bool first = true;
		for (char *rest = line, *word; n < POINTS && (word = strsep(&rest, ",")) != NULL; first = false) {
			char *end;
			double value = strtod(word, &end);
			if (!first && end != word && (*end == '\0' || *end == '\n' || *end == '\r')) {
				columns[n++] = value;
			}
		}
		memcpy(row, columns, n * sizeof(*columns));
		b->n_points = n > 0 ? n : b->n_points;
		b->n_instants += n > 0;
	}
	fclose(file);
}

static void make_site(struct bench *b, const char *directory)
{
	snprintf(b->site.id, sizeof(b->site.id), "bench");
	snprintf(b->site.store.path, sizeof(b->site.store.path), "%s", directory);
	b->site.store.quota_bytes = (int64_t)1 << 40;
	b->site.judging.offset_min = 480;
	b->site.outlets = b->outlets;
	b->site.n_outlets = OUTLETS;
	for (size_t i = 0; i < ALL; i++) {
		b->points[i].factor = &b->factors[i % POINTS];
	}
	for (size_t i = 0; i < POINTS; i++) {
		snprintf(b->factors[i].key, sizeof(b->factors[i].key), "%s", variables[i].factor);
	}
	for (size_t o = 0; o < OUTLETS; o++) {
		snprintf(b->outlets[o].id, sizeof(b->outlets[o].id), "DA%03zu", o + 1);
		b->outlets[o].medium = MEDIUM_GAS;
		b->outlets[o].points = &b->points[o * POINTS];
		b->outlets[o].n_points = POINTS;
	}
	clock_init_simulated(&b->clock, 1.0, (struct utc){ START }, NAN);
}

static void open_store(struct bench *b)
{
	char error[1500];

	b->store = store_open(&b->site, &b->clock, error, sizeof(error));
	if (!b->store) {
		die(error);
	}
}

static void check(const struct bench *b, int r)
{
	if (r < 0) {
		die(store_error(b->store));
	}
}

/* ---- the runs ---- */

static void readings(struct bench *b, int64_t batch_ms, int64_t seconds)
{
	int64_t most = (int64_t)b->n_instants * POLL_MS / 1000;
	double before = cpu_seconds();
	size_t n = 0;

	seconds = b->n_points < ALL && seconds > most ? most : seconds;
	open_store(b);
	for (int64_t at = 0; at < seconds * 1000; at += POLL_MS) {
		const double *row = b->values + (size_t)(at / POLL_MS) % b->n_instants * ALL;
		for (size_t o = 0; o * POINTS < b->n_points;
			o++) { /* the time of an answer varies a little each time */
			int64_t stamp = START + at + (int64_t)o * 37 + (at / POLL_MS * 7 + (int64_t)o) % 5;
			for (size_t p = 0; p < POINTS && o * POINTS + p < b->n_points; p++) {
				struct raw_reading r = { .outlet = o, .point = p };
				r.reading = (struct reading){ { stamp }, row[o * POINTS + p], FLAG_NORMAL };
				store_raw_add(b->store, &r);
				n++;
			}
		}
		if ((at + POLL_MS) % batch_ms == 0) {
			b->clock.start.ms = START + at + POLL_MS;
			check(b, store_raw_flush(b->store));
			check(b, store_raw_finish(b->store, (struct utc){ START + at - 30000 }));
		}
	}
	check(b, store_raw_flush(b->store));
	int r = 1;
	while (r == 1) {
		r = store_raw_finish(b->store, (struct utc){ START + seconds * 1000 + HOUR_MS });
		check(b, r);
	}
	store_close(b->store);
	printf("%zu %.4f\n", n, cpu_seconds() - before);
}

static void run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		die(sqlite3_errmsg(db));
	}
}

/* The bare loop: 16 bits for each reading and a stamp for each instrument. */
static void floor_loop(struct bench *b, int64_t batch_ms, int64_t seconds)
{
	char path[600];
	sqlite3 *db = NULL;
	sqlite3_stmt *put = NULL;
	unsigned char blob[5 * (ALL * 2 + OUTLETS * 8)];
	size_t n = 0, used = 0;
	double before = cpu_seconds();

	snprintf(path, sizeof(path), "%s/floor.db", b->site.store.path);
	if (batch_ms > 5 * POLL_MS || sqlite3_open(path, &db) != SQLITE_OK) {
		die("cannot open the file");
	}
	run_sql(db,
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		"CREATE TABLE chunk(id INTEGER PRIMARY KEY, at INTEGER, data BLOB)");
	if (sqlite3_prepare_v2(db, "INSERT INTO chunk(at, data) VALUES(?1, ?2)", -1, &put, NULL) != SQLITE_OK) {
		die(sqlite3_errmsg(db));
	}
	for (int64_t at = 0; at < seconds * 1000; at += POLL_MS) {
		const double *row = b->values + (size_t)(at / POLL_MS) % b->n_instants * ALL;
		for (size_t i = 0; i < ALL; i++, n++) {
			int64_t stamp = START + at;
			if (i % POINTS == 0) {
				memcpy(blob + used, &stamp, sizeof(stamp));
				used += sizeof(stamp);
			}
			int16_t scaled = (int16_t)(row[i] * 100.0);
			memcpy(blob + used, &scaled, sizeof(scaled));
			used += sizeof(scaled);
		}
		if ((at + POLL_MS) % batch_ms == 0) {
			sqlite3_bind_int64(put, 1, at);
			sqlite3_bind_blob(put, 2, blob, (int)used, SQLITE_STATIC);
			if (sqlite3_step(put) != SQLITE_DONE || sqlite3_reset(put) != SQLITE_OK) {
				die(sqlite3_errmsg(db));
			}
			used = 0;
		}
	}
	sqlite3_finalize(put);
	sqlite3_close(db);
	printf("%zu %.4f\n", n, cpu_seconds() - before);
}

static struct mean_record mean_of(struct bench *b, size_t point, enum period period, int64_t at)
{
	const struct outlet *outlet = &b->outlets[point / POINTS];
	struct mean_record r = {
		.outlet = outlet, .point = &outlet->points[point % POINTS], .o2_ref = NAN, .amount = NAN
	};
	double scale = pow(10.0, variables[point % POINTS].decimals), sigma = variables[point % POINTS].sigma;

	r.mean = (struct mean){ .rule = mean_rule_of(MEDIUM_GAS, period),
		.start = { at },
		.valid = true,
		.n_valid = 30,
		.n_due = 30,
		.counts = { 30 } };
	/* A mean of thirty readings with decimals: their sum has the same decimals. */
	r.mean.value = round((variables[point % POINTS].steady + sigma * normal() / 5.0) * 30.0 * scale) / scale / 30.0;
	r.mean.min = round((r.mean.value - sigma * (1.0 + uniform())) * scale) / scale;
	r.mean.max = round((r.mean.value + sigma * (1.0 + uniform())) * scale) / scale;
	return r;
}

static void means(struct bench *b, int64_t days)
{
	struct mean_record *records = calloc(61 * ALL, sizeof(*records));
	double before = cpu_seconds();
	size_t total = 0;

	if (!records) {
		die("out of memory");
	}
	open_store(b);
	for (int64_t hour = 0; hour < days * 24; hour++) {
		size_t n = 0;
		for (int64_t at = START + hour * HOUR_MS; at < START + (hour + 1) * HOUR_MS; at += MINUTE_MS) {
			for (size_t p = 0; p < ALL; p++) {
				records[n++] = mean_of(b, p, PERIOD_MINUTE, at);
			}
		}
		for (size_t p = 0; p < ALL; p++) {
			records[n++] = mean_of(b, p, PERIOD_HOUR, START + hour * HOUR_MS);
		}
		check(b, store_aggregate_write(b->store, records, n));
		total += n;
		int r = 1;
		while (r == 1) {
			r = store_aggregate_pack(b->store, (struct utc){ START + (hour + 1) * HOUR_MS });
			check(b, r);
		}
	}
	store_close(b->store);
	free(records);
	printf("%zu %.4f\n", total, cpu_seconds() - before);
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	const char *mode = argc > 3 ? argv[1] : "";
	int64_t batch_ms = argc > 3 ? atoll(argv[3]) * 1000 : 0, seconds = argc > 4 ? atoll(argv[4]) : 0;

	if (!b) {
		die("out of memory");
	}
	make_site(b, argc > 2 ? argv[2] : "");
	if (strcmp(mode, "means") == 0) {
		means(b, atoll(argv[3]));
	} else if (strcmp(mode, "floor") == 0 && seconds > 0) {
		make_noise(b, true);
		floor_loop(b, batch_ms, seconds);
	} else if (strcmp(mode, "readings") == 0 && argc > 5) {
		if (strncmp(argv[5], "plant", 5) == 0) {
			make_noise(b, strcmp(argv[5], "plant") == 0);
		} else {
			read_csv(b, argv[5]);
		}
		readings(b, batch_ms, seconds);
	} else {
		die("readings DIR BATCH_S SECONDS SOURCE, floor DIR BATCH_S SECONDS or means DIR DAYS");
	}
	free(b->values);
	free(b);
	return 0;
}
