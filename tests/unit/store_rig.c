#include "tests/unit/store_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void store_rig_set_up(struct store_rig *rig)
{
	static unsigned rigs;

	snprintf(rig->folder, sizeof(rig->folder), "/tmp/emisd-unit-%ld-%u", (long)getpid(), rigs++);
	assert_int_equal(mkdir(rig->folder, 0700), 0);
	snprintf(rig->site.id, sizeof(rig->site.id), "test");
	snprintf(rig->site.store.path, sizeof(rig->site.store.path), "%s", rig->folder);
	rig->site.store.no_sync = true; /* tests/fault has the tests of power cuts */
	rig->site.judging.offset_min = 480;
	rig->site.store.quota_bytes = (int64_t)1 << 40;
	clock_init_simulated(&rig->clock, 1.0, (struct utc){ EIGHT }, NAN);
}

void store_rig_outlet(struct store_rig *rig, const char *id, enum medium medium, const char *const *factors)
{
	size_t i = rig->site.n_outlets++;
	struct outlet *outlet = &rig->outlets[i];

	assert_true(i < RIG_OUTLETS);
	rig->site.outlets = rig->outlets;
	snprintf(outlet->id, sizeof(outlet->id), "%s", id);
	outlet->medium = medium;
	outlet->points = rig->points[i];
	for (; factors[outlet->n_points]; outlet->n_points++) {
		size_t k = outlet->n_points;
		assert_true(k < RIG_POINTS);
		snprintf(rig->factors[i][k].key, sizeof(rig->factors[i][k].key), "%s", factors[k]);
		rig->points[i][k].factor = &rig->factors[i][k];
	}
}

void store_rig_open(struct store_rig *rig)
{
	char error[1500];

	rig->store = store_open(&rig->site, &rig->clock, error, sizeof(error));
	if (!rig->store) {
		fail_msg("%s", error);
	}
}

void store_rig_run(struct store_rig *rig, const char *format, ...)
{
	char words[256], command[384];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	snprintf(command, sizeof(command), "cd '%s' && %s", rig->folder, words);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): words of the tests only */
}

void store_rig_tear_down(struct store_rig *rig)
{
	store_close(rig->store);
	store_rig_run(rig, "rm -rf '%s'", rig->folder);
}
