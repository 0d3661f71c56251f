#include "daemon/base/json_text.h"

#include <stdlib.h>
#include <string.h>

#include "common/mend.h"

json_t *json_text(const char *text)
{
	const char *given = text ? text : "";
	char *mended = malloc(MEND_ROOM(strlen(given)));
	json_t *string = NULL;

	if (mended) {
		size_t n = mend_text(given, mended);
		string = json_stringn_nocheck(mended, n);
	}
	free(mended);
	return string;
}

json_t *json_text_or_null(const char *text)
{
	return text && text[0] ? json_text(text) : json_null();
}
