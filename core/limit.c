#include "core/limit.h"

#include <string.h>

const char *limit_period_name(enum limit_period period)
{
	static const char *const names[] = {
		[LIMIT_INSTANT] = "instant", [LIMIT_HOUR] = "hour", [LIMIT_DAY] = "day", [LIMIT_MONTH] = "month"
	};

	return names[period];
}

bool limit_covers_sector(const struct limit *limit, const char *sector)
{
	size_t n = strlen(limit->sector);

	return strncmp(limit->sector, sector, n) == 0 && (sector[n] == '\0' || sector[n] == '.');
}

bool limit_in_force(const struct limit *limit, struct utc built, struct utc at)
{
	struct utc from = limit->in_force;

	if (at.ms >= limit->until.ms) {
		return false;
	}
	if (built.ms == BUILT_UNKNOWN.ms) {
		return at.ms >= from.ms || at.ms >= limit->in_force_existing.ms;
	}
	if (built.ms >= limit->built_before.ms) {
		return false;
	}
	if (built.ms < limit->new_since.ms) {
		from = limit->in_force_existing;
	}
	return at.ms >= from.ms;
}

bool limit_needs_built(const struct limit *limit, struct utc at)
{
	struct utc old = { BUILT_UNKNOWN.ms + 1 };
	struct utc young = { TIME_NEVER.ms - 1 };

	return limit_in_force(limit, old, at) != limit_in_force(limit, young, at);
}

bool limit_citable(const struct limit *limit)
{
	return limit->verified || limit->confirmed_by[0] != '\0';
}
