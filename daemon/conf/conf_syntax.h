/* conf_syntax.h - explains why libconfig refuses a text; libconfig itself only says "syntax error" and a line. Pure. */
#ifndef EMIS_DAEMON_CONF_CONF_SYNTAX_H
#define EMIS_DAEMON_CONF_CONF_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/* Finds the first mistake of the NUL-terminated UTF-8 text against the grammar of libconfig. Gives its line (from 1)
 * and a sentence: what was found, what was expected and, if that is known, what to do. False when no mistake was found;
 * the line is set all the same. */
bool conf_syntax_explain(const char *text, int *ret_line, char *sentence, size_t size);

#endif
