/* What could come next on the command line: for the shell's completion (tools/completion/aq.bash). */
#ifndef AQ_TOOLS_AQ_COMPLETE_H
#define AQ_TOOLS_AQ_COMPLETE_H

#include "tools/aq/nouns.h"

/* `words` are those typed behind "aq", the last one being typed now (it may be empty). Appends one candidate per line
 * that begins with it. Keys are asked from the server when `cli->client` is not NULL; what fails is silent. */
void cli_complete(struct cli *cli, const char *const *words, unsigned count, struct aq_buffer *out);

#endif
