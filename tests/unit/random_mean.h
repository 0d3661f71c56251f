/* random_mean.h - means to store, the same for the same seed. */
#ifndef EMIS_TESTS_UNIT_RANDOM_MEAN_H
#define EMIS_TESTS_UNIT_RANDOM_MEAN_H

#include "core/mean.h"

unsigned random_next(unsigned *seed);

/* A mean as the core makes them: the sum of decimal readings by their number, now and then invalid. */
struct mean random_mean(const struct mean_rule *rule, int64_t start_ms, unsigned *seed);

#endif
