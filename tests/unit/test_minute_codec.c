/* test_minute_codec.c - the minutes of a day as bytes: what went in comes out bit for bit, and what is damaged does
 * not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/store/codec/minute_codec.h"
#include "tests/unit/random_mean.h"

static bool same_number(double a, double b)
{
	return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static void expect_packed_same(const struct day_minute *slots)
{
	static struct day_minute got[DAY_SLOTS];
	size_t size = 0;
	unsigned char *data = minute_codec_pack(slots, &size);

	assert_non_null(data);
	assert_true(minute_codec_unpack(data, size, got));
	for (size_t i = 0; i < DAY_SLOTS; i++) {
		const struct mean *a = &slots[i].mean, *b = &got[i].mean;
		assert_int_equal(slots[i].present, got[i].present);
		if (slots[i].present) {
			assert_true(same_number(a->value, b->value) && same_number(a->min, b->min) &&
				same_number(a->max, b->max) && same_number(slots[i].amount, got[i].amount) &&
				a->valid == b->valid && a->flag == b->flag && a->n_valid == b->n_valid &&
				a->n_due == b->n_due && memcmp(a->counts, b->counts, sizeof(a->counts)) == 0);
		}
	}
	for (size_t cut = 0; cut < size; cut += 1 + size / 50) { /* what is cut short is refused, not believed */
		assert_false(minute_codec_unpack(data, cut, got));
	}
	free(data);
}

static void any_day_packs_exactly(void **state)
{
	static struct day_minute slots[DAY_SLOTS];
	unsigned seed = 20261124;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		memset(slots, 0, sizeof(slots));
		unsigned share = 1 + random_next(&seed) % 20;
		for (size_t i = 0; i < DAY_SLOTS; i++) {
			unsigned random = random_next(&seed);
			slots[i].present = i == round || random % 20 < share;
			slots[i].mean = random_mean(mean_rule_of(MEDIUM_GAS, PERIOD_MINUTE), 0, &seed);
			slots[i].amount = random % 7 == 0 ? random / 1000.0 : NAN;
			if (round % 3 == 1) { /* any bits at all */
				uint64_t bits = ((uint64_t)random_next(&seed) << 40) ^
					((uint64_t)random_next(&seed) << 20) ^ random;
				memcpy(&slots[i].mean.value, &bits, sizeof(bits));
				slots[i].mean.value = isfinite(slots[i].mean.value) ? slots[i].mean.value : NAN;
				slots[i].mean.n_valid = random % 100 ? random % 61 : UINT32_MAX;
				slots[i].mean.n_due = random;
			}
			if (round % 3 == 2) { /* now and then none, zero and less than zero */
				slots[i].mean.value = random % 5 == 0 ? -0.0
					: random % 5 == 1             ? 0.0
								      : slots[i].mean.value;
			}
		}
		expect_packed_same(slots);
	}
}

static void means_of_decimal_readings_become_small(void **state)
{
	static struct day_minute slots[DAY_SLOTS];
	unsigned seed = 7;
	size_t size = 0;

	(void)state;
	for (size_t i = 0; i < DAY_SLOTS; i++) {
		slots[i] = (struct day_minute){ .present = true, .amount = NAN };
		slots[i].mean = random_mean(mean_rule_of(MEDIUM_GAS, PERIOD_MINUTE), 0, &seed);
	}
	free(minute_codec_pack(slots, &size));
	assert_true(
		size < DAY_SLOTS * 8); /* value, min, max, flag and counts of a noisy minute: less than one double */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_day_packs_exactly),
		cmocka_unit_test(means_of_decimal_readings_become_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
