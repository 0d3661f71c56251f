/* conf_syntax.h - what is wrong with a text that libconfig refuses: its own words are "syntax error" and a line. Pure.
 */
#ifndef EMIS_DAEMON_CONF_CONF_SYNTAX_H
#define EMIS_DAEMON_CONF_CONF_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/* The first place where the NUL-terminated UTF-8 text leaves the grammar of libconfig: its line (from 1) and a sentence
 * that says what was found, what was expected and, where that can be told, what to do. False when nothing was found. */
bool conf_syntax_explain(const char *text, int *ret_line, char *sentence, size_t size);

#endif
