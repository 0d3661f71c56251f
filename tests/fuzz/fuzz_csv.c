/* fuzz_csv.c - any bytes as a file of history give a sentence, never a crash. Accepted values are finite numbers
 * with a flag, in order of time and no closer than the interval, and are the same in both passes. The first byte
 * chooses the options. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/tools/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_factor(void *context, const char *key)
{
	(void)context;
	return strcmp(key, "so2") == 0 || strcmp(key, "o2") == 0 || strcmp(key, "nox") == 0;
}

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void check_row(const struct csv *csv, const struct reading *values)
{
	for (size_t i = 0; i < csv_factors(csv); i++) {
		must(values[i].at.ms == values[0].at.ms);
		must(values[i].flag >= FLAG_NORMAL && values[i].flag < FLAG_COUNT);
		must(isfinite(values[i].value) || (isnan(values[i].value) && values[i].flag != FLAG_NORMAL));
	}
}

static void check_rows(struct csv *csv, char *error)
{
	struct reading values[CSV_COLUMNS];
	struct utc before = { INT64_MIN };
	int r;

	while ((r = csv_next(csv, values, error)) > 0) {
		check_row(csv, values);
		must(before.ms == INT64_MIN || values[0].at.ms - before.ms >= csv_interval_ms(csv));
		before = values[0].at;
	}
	must(r == 0 || error[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct csv_name names[] = { { "nox", "NOx" }, { "time", "Time" } };
	char path[32], error[CSV_ERROR_SIZE] = "", unused[64];
	int choice = size > 0 ? data[0] : 0, fd = memfd_create("history", MFD_CLOEXEC);
	struct csv_conf conf = { .path = path, .offset_min = 480, .names = names };

	must(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must(size == 0 || write(fd, data + 1, size - 1) == (ssize_t)size - 1);
	conf.n_names = (size_t)(choice & 3) % 3;
	conf.interval_ms = choice & 4 ? MINUTE_MS : 0;
	conf.has_start = (choice & 12) == 12;
	conf.stamp_is_end = choice & 16;
	struct csv *csv = csv_open(&conf, is_factor, NULL, error);
	must(csv || error[0] != '\0');
	if (csv && (conf.interval_ms > 0 || csv_find_interval(csv, error))) {
		must(csv_interval_ms(csv) > 0 && csv_factors(csv) > 0 && csv_rows(csv) == 0);
		csv_unused(csv, unused, sizeof(unused));
		check_rows(csv, error);
		must(conf.interval_ms > 0 || error[0] == '\0'); /* any error was found in the first pass */
	}
	csv_close(csv);
	close(fd);
	return 0;
}
