/* --help, for aq itself, for a noun and for a verb: made from the declarations. */
#ifndef AQ_TOOLS_AQ_HELP_H
#define AQ_TOOLS_AQ_HELP_H

#include "tools/aq/action.h"

/* Help about what the words name; general help if they name nothing. */
void cli_help(const char *const *words, unsigned count, struct aq_arena *arena, struct aq_buffer *out);

#endif
