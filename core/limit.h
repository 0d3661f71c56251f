/* limit.h - one number of one legal document. config/limits.d holds them, one file a document.
 * A limit owns its averaging period and its reference oxygen: neither belongs to the outlet. */
#ifndef EMIS_CORE_LIMIT_H
#define EMIS_CORE_LIMIT_H

#include <stdbool.h>

#include "common/time.h"
#include "core/factor.h"

enum limit_period { LIMIT_INSTANT, LIMIT_HOUR, LIMIT_DAY };

struct legal_document {
	char number[96]; /* "环大气〔2019〕35号" */
	char title[192];
	char tier[16]; /* ultra-low, special, local, general, own */
};

struct limit {
	const struct legal_document *document;
	char key[64]; /* "steel.sinter.ultra-low.so2", unique in the catalogue */
	char sector[48];
	char factor[FACTOR_KEY_SIZE];
	char unit[UNIT_SIZE];
	char clause[64];
	char confidence[12]; /* seen1, seen2: where the number was read; memory: nowhere yet */
	char note[160];
	bool verified;         /* only then it may be judged and cited */
	double min;            /* NAN without a lower bound; both bounds are allowed values */
	double max;            /* NAN without an upper bound */
	double o2_ref;         /* percent; NAN = judged as measured (dry, standard state) */
	double share_of_month; /* 0.95 = met when 95 % of a month's hours meet it; NAN without */
	enum limit_period period;
	struct utc in_force; /* first moment it applies */
	struct utc until;    /* first moment it no longer applies; INT64_MAX while it lasts */

	/* Applies only while another factor of the outlet, averaged over the same period, is in
	 * (above, at_most]; when_factor is empty without a condition. GB 18918-2002 Table 1 note 2. */
	char when_factor[FACTOR_KEY_SIZE];
	double when_above;   /* NAN without */
	double when_at_most; /* NAN without */
};

const char *limit_period_name(enum limit_period period);

/* True when an outlet of `sector` falls under it: the same sector, or a part of it ("wwtp" covers
 * "wwtp.1a"). */
bool limit_covers_sector(const struct limit *limit, const char *sector);

/* True when it is in force for a period that starts at `at`. */
bool limit_in_force(const struct limit *limit, struct utc at);

#endif
