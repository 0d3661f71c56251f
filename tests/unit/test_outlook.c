/* test_outlook.c - where an hour is heading: the bound is proved by brute force over random hours. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/judge.h"
#include "core/outlook.h"

enum { MINUTES = 60, NEEDED = 45 };

struct minute {
	double value;
	bool valid;
};

/* Values of a plant that runs at a level and sometimes fails, some of them far above it. */
static void random_minutes(struct minute *minutes, size_t from)
{
	double level = rand() % 100;

	for (size_t i = from; i < MINUTES; i++) {
		if (rand() % 15 == 0) {
			level = rand() % 100;
		}
		minutes[i] = (struct minute){ level + rand() % 10, rand() % 8 != 0 };
	}
}

static void complete(struct minute *minutes, size_t from, int how)
{
	for (size_t i = from; i < MINUTES; i++) {
		minutes[i] = (struct minute){ 0.0, true };
		if (how == 1) {
			minutes[i].valid = rand() % 2 == 0;
		}
	}
	if (how == 2) {
		random_minutes(minutes, from);
	}
}

/* Of the whole hour, by hand: not by core/mean.c. */
static enum verdict verdict_of(const struct minute *minutes, double limit)
{
	double sum = 0.0;
	int n = 0;

	for (size_t i = 0; i < MINUTES; i++) {
		sum += minutes[i].valid ? minutes[i].value : 0.0;
		n += minutes[i].valid;
	}
	if (n < NEEDED) {
		return VERDICT_NO_DATA;
	}
	return sum / n > limit ? VERDICT_EXCEEDED : VERDICT_OK;
}

static void test_what_is_certain_comes_true(void **state)
{
	struct minute minutes[MINUTES];
	struct outlook outlook;
	unsigned seed = 35, certain = 0;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 3000; round++) {
		double limit = 5 + rand() % 80;
		size_t passed = (size_t)(rand() % MINUTES);
		random_minutes(minutes, 0);
		outlook_open(&outlook, MINUTES, 0);
		for (size_t i = 0; i < passed; i++) {
			outlook_add(&outlook, minutes[i].value, minutes[i].valid);
		}
		bool said = outlook_lowest(&outlook) > limit;
		certain += said;
		for (int how = 0; how < 3; how++) {
			complete(minutes, passed, how);
			enum verdict verdict = verdict_of(minutes, limit);
			if (said) {
				assert_int_not_equal(verdict, VERDICT_OK); /* it exceeds, if it counts */
			} else if (how == 0) {
				assert_int_not_equal(verdict, VERDICT_EXCEEDED); /* zeros do bring it back */
			}
		}
	}
	assert_true(certain > 100);
}

static void test_the_line_goes_on(void **state)
{
	struct outlook outlook;

	(void)state;
	outlook_open(&outlook, MINUTES, 0);
	assert_true(isnan(outlook_lowest(&outlook)));
	for (int i = 0; i < 20; i++) {
		outlook_add(&outlook, 10.0 + i, i % 5 != 0); /* 10, 11, 12 ... with holes */
	}
	assert_true(outlook_speaks(&outlook));
	/* 16 values are there, 40 come: their mean by hand */
	double sum = 0.0;
	for (int i = 0; i < MINUTES; i++) {
		sum += i < 20 && i % 5 == 0 ? 0.0 : 10.0 + i;
	}
	assert_true(fabs(outlook_projected(&outlook) - sum / 56.0) < 1e-9);

	/* Falling below zero is not gone on with. */
	outlook_open(&outlook, MINUTES, 0);
	for (int i = 0; i < 30; i++) {
		outlook_add(&outlook, 29.0 - i, true);
	}
	assert_true(fabs(outlook_projected(&outlook) - 435.0 / 60.0) < 1e-9);
}

static void test_a_quarter_has_to_be_known(void **state)
{
	struct outlook outlook;

	(void)state;
	outlook_open(&outlook, MINUTES, 10); /* emisd started ten minutes into the hour */
	for (int i = 0; i < 14; i++) {
		outlook_add(&outlook, 50.0, true);
	}
	assert_false(outlook_speaks(&outlook));
	outlook_add(&outlook, 50.0, true);
	assert_true(outlook_speaks(&outlook));
	assert_true(fabs(outlook_lowest(&outlook) - 15.0 * 50.0 / 50.0) < 1e-9); /* 35 minutes are left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_certain_comes_true),
		cmocka_unit_test(test_the_line_goes_on),
		cmocka_unit_test(test_a_quarter_has_to_be_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
