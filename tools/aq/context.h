/* aq context: the verbs. */
#ifndef AQ_TOOLS_AQ_CONTEXT_H
#define AQ_TOOLS_AQ_CONTEXT_H

#include "tools/aq/nouns.h"

enum cli_exit cli_context_list(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_context_show(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_context_use(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_context_create(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_context_delete(struct cli *cli, const char *const *words, unsigned count);

#endif
