/* test_reading_codec.c - readings survive packing bit for bit and in order, whatever they are, and damage is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "daemon/store/codec/column_codec.h"
#include "daemon/store/codec/reading_codec.h"

#define BASE 1772409600000LL
#define MOST 5000

/* The same random numbers each time. */
static void seed(void)
{
	unsigned first = 20261124;

	print_message("seed %u\n", first);
	srand(first);
}

struct taken {
	struct packed_reading readings[MOST];
	size_t n;
};

static void take(void *context, const struct packed_reading *reading)
{
	struct taken *taken = context;

	assert_true(taken->n < MOST);
	taken->readings[taken->n++] = *reading;
}

static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Packs, unpacks, compares; the size of the pack. */
static size_t survive(const struct packed_reading *readings, size_t n, bool deflate)
{
	static struct taken taken;
	size_t size = 0;
	unsigned char *data = reading_codec_pack(readings, n, BASE, deflate, &size);

	assert_non_null(data);
	taken.n = 0;
	assert_true(reading_codec_unpack(data, size, BASE, take, &taken));
	assert_int_equal(taken.n, n);
	for (size_t i = 0; i < n; i++) {
		const struct packed_reading *a = &readings[i], *b = &taken.readings[i];
		assert_true(a->series == b->series && a->late == b->late && a->reading.at.ms == b->reading.at.ms &&
			a->reading.flag == b->reading.flag);
		assert_true(isnan(a->reading.value) ? isnan(b->reading.value)
						    : bits_of(a->reading.value) == bits_of(b->reading.value));
	}
	free(data);
	return size;
}

static double random_value(void)
{
	uint64_t bits = 0;
	double value;

	for (int i = 0; i < 4; i++) {
		bits = bits << 21 ^ (uint64_t)rand();
	}

	switch (rand() % 10) {
	case 0:
		memcpy(&value, &bits, sizeof(value)); /* anything, infinities and denormals, too */
		return value;
	case 1:
		return (double)((float)rand() / 1000.0F);
	case 2:
		return (double)(float)(rand() % 100000 / 100.0);
	case 3:
		return -0.0;
	case 4:
		return NAN;
	case 5:
		return (double)rand() * (double)rand();
	default:
		return rand() % 10000 / 10.0;
	}
}

static void test_random_readings_survive(void **state)
{
	static struct packed_reading readings[MOST];

	(void)state;
	seed();
	for (int round = 0; round < 300; round++) {
		size_t n = 1 + (size_t)rand() % (round < 280 ? 60 : MOST);
		bool alike = rand() % 2; /* one kind of value only, as a real series has */
		int64_t at = BASE + rand() % 3600000;
		for (size_t i = 0; i < n; i++) {
			at += rand() % 3 ? 0 : rand() % 4000 - 100;
			readings[i] =
				(struct packed_reading){ .series = (uint16_t)(rand() % (rand() % 20 ? 12 : 65536)),
					.late = rand() % 50 == 0,
					.reading = { { at }, alike ? rand() % 5000 / 100.0 : random_value(),
						(enum flag)(rand() % FLAG_COUNT) } };
		}
		(void)survive(readings, n, round % 2); /* the sizes do not matter here */
	}
}

static void test_one_form_of_number_after_the_other(void **state)
{
	static const double columns[][4] = { { 1.0, 2.0, 300.0, -5.0 }, { 0.1, 0.25, 123.456, 1e-9 },
		{ (double)0.1F, (double)12.35F, (double)100.7F, 0.0 },
		{ (double)3.14159274F, 1.0, 2.0, (double)1e-30F }, { 1.0 / 3.0, 1e300, 5e-324, -2.0 },
		{ INFINITY, -INFINITY, 0.0, -0.0 }, { 9007199254740993.0, 1.0, 2.0, 3.0 },
		{ 0x1.d20dbf19b6263p+52, 603.6, 7399.5, 0.001 }, { 0.0, 0.0, 0.0, 0.0 } };

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
		struct packed_reading readings[4];
		for (size_t i = 0; i < 4; i++) {
			readings[i] = (struct packed_reading){ .series = 7,
				.reading = { { BASE + 2000 * (int64_t)i }, columns[c][i], FLAG_NORMAL } };
		}
		(void)survive(readings, 4, false);
	}
}

/* Readings of an instrument with one decimal, over an hour, take less than a byte and a half each. */
static void test_a_quiet_hour_is_small(void **state)
{
	static struct packed_reading readings[MOST];
	size_t n = 0;

	(void)state;
	seed();
	for (int64_t at = BASE; n + 4 <= 1800 * 2; at += 2000 + rand() % 5 - 2) {
		for (uint16_t series = 1; series <= 4; series++) {
			readings[n++] = (struct packed_reading){ .series = series,
				.reading = { { at }, (double)(float)((200 + rand() % 5) / 10.0), FLAG_NORMAL } };
		}
	}
	assert_true(survive(readings, n, true) < n * 3 / 2);
}

/* A few numbers that are not decimal fractions do not make the others large. */
static void test_odd_numbers_among_decimals(void **state)
{
	static const double odd[] = { 1.0 / 3.0, INFINITY, -0.0, 1e300, 12.3456789 };
	static const size_t places[] = { 0, 1, 499, 998, 999 };
	struct packed_reading readings[1000];
	size_t n = ARRAY_SIZE(readings);

	(void)state;
	seed();
	for (size_t i = 0; i < n; i++) {
		readings[i] = (struct packed_reading){ .series = 7,
			.reading = { { BASE + 2000 * (int64_t)i }, (double)(200 + rand() % 50) / 10.0, FLAG_NORMAL } };
	}
	size_t plain = survive(readings, n, false);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		readings[places[i]].reading.value = odd[i];
		assert_true(survive(readings, n, false) < plain + 20 * (i + 1));
	}
}

static void test_what_cannot_be_packed_is_refused(void **state)
{
	struct packed_reading far = { .series = 1,
		.reading = { { BASE + READING_CODEC_SPAN_MS + 1 }, 1.0, FLAG_NORMAL } };
	size_t size = 0;

	(void)state;
	assert_null(reading_codec_pack(&far, 1, BASE, true, &size));
}

static void count(void *context, const struct packed_reading *reading)
{
	(void)reading;
	++*(size_t *)context;
}

/* A pack that is cut or has a flipped bit is refused or gives other readings; nothing outside of it is read. */
static void test_damaged_bytes(void **state)
{
	struct packed_reading readings[40];
	size_t size = 0, taken = 0;

	(void)state;
	seed();
	for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
		readings[i] = (struct packed_reading){ .series = (uint16_t)(i % 4),
			.reading = { { BASE + (int64_t)(i / 4) * 2000 }, random_value(), FLAG_NORMAL } };
	}
	for (int deflate = 0; deflate < 2; deflate++) {
		unsigned char *data = reading_codec_pack(readings, ARRAY_SIZE(readings), BASE, deflate, &size);
		for (size_t n = 0; n < size; n++) {
			unsigned char *cut = malloc(n + 1); /* of exactly this size, so that a read beyond is seen */
			memcpy(cut, data, n);
			assert_false(reading_codec_unpack(cut, n, BASE, count, &taken));
			free(cut);
		}
		for (size_t bit = 0; bit < size * 8; bit++) {
			data[bit / 8] ^= (unsigned char)(1U << (bit % 8));
			(void)reading_codec_unpack(data, size, BASE, count, &taken); /* either is right */
			data[bit / 8] ^= (unsigned char)(1U << (bit % 8));
		}
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_readings_survive),
		cmocka_unit_test(test_one_form_of_number_after_the_other),
		cmocka_unit_test(test_a_quiet_hour_is_small),
		cmocka_unit_test(test_odd_numbers_among_decimals),
		cmocka_unit_test(test_what_cannot_be_packed_is_refused),
		cmocka_unit_test(test_damaged_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
