#include "tests/unit/random_mean.h"

#include <math.h>

unsigned random_next(unsigned *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 8;
}

struct mean random_mean(const struct mean_rule *rule, int64_t start_ms, unsigned *seed)
{
	struct mean m = { .rule = rule, .start = { start_ms }, .end = { start_ms + rule->ms }, .n_due = 30 };
	double sum = 0.0;

	m.min = m.max = m.value = NAN;
	for (unsigned i = 0; i < m.n_due; i++) {
		unsigned random = random_next(seed);
		if (random % 40 == 0) {
			m.counts[random % FLAG_COUNT]++;
			continue;
		}
		double reading = (300 + random % 50) / 10.0;
		m.counts[FLAG_NORMAL]++;
		m.n_valid++;
		sum += reading;
		m.min = fmin(m.min, reading);
		m.max = fmax(m.max, reading);
	}
	m.valid = random_next(seed) % 10 > 0;
	m.flag = m.valid ? FLAG_NORMAL : (enum flag)(random_next(seed) % FLAG_COUNT);
	m.value = m.valid ? sum / m.n_valid : NAN;
	return m;
}
