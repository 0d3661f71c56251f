#include "daemon/control/reply_table.h"

#include <math.h>

#include "daemon/daemon.h"

json_t *reply_table(const char *name, const struct reply_column *columns, size_t n)
{
	json_t *head = json_array();

	for (size_t i = 0; i < n; i++) {
		json_array_append_new(head, json_pack("{s:s, s:s}", "name", columns[i].name, "type", columns[i].type));
	}
	return json_pack("{s:s, s:o, s:[]}", "name", name, "columns", head, "rows");
}

void reply_add_row(json_t *table, json_t *row)
{
	json_array_append_new(json_object_get(table, "rows"), row);
}

json_t *reply_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *reply_moment(const struct daemon *d, struct utc at)
{
	char text[TIME_TEXT_SIZE];

	return json_string(time_format(at, d->site->judging.offset_min, text));
}
