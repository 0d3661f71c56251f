/* show.h - prints a table of the reply as text. */
#ifndef EMIS_CLI_SHOW_H
#define EMIS_CLI_SHOW_H

#include "cli/cmds.h"

/* A column of the reply and how it is shown. */
struct shown {
	const char *column;  /* its name in the reply */
	const char *english; /* heading */
	const char *chinese; /* heading */
	int priority;        /* as in table.h */
	int decimals;        /* of numbers */
};

/* Prints the rows of one table of the reply that the view asks for, numbers right-aligned. Returns their number. */
size_t show_table(const json_t *tables, const char *name, const struct shown *shown, size_t n, const struct view *view);

/* Writes an ISO 8601 moment as "2026-03-02 08:00" into buf and returns it. */
const char *show_time(const char *text, char *buf, size_t size);

#endif
