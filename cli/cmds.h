/* cmds.h - the commands of emisctl: each prints the tables of the daemon's reply as text. */
#ifndef EMIS_CLI_CMDS_H
#define EMIS_CLI_CMDS_H

#include <jansson.h>
#include <stdbool.h>

/* Which rows are shown, and how. */
struct view {
	bool chinese; /* headings */
	bool colours;
	int width;          /* of the terminal, in columns */
	const char *outlet; /* show only this one; NULL = all */
	const char *factor; /* likewise */
	bool explain;       /* show all fields of one limit instead of a table */
};

/* A table of the reply by its name; NULL when it is not there. */
const json_t *tables_find(const json_t *tables, const char *name);

/* A cell by the name of its column; NULL when there is no such column or the value is not known. */
const json_t *tables_cell(const json_t *table, const json_t *row, const char *column);
/* The text in a cell; "" when there is no such column or no text in it. */
const char *tables_text(const json_t *table, const json_t *row, const char *column);

/* The type of a column; "" when there is no such column. */
const char *tables_type(const json_t *table, const char *column);

/* Prints all tables as JSON objects, one row a line. */
void tables_print_json(const json_t *tables);

/* True when the row belongs to the outlet and the factor that the view asks for. */
bool view_wants(const struct view *view, const json_t *table, const json_t *row);

/* Writes the number as "35.0"; "-" when it is unknown. buf of 32. */
const char *number_text(const json_t *number, int decimals, char *buf);

/* Writes a limit as "35" or "0.001" (a maximum), ">=6" (a minimum), "6-9" (both) or "-" (none). buf of 80. */
const char *limit_text(const json_t *min, const json_t *max, char *buf);

/* Prints at most `most` of the alarms that the view asks for; returns how many there are in all. */
size_t show_alarms(const json_t *alarms, const struct view *view, size_t most);

void cmd_status(const json_t *tables, const struct view *view);
void cmd_audit(const json_t *tables, const struct view *view);
void cmd_budget(const json_t *tables, const struct view *view);
void cmd_done(const json_t *tables, const struct view *view); /* prints nothing: the exit status says that it is done */
void cmd_marks(const json_t *tables, const struct view *view);
void cmd_alarms(const json_t *tables, const struct view *view);
void cmd_identity(const json_t *tables, const struct view *view);
void cmd_instruments(const json_t *tables, const struct view *view);
void cmd_limits(const json_t *tables, const struct view *view);
void cmd_outbox(const json_t *tables, const struct view *view);
void cmd_plan(const json_t *tables, const struct view *view);
void cmd_raw(const json_t *tables, const struct view *view);

#endif
