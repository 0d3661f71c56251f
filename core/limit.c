#include "core/limit.h"

#include <string.h>

const char *limit_period_name(enum limit_period period)
{
	static const char *const names[] = { [LIMIT_INSTANT] = "instant", [LIMIT_HOUR] = "hour", [LIMIT_DAY] = "day" };

	return names[period];
}

bool limit_covers_sector(const struct limit *limit, const char *sector)
{
	size_t n = strlen(limit->sector);

	return strncmp(limit->sector, sector, n) == 0 && (sector[n] == '\0' || sector[n] == '.');
}

bool limit_in_force(const struct limit *limit, struct utc at)
{
	return at.ms >= limit->in_force.ms && at.ms < limit->until.ms;
}
