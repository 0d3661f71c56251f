/* random_mean.h - random means for tests of the store; the same seed gives the same means. */
#ifndef EMIS_TESTS_UNIT_RANDOM_MEAN_H
#define EMIS_TESTS_UNIT_RANDOM_MEAN_H

#include "core/mean.h"

unsigned random_next(unsigned *seed);

/* A mean like those of the core: the sum of decimal readings divided by their number; some of them are invalid. */
struct mean random_mean(const struct mean_rule *rule, int64_t start_ms, unsigned *seed);

#endif
