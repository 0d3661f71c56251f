/* cmds.h - the commands of emisctl: each turns the daemon's tables into text. */
#ifndef EMIS_CLI_CMDS_H
#define EMIS_CLI_CMDS_H

#include <jansson.h>
#include <stdbool.h>

struct view {
	bool chinese;
	bool colours;
	int width;
	const char *outlet; /* only this one; NULL = all */
	const char *factor;
	bool explain; /* everything of one limit instead of a table */
};

/* A table of the reply by its name; NULL when it is not there. */
const json_t *tables_find(const json_t *tables, const char *name);

/* A cell by the name of its column; NULL when there is no such column or the value is not known. */
const json_t *tables_cell(const json_t *table, const json_t *row, const char *column);
const char *tables_text(const json_t *table, const json_t *row, const char *column);

/* The type of a column; "" when there is no such column. */
const char *tables_type(const json_t *table, const char *column);

/* All tables as JSON objects, one row a line. */
void tables_print_json(const json_t *tables);

/* The row is about what the view asks for. */
bool view_wants(const struct view *view, const json_t *table, const json_t *row);

/* "35.0", "-" when not known. buf of 32. */
const char *number_text(const json_t *number, int decimals, char *buf);

/* "6-9", "35", "0.001", "-". buf of 80. */
const char *limit_text(const json_t *min, const json_t *max, char *buf);

/* Prints at most `most` of the alarms that the view wants; returns how many it wants. */
size_t show_alarms(const json_t *alarms, const struct view *view, size_t most);

void cmd_status(const json_t *tables, const struct view *view);
void cmd_audit(const json_t *tables, const struct view *view);
void cmd_budget(const json_t *tables, const struct view *view);
void cmd_done(const json_t *tables, const struct view *view); /* says nothing: it is done */
void cmd_marks(const json_t *tables, const struct view *view);
void cmd_alarms(const json_t *tables, const struct view *view);
void cmd_identity(const json_t *tables, const struct view *view);
void cmd_instruments(const json_t *tables, const struct view *view);
void cmd_limits(const json_t *tables, const struct view *view);
void cmd_outbox(const json_t *tables, const struct view *view);
void cmd_plan(const json_t *tables, const struct view *view);
void cmd_raw(const json_t *tables, const struct view *view);

#endif
