/* judge_cases.c - judges cases from standard input, for test_judgement.py, which judges the same cases with
 * fractions.
 *
 * Each line is a case: KIND MAX DIGITS O2_REF N NUMBER...; the kinds, and the meaning of the N numbers:
 *   m  values of one period
 *   r  readings; each 12 of them make a value of the period
 *   c  pairs of a concentration and its oxygen, which are converted and then averaged
 *   w  pairs of a concentration in water and the flow in L/s, which is its weight
 *   d  values; each 3 of them make a day; the days go through the store, as doubles, and make a month
 *
 * The program prints two letters, one without rounding and one with half-even rounding: E exceeded, O not exceeded,
 * ? when the severity (ratio to the limit) does not agree with the verdict. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/convert.h"
#include "core/judge.h"

#define TEN_MINUTES_S 600.0
#define NUMBERS 512

static struct mean_acc open_any(unsigned needed)
{
	struct mean_acc acc;

	mean_open(&acc, mean_rule_of(MEDIUM_WATER, PERIOD_DAY), (struct utc){ 0 }, 0);
	mean_expect(&acc, needed, needed);
	return acc;
}

static void add(struct mean_acc *acc, struct exact value, double weight)
{
	const struct sub_value sub = { value, FLAG_NORMAL, true, weight, 1 };

	mean_add(acc, &sub);
}

/* Adds the means of `per` numbers each; through_store: as the store would return them. */
static void add_groups(struct mean_acc *acc, const double *numbers, size_t n, size_t per, bool through_store)
{
	for (size_t i = 0; i + per <= n; i += per) {
		struct mean_acc group = open_any((unsigned)per);
		struct mean mean;
		for (size_t k = 0; k < per; k++) {
			add(&group, exact_decimal(numbers[i + k]), 1.0);
		}
		mean_close(&group, &mean);
		mean.rest = through_store ? 0.0 : mean.rest;
		add(acc, mean_exact(&mean), 1.0);
	}
}

static struct mean mean_of(char kind, double o2_ref, const double *numbers, size_t n)
{
	struct mean_acc acc = open_any(1);
	struct mean mean;

	if (kind == 'r' || kind == 'd') {
		add_groups(&acc, numbers, n, kind == 'r' ? 12 : 3, kind == 'd');
	}
	for (size_t i = 0; kind == 'm' && i < n; i++) {
		add(&acc, exact_decimal(numbers[i]), 1.0);
	}
	for (size_t i = 0; kind == 'w' && i + 2 <= n; i += 2) {
		add(&acc, exact_decimal(numbers[i]), convert_water_volume(numbers[i + 1], TEN_MINUTES_S));
	}
	for (size_t i = 0; kind == 'c' && i + 2 <= n; i += 2) {
		add(&acc, convert_to_reference_oxygen(exact_decimal(numbers[i]), exact_decimal(numbers[i + 1]), o2_ref),
			1.0);
	}
	mean_close(&acc, &mean);
	return mean;
}

static int letter(const struct limit *limit, const struct mean *mean, enum rounding rounding)
{
	enum verdict verdict = judge_mean(limit, mean, rounding);
	bool exceeded = verdict == VERDICT_EXCEEDED;

	if (verdict == VERDICT_NO_DATA || (judge_severity(limit, mean->value, rounding) > 1.0) != exceeded) {
		return '?';
	}
	return exceeded ? 'E' : 'O';
}

int main(void)
{
	struct limit limit = { .min = NAN };
	static double numbers[NUMBERS];
	double o2_ref;
	size_t n;
	char kind;

	while (scanf(" %c %lf %d %lf %zu", &kind, &limit.max, &limit.digits, &o2_ref, &n) == 5 && n <= NUMBERS) {
		for (size_t i = 0; i < n; i++) {
			if (scanf("%lf", &numbers[i]) != 1) {
				return EXIT_FAILURE;
			}
		}
		struct mean mean = mean_of(kind, o2_ref, numbers, n);
		putchar(letter(&limit, &mean, ROUNDING_NONE));
		putchar(letter(&limit, &mean, ROUNDING_HALF_EVEN));
		putchar('\n');
	}
	return feof(stdin) ? EXIT_SUCCESS : EXIT_FAILURE;
}
