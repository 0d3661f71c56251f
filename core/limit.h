/* limit.h - a limit: one number of one legal document. config/limits.d holds the limits, one file per document.
 * A limit owns its averaging period and its reference oxygen: neither belongs to the outlet. */
#ifndef EMIS_CORE_LIMIT_H
#define EMIS_CORE_LIMIT_H

#include <stdbool.h>

#include "common/time.h"
#include "core/factor.h"

enum limit_period { LIMIT_INSTANT, LIMIT_HOUR, LIMIT_DAY, LIMIT_MONTH };

struct legal_document {
	char number[96]; /* "环大气〔2019〕35号" */
	char title[192];
};

struct limit {
	const struct legal_document *document;
	char key[64]; /* "steel.sinter.ultra-low.so2", unique in the catalogue */
	char sector[48];
	char factor[FACTOR_KEY_SIZE];
	char unit[UNIT_SIZE];
	char tier[16]; /* ultra-low, special, local, general, own */
	char clause[96];
	char confidence[12]; /* seen1, seen2: read in one or two sources; memory: read in none yet */
	char note[288];
	bool verified;            /* somebody read the number; an unverified limit may be cited only when confirmed */
	char confirmed_by[128];   /* the site's permit or document that confirms an unverified number; else empty */
	double min;               /* NAN without a lower bound; both bounds are allowed values */
	double max;               /* NAN without an upper bound */
	int digits;               /* after the point, as the document writes the bounds: 0 for 35, 1 for 1.0 */
	double o2_ref;            /* percent; NAN = judged as measured (dry, standard state) */
	double excess_air;        /* the excess air coefficient that o2_ref was made from; NAN without */
	bool o2_ref_if_air_added; /* o2_ref applies only where air is added to burn, else judged as measured */
	double gas_volume_per_tonne; /* m3 of exhaust per tonne of product; NAN without. Cannot be judged. */
	double share_of_month;       /* 0.95 = met when 95 % of a month's hours meet the limit; NAN without */
	enum limit_period period;

	/* When the limit applies: to plants built since new_since from in_force on, to older ones from
	 * in_force_existing on, to none from `until` on, and never to plants built since built_before. */
	struct utc in_force;
	struct utc in_force_existing; /* TIME_NEVER when the limit is for new plants only */
	struct utc new_since;
	struct utc until;        /* TIME_NEVER when no end is known */
	struct utc built_before; /* TIME_NEVER without */

	/* The limit applies only while another factor of the outlet, averaged over the same period, is in (above,
	 * at_most]; when_factor is empty without a condition. GB 18918-2002 Table 1 note 2. */
	char when_factor[FACTOR_KEY_SIZE];
	double when_above;   /* NAN without */
	double when_at_most; /* NAN without */
};

const char *limit_period_name(enum limit_period period);

/* True when the limit covers outlets of `sector`: the sectors are the same, or `sector` is a part of the limit's
 * ("wwtp" covers "wwtp.1a"). */
bool limit_covers_sector(const struct limit *limit, const char *sector);

/* The building date of a plant is not known. The date decides which limits apply; while it is unknown, every limit
 * that may apply does. */
#define BUILT_UNKNOWN ((struct utc){ INT64_MIN })

/* True when the limit is in force at a plant built at `built` for a period that starts at `at`. */
bool limit_in_force(const struct limit *limit, struct utc built, struct utc at);

/* True when the day the plant was built decides whether the limit applies at `at`. */
bool limit_needs_built(const struct limit *limit, struct utc at);

/* True when an alarm may name the limit's document as proof: the number was read, or the site confirmed it. */
bool limit_citable(const struct limit *limit);

#endif
