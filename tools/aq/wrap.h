/* Lines for a terminal: what is too long is broken between words, and goes on below the beginning of its text. */
#ifndef AQ_TOOLS_AQ_WRAP_H
#define AQ_TOOLS_AQ_WRAP_H

#include "schema/base/memory.h"

/* Appends `text` with lines of at most `width` characters, as far as words allow; 0: as it is. In "  --flag   what it
 * does", the text begins after the first gap. */
void cli_wrap(const char *text, unsigned width, struct aq_buffer *out);

#endif
