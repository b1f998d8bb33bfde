/* Words of the command line that are not a noun of an entity: "run", "status", "log tail". Each says which flags it
 * takes. */
#ifndef AQ_TOOLS_AQ_TOPICS_H
#define AQ_TOOLS_AQ_TOPICS_H

#include "tools/aq/nouns.h"

struct cli_topic {
    const char *name;
    const char *usage; /* what may follow */
    const char *help;
    enum cli_exit (*run)(struct cli *cli, const char *const *words, unsigned count); /* NULL: a verb must follow */
    uint64_t flags;               /* that it takes, besides CLI_COMMON_FLAGS */
    bool offline;                 /* needs no server */
    const char *more;             /* one more line of its own help; NULL: none */
    const struct aq_entity *keys; /* whose keys may follow; NULL: none */
    const struct cli_topic
        *verbs; /* words that may follow, such as "tail"; ends with a row without a name; NULL: none */
};

const struct cli_topic *cli_topic_at(size_t index); /* NULL after the last */
const struct cli_topic *cli_topic_find(const char *name);
const struct cli_topic *cli_topic_verb(const struct cli_topic *topic, const char *name); /* NULL: none */

/* Sets of flags that go together. */
#define CLI_COMMON_FLAGS (CLI_BIT(help) | CLI_BIT(timeout) | CLI_BIT(context) | CLI_SERVER_FLAGS)
#define CLI_SERVER_FLAGS                                                                                               \
    (CLI_BIT(server) | CLI_BIT(user) | CLI_BIT(token_file) | CLI_BIT(fingerprint) | CLI_BIT(authority_file))
#define CLI_DATA_FLAGS  (CLI_BIT(json) | CLI_BIT(yaml))
#define CLI_TABLE_FLAGS (CLI_DATA_FLAGS | CLI_BIT(quiet) | CLI_BIT(wide) | CLI_BIT(no_headers))

#endif
