/* --help, for aq itself, for a noun and for a verb: made from the declarations. */
#ifndef AQ_TOOLS_AQ_HELP_H
#define AQ_TOOLS_AQ_HELP_H

#include "tools/aq/nouns.h"

/* Words that are not a noun of an entity: "status", "log", ... */
struct cli_topic {
    const char *name;
    const char *usage; /* what may follow */
    const char *help;
    enum cli_exit (*run)(struct cli *cli, const char *const *words, unsigned count);
    bool offline;     /* needs no server */
    const char *more; /* one more line of its own help; NULL: none */
};
const struct cli_topic *cli_topic_at(size_t index); /* NULL after the last */
const struct cli_topic *cli_topic_find(const char *name);

/* Help about what the words name; general help if they name nothing. */
void cli_help(const char *const *words, unsigned count, struct aq_buffer *out);

#endif
