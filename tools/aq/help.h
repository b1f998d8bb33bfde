/* --help, for aq itself, for a noun and for a verb: made from the declarations. */
#ifndef AQ_TOOLS_AQ_HELP_H
#define AQ_TOOLS_AQ_HELP_H

#include "tools/aq/action.h"

/* Help about what the words name; general help without words. -1: they name nothing. */
int cli_help(const char *const *words, unsigned count, struct aq_arena *arena, struct aq_buffer *out,
             struct aq_error *error);

#endif
