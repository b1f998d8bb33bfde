/* Command lines of aq, as a user types them. */
#ifndef AQ_TESTS_LIB_COMMAND_LINE_H
#define AQ_TESTS_LIB_COMMAND_LINE_H

#include "tools/aq/options.h"

/* Cuts `line` at blanks, as the simplest of shells would, and parses it. The caller closes the options. */
int command_line_parse(struct cli_options *options, const char *line, struct aq_error *error) AQ_MUST_CHECK;
/* The same; the line must be good. */
void command_line_parsed(struct cli_options *options, const char *line);
/* Parsed, resolved and its flags checked, as aq does before it sends anything. -1: refused. */
int command_line_check(struct cli_options *options, const char *line, struct aq_error *error) AQ_MUST_CHECK;
/* The line must be refused, with this text. */
void command_line_refused(const char *line, const char *expected);

#endif
