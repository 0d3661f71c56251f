/* test_marks.c - the operator's marks: which readings they flag, and how many there can be. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/array.h"
#include "tests/unit/fixture.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define MIN(n) (EIGHT + (n)*MINUTE_MS)
#define GRACE (10 * SECOND_MS)

static void test_which_readings_a_mark_flags(void **state)
{
	static const struct {
		const char *rule;
		struct mark mark;
		char flag;
	} rows[] = {
		{ "of the point", { 0, 1, { MIN(0) }, { MIN(1) }, FLAG_MAINTENANCE }, 'M' },
		{ "of the whole outlet", { 0, -1, { MIN(0) }, { MIN(1) }, FLAG_MAINTENANCE }, 'M' },
		{ "of another point", { 0, 0, { MIN(0) }, { MIN(1) }, FLAG_MAINTENANCE }, 'N' },
		{ "of another outlet", { 1, 1, { MIN(0) }, { MIN(1) }, FLAG_MAINTENANCE }, 'N' },
		{ "of the minute before", { 0, 1, { MIN(-1) }, { MIN(0) }, FLAG_MAINTENANCE }, 'N' },
		{ "of the minute after", { 0, 1, { MIN(1) }, { MIN(2) }, FLAG_MAINTENANCE }, 'N' },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_create(MEDIUM_GAS);
		fixture_point(f, "so2");
		fixture_point(f, "nox");
		fixture_start(f, EIGHT, INT64_MIN);
		assert_true(pipeline_add_mark(f->pipeline, &rows[i].mark));
		fixture_feed(f, 1, MIN(0), MIN(1), 20.0, FLAG_NORMAL);
		fixture_step(f, MIN(1) + GRACE);
		char flag = flag_letter(fixture_last(f, 1, PERIOD_MINUTE, SERIES_MEASURED, NAN)->mean.flag);
		if (flag != rows[i].flag) {
			fail_msg("%s: found %c", rows[i].rule, flag);
		}
		fixture_destroy(f);
	}
}

/* There is room for 64 marks. One that ended a day before the closed minutes makes room for another. */
static void test_old_marks_make_room(void **state)
{
	struct fixture *f = fixture_create(MEDIUM_GAS);
	struct mark mark = { 0, -1, { EIGHT }, { HOUR(2) }, FLAG_MAINTENANCE }, old = mark;

	(void)state;
	old.until.ms = HOUR(1);
	fixture_point(f, "so2");
	fixture_start(f, EIGHT, INT64_MIN);
	assert_true(pipeline_add_mark(f->pipeline, &old));
	for (int i = 1; i < 64; i++) {
		assert_true(pipeline_has_room_for_mark(f->pipeline));
		assert_true(pipeline_add_mark(f->pipeline, &mark));
	}
	assert_false(pipeline_has_room_for_mark(f->pipeline));
	assert_false(pipeline_add_mark(f->pipeline, &mark));
	fixture_step(f, HOUR(1) + DAY_MS - MINUTE_MS + GRACE);
	assert_false(pipeline_add_mark(f->pipeline, &mark));
	fixture_step(f, HOUR(1) + DAY_MS + GRACE);
	assert_true(pipeline_add_mark(f->pipeline, &mark));
	assert_false(pipeline_add_mark(f->pipeline, &mark));
	fixture_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_readings_a_mark_flags),
		cmocka_unit_test(test_old_marks_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
