/* show.h - a table of the reply as text, column by column. */
#ifndef EMIS_CLI_SHOW_H
#define EMIS_CLI_SHOW_H

#include "cli/cmds.h"

/* A column of the reply and how it is shown. */
struct shown {
	const char *column;
	const char *english;
	const char *chinese;
	int priority; /* as in table.h */
	int decimals; /* of numbers */
};

/* Prints the rows of one table of the reply that the view wants; numbers to the right. Returns how many there are. */
size_t show_table(const json_t *tables, const char *name, const struct shown *shown, size_t n, const struct view *view);

/* "2026-03-02 08:00" of an ISO 8601 moment. */
const char *show_time(const char *text, char *buf, size_t size);

#endif
