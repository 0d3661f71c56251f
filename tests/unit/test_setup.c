/* test_setup.c - creates pipelines, also without memory, restores what earlier runs left, and views a point. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/array.h"
#include "tests/unit/fixture.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MIN(n) (EIGHT + (n)*MINUTE_MS)
#define GRACE (10 * SECOND_MS)

/* The linker redirects calloc() and free() to these functions (--wrap). */
void *__real_calloc(size_t n, size_t size);
void __real_free(void *block);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *block);

static long calls, failing_call, live_blocks; /* failing_call 0: none fails */

void *__wrap_calloc(size_t n, size_t size)
{
	void *block = ++calls == failing_call ? NULL : __real_calloc(n, size);

	live_blocks += block != NULL;
	return block;
}

void __wrap_free(void *block)
{
	live_blocks -= block != NULL;
	__real_free(block);
}

/* Two outlets: one with points of each kind of series, one without points. */
static struct pipeline *create(const struct fixture *f, long fail)
{
	struct outlet outlets[2] = { f->outlet, { .id = "DA002", .medium = MEDIUM_GAS } };
	static struct outlet kept[2];

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		kept[i] = outlets[i];
	}
	calls = 0;
	failing_call = fail;
	struct pipeline *p =
		pipeline_create(kept, ARRAY_SIZE(kept), &f->settings, (struct utc){ EIGHT }, (struct utc){ INT64_MIN });
	failing_call = 0;
	return p;
}

static void test_without_memory_there_is_no_pipeline_and_no_leak(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);

	(void)state;
	fixture_point(f, "so2");
	fixture_point(f, "o2");
	f->points[0].wet = true;
	fixture_limit(f, 0, 35.0)->o2_ref = 16.0;
	fixture_limit(f, 0, 50.0)->o2_ref = 9.0;
	fixture_limit(f, 1, 50.0);
	long before = live_blocks;
	struct pipeline *p = create(f, 0);
	long needed = calls;
	assert_non_null(p);
	/* The pipeline and its outlets; the points of each outlet; series and limits of each point; and a ring for each
	 * of the series that readings enter: measured and dry of so2, measured of o2. */
	assert_int_equal(needed, 2 + 2 + 2 * 2 + 3);
	pipeline_destroy(p);
	assert_int_equal(live_blocks, before);
	for (long n = 1; n <= needed; n++) {
		p = create(f, n);
		if (p || live_blocks != before) {
			fail_msg("call %ld failed: pipeline %p, %ld blocks lost", n, (void *)p, live_blocks - before);
		}
	}
	fixture_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_memory_there_is_no_pipeline_and_no_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
