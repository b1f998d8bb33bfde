/* Completion of the command line for the shell (tools/completion/aq.bash). */
#ifndef AQ_TOOLS_AQ_COMPLETE_H
#define AQ_TOOLS_AQ_COMPLETE_H

#include "tools/aq/nouns.h"

/* `words` are those typed after "aq"; the last one is being typed and may be empty. Appends one candidate per line that
 * begins with it. Keys are read from the server when `cli->client` is not NULL; failures are silent. */
void cli_complete(struct cli *cli, const char *const *words, unsigned count, struct aq_buffer *out);

#endif
